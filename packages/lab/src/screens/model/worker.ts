import { keep, kept } from "../../worker/kept.js";
import type { CallContext } from "../../worker/protocol.js";
import { type Port, serve } from "../../worker/serve.js";
import type { Halved } from "./half.js";
import { type Direction, type GraphLayout, layOut, mostNodes } from "./layout.js";
import type { Quantized } from "./quantize.js";
import { whyRefused } from "./refused.js";
import { sampleFile } from "./samples.js";
import { type Change, fixed, type Point, type Position, Session } from "./session.js";
import type { Sizes } from "./sizes.js";
import type { SampleName } from "./state.js";

/** What is opened: a sample, or the bytes and the name of a file; and the setting that it belongs to. */
export interface Opened {
  readonly source: SampleName | Uint8Array;
  readonly name: string | undefined;
  readonly sample: SampleName;
  /** What was done to the file before it was opened. */
  readonly note?: string | undefined;
}

/** A model as it is opened. */
interface Model extends Opened {
  readonly sizes: Sizes;
}

/** What a tab has kept of a model, besides the files in other numbers: one record, so that its parts never differ in age. */
interface KeptModel extends Model {
  readonly points?: readonly Point[];
}

interface Tabbed {
  readonly tab: string;
}

let session: Session | undefined;
let model: Model | undefined;
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
  const found = await kept<KeptModel>(`${tab} model`);
  if (found === undefined) return undefined;
  const { points = [], ...rest } = found;
  const next = sessionOf(rest);
  next.restore(points);
  model = rest;
  return next;
}

/** Changes the parameters, and keeps them before the page shows them: the worker may end at any time. */
async function changed({ tab }: Tabbed, change: (now: Session) => Promise<Position>): Promise<Position> {
  const now = await opened({ tab });
  const position = await change(now);
  await keepModel(tab, now);
  return position;
}

const keepModel = (tab: string, { points }: Session) => keep(`${tab} model`, { ...model, points });

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

/** Files with inputs of the user's own. */
interface Chosen {
  readonly files: readonly File[];
}

/** @throws Error, in words for the page, for a file that is not opened */
function sessionOf({ source, sizes }: Model): Session {
  const bytes = typeof source === "string" ? sampleFile(source) : source;
  try {
    return new Session(bytes, sizes);
  } catch (error) {
    throw new Error(whyRefused(bytes, error), { cause: error });
  }
}

const handlers = {
  async open({ tab, keepsMoves, ...given }: Model & Tabbed & { readonly keepsMoves: boolean }) {
    const next = sessionOf(given);
    // With other sizes groups may be others: slides begin at the parameters as they are.
    if (keepsMoves) next.restore((await opened({ tab })).points.map(({ params }) => fixed(params)));
    // The model first: where the next one does not fit, the tab has none.
    for (const what of ["model", ...(keepsMoves ? [] : ["quantized", "half"])])
      await keep(`${tab} ${what}`, undefined);
    await session?.dispose();
    session = next;
    model = given;
    made = {};
    await keepModel(tab, next);
    return { summary: next.summary, graph: next.graph };
  },

  /** What the tab has kept, if that belongs to the setting and still opens. */
  async reopen({ tab, sample }: Tabbed & Pick<Opened, "sample">) {
    const found = await kept<KeptModel>(`${tab} model`);
    if (found?.sample !== sample) return undefined;
    await session?.dispose();
    session = undefined;
    try {
      const { summary, graph } = await opened({ tab });
      return {
        shown: { summary, graph },
        opened: { source: found.source, name: found.name, sample, note: found.note },
      };
    } catch {
      await keep(`${tab} model`, undefined);
      return undefined;
    }
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
  move: ({ change, tab, ...settings }: MoveArgs) => changed({ tab }, (now) => now.move(change, settings)),
  undo: (args: Tabbed) => changed(args, (now) => now.undo()),
  reset: (args: Tabbed) => changed(args, (now) => now.reset()),
  async figures(args: Tabbed) {
    const now = await opened(args);
    await now.find();
    return now.figures();
  },
  async check({ seed, files, tab }: Seeded & Chosen, context: CallContext) {
    const now = await opened({ tab });
    // This worker may have begun after they were chosen.
    if (files.length > 0 && !now.hasInputs) await now.takeInputs(files);
    return now.check(seed, goOn(context));
  },
  ort: async ({ seed, tab }: Seeded, context: CallContext) =>
    (await opened({ tab })).compareInOrt(seed, goOn(context)),
  looks: async ({ names, tab }: Tabbed & { readonly names: readonly string[] }) =>
    (await opened({ tab })).looks(names),
  inputs: async ({ files, tab }: Tabbed & Chosen) => (await opened({ tab })).takeInputs(files),
  file: async (args: Tabbed) => blobOf((await opened(args)).file()),
  fold: async (args: Tabbed) => (await opened(args)).folded(),

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
    return blobOf(bytes);
  },
};

/** Tells the page which run of ONNX Runtime begins, and hears whether it is wanted. */
const goOn =
  ({ send, isStopped }: CallContext) =>
  async (run: number, of: number): Promise<boolean> => {
    void send(`run ${run} of ${of}`);
    return !(await isStopped());
  };

/** A file whose bytes are copied here: the page passes them on. */
const blobOf = (file: Uint8Array) => new Blob([file as Uint8Array<ArrayBuffer>]);

serve(globalThis as unknown as Port, handlers as never);
