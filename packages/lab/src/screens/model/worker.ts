import { keep, kept } from "../../worker/kept.js";
import { type CallContext, Moved } from "../../worker/protocol.js";
import { type Port, serve } from "../../worker/serve.js";
import type { Params } from "./groups.js";
import type { Halved } from "./half.js";
import { type Direction, type GraphLayout, layOut, mostNodes } from "./layout.js";
import type { Quantized } from "./quantize.js";
import { whyRefused } from "./refused.js";
import { sampleFile } from "./samples.js";
import { type Change, Session } from "./session.js";
import type { Sizes } from "./sizes.js";
import type { SampleName } from "./state.js";

/** What is opened: a sample, or the bytes and the name of a file; and the setting that it belongs to. */
export interface Opened {
  readonly source: SampleName | Uint8Array;
  readonly name: string | undefined;
  readonly sample: SampleName;
}

/** What a tab has kept of a model, besides its moves and the files in other numbers. */
interface KeptModel extends Opened {
  readonly sizes: Sizes;
}

interface Tabbed {
  readonly tab: string;
}

let session: Session | undefined;
/** Files of the model in other numbers: they stay here until they are saved. */
let made: Partial<Record<Made, Uint8Array>> = {};

type Made = "quantized" | "half";

async function keepMade(tab: string, kind: Made, bytes: Uint8Array): Promise<void> {
  made[kind] = bytes;
  await keep(`${tab} ${kind}`, bytes);
}

/** The model that is open; in a worker that has begun since, the one that the tab has kept. */
async function opened({ tab }: Tabbed): Promise<Session> {
  session ??= await reopened(tab);
  if (session === undefined) throw new Error("No model is open: open the file again.");
  return session;
}

async function reopened(tab: string): Promise<Session | undefined> {
  const model = await kept<KeptModel>(`${tab} model`);
  if (model === undefined) return undefined;
  const next = sessionOf(model);
  next.restore((await kept<Params>(`${tab} moves`)) ?? {});
  return next;
}

/** A drawing of the graph, or why there is none. */
export type Drawn = { readonly layout: GraphLayout } | { readonly missing: string };

interface MoveArgs extends Tabbed {
  readonly change: Change;
  readonly seed: number;
  readonly isBroken: boolean;
  readonly isContinued: boolean;
}

interface Seeded extends Tabbed {
  readonly seed: number;
}

/** @throws Error, in words for the page, for a file that is not opened */
function sessionOf({ source, sizes }: Pick<KeptModel, "source" | "sizes">): Session {
  const bytes = typeof source === "string" ? sampleFile(source) : source;
  try {
    return new Session(bytes, sizes);
  } catch (error) {
    throw new Error(whyRefused(bytes, error), { cause: error });
  }
}

const handlers = {
  async open({ tab, keepsMoves, ...model }: KeptModel & Tabbed & { readonly keepsMoves: boolean }) {
    const next = sessionOf(model);
    if (keepsMoves) next.restore((await opened({ tab })).moves);
    else for (const what of ["moves", "quantized", "half"]) await keep(`${tab} ${what}`, undefined);
    await session?.dispose();
    session = next;
    made = {};
    await keep(`${tab} model`, model);
    return { summary: next.summary, graph: next.graph };
  },

  /** What the tab has kept, if that belongs to the setting. */
  async reopen({ tab, sample }: Tabbed & Pick<Opened, "sample">) {
    const model = await kept<KeptModel>(`${tab} model`);
    if (model?.sample !== sample) return undefined;
    await session?.dispose();
    session = undefined;
    const { summary, graph } = await opened({ tab });
    return { shown: { summary, graph }, opened: model };
  },

  async draw({ direction, tab }: Tabbed & { readonly direction: Direction }): Promise<Drawn> {
    const { graph } = await opened({ tab });
    if (graph.nodes.length > mostNodes) {
      const count = graph.nodes.length.toLocaleString("en-US");
      return {
        missing: `The graph has ${count} nodes, and up to ${mostNodes} are drawn. The table "All nodes" has all of them.`,
      };
    }
    try {
      return { layout: layOut(graph, direction) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { missing: 'The graph is too deep to be laid out here. The table "All nodes" has its nodes.' };
    }
  },

  async find(args: Tabbed) {
    const now = await opened(args);
    return { found: await now.find(), position: now.position() };
  },
  move: async ({ change, tab, ...settings }: MoveArgs) => (await opened({ tab })).move(change, settings),
  undo: async (args: Tabbed) => (await opened(args)).undo(),
  reset: async (args: Tabbed) => (await opened(args)).reset(),
  async figures(args: Tabbed) {
    const now = await opened(args);
    await now.find();
    return now.figures();
  },
  /** Keeps the moves first: what is compared may take so long that it is stopped. */
  async check({ seed, tab }: Seeded) {
    const now = await opened({ tab });
    await keep(`${tab} moves`, now.moves);
    return now.check(seed);
  },
  ort: async ({ seed, tab }: Seeded) => (await opened({ tab })).compareInOrt(seed),
  file: async (args: Tabbed) => moved((await opened(args)).file()),

  /** Files on integers of 8 bits, from the weights as they are now. Tells what is tried. */
  async quantize({ seed, tab }: Seeded, { send }: CallContext): Promise<Omit<Quantized, "bytes">> {
    const now = await opened({ tab });
    const { quantized } = await import("./quantize.js");
    const { bytes, ...rest } = await quantized(now.file(), now.summary.sizes, seed, (next) => {
      void send(next);
    });
    await keepMade(tab, "quantized", bytes);
    return rest;
  },

  async half({ seed, tab }: Seeded): Promise<Omit<Halved, "bytes">> {
    const now = await opened({ tab });
    const { halved } = await import("./half.js");
    const { bytes, ...rest } = await halved(now.file(), now.summary.sizes, seed);
    await keepMade(tab, "half", bytes);
    return rest;
  },

  async made({ kind, tab }: Tabbed & { readonly kind: Made }) {
    const bytes = made[kind] ?? (await kept<Uint8Array>(`${tab} ${kind}`));
    if (bytes === undefined) throw new Error("The file was not made yet: make it again.");
    return moved(bytes.slice());
  },
};

const moved = (file: Uint8Array) => new Moved(file, [file.buffer as ArrayBuffer]);

serve(globalThis as unknown as Port, handlers as never);
