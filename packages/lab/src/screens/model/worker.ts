import { type CallContext, Moved } from "../../worker/protocol.js";
import { type Port, serve } from "../../worker/serve.js";
import type { Halved } from "./half.js";
import { type Direction, type GraphLayout, layOut, mostNodes } from "./layout.js";
import type { Quantized } from "./quantize.js";
import { whyRefused } from "./refused.js";
import { sampleFile } from "./samples.js";
import { type Change, Session } from "./session.js";
import type { Sizes } from "./sizes.js";
import type { SampleName } from "./state.js";

let session: Session | undefined;
/** Files of the model in other numbers: they stay here until they are saved. */
let made: { readonly quantized?: Uint8Array; readonly half?: Uint8Array } = {};

const opened = (): Session => {
  if (session === undefined) throw new Error("No model is open.");
  return session;
};

/** A drawing of the graph, or why there is none. */
export type Drawn = { readonly layout: GraphLayout } | { readonly missing: string };

interface MoveArgs {
  readonly change: Change;
  readonly seed: number;
  readonly isBroken: boolean;
  readonly isContinued: boolean;
}

/** @throws Error, in words for the page, for a file that is not opened */
function sessionOf(bytes: Uint8Array, sizes: Sizes): Session {
  try {
    return new Session(bytes, sizes);
  } catch (error) {
    throw new Error(whyRefused(bytes, error), { cause: error });
  }
}

const handlers = {
  async open({ file, sizes }: { readonly file: Uint8Array | SampleName; readonly sizes: Sizes }) {
    const next = sessionOf(typeof file === "string" ? sampleFile(file) : file, sizes);
    await session?.dispose();
    session = next;
    made = {};
    return { summary: next.summary, graph: next.graph };
  },

  draw(direction: Direction): Drawn {
    const { graph } = opened();
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

  find: () => opened().find(),
  move: ({ change, ...settings }: MoveArgs) => opened().move(change, settings),
  undo: () => opened().undo(),
  reset: () => opened().reset(),
  figures: () => opened().figures(),
  check: (seed: number) => opened().check(seed),
  ort: (seed: number) => opened().compareInOrt(seed),
  file: () => moved(opened().file()),

  /** Tells what is tried. */
  async quantize(seed: number, { send }: CallContext): Promise<Omit<Quantized, "bytes">> {
    const { quantized } = await import("./quantize.js");
    const { bytes, ...rest } = await quantized(opened().file(), opened().summary.sizes, seed, (next) => {
      void send(next);
    });
    made = { ...made, quantized: bytes };
    return rest;
  },

  async half(seed: number): Promise<Omit<Halved, "bytes">> {
    const { halved } = await import("./half.js");
    const { bytes, ...rest } = await halved(opened().file(), opened().summary.sizes, seed);
    made = { ...made, half: bytes };
    return rest;
  },

  made(kind: keyof typeof made) {
    const bytes = made[kind];
    if (bytes === undefined) throw new Error("The file was not made yet.");
    return moved(bytes.slice());
  },
};

const moved = (file: Uint8Array) => new Moved(file, [file.buffer as ArrayBuffer]);

serve(globalThis as unknown as Port, handlers as never);
