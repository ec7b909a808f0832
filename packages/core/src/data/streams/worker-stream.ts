import { DataError, describeValue, OptionError } from "../../errors.js";
import { integerFrom, type OptionsOf, optionTable, text } from "../../options.js";
import type { DataStream } from "../stream.js";
import { openThread, type Thread } from "./thread.js";

export interface WorkerStreamOptions extends OptionsOf<typeof workerStreamOptions> {}

const workerStreamOptions = optionTable("workerStream", {
  /** Name of the module's export that is the stream; default default. */
  export: text("the name of an export, such as training").default("default"),
  /** Examples in an epoch; default unknown: a trainer counts them by reading an epoch. */
  length: integerFrom(1).otherwise("unknown"),
  /** Parts that are read before they are asked for; default 2. */
  ahead: integerFrom(1).default(2),
});

/** A stream that a thread reads. */
export interface WorkerStream<T> extends DataStream<T> {
  /** Ends the thread, which would else end with the process. */
  dispose(): Promise<void>;
}

/** What the thread sends for a reading. */
type Message =
  | { readonly kind: "part"; readonly part: unknown }
  | { readonly kind: "end" }
  | { readonly kind: "error"; readonly message: string };

/** The thread, and the functions that wait for the messages of each reading. */
interface Reader {
  readonly thread: Thread;
  readonly readings: Map<number, (message: Message) => void>;
}

/**
 * The stream of a module, read in a thread of its own while the steps run: a worker thread of Node, or a Web Worker in a
 * browser. Parts are moved from there.
 *
 * A browser loads the module by its address, so that it must be served as it is there, with what it imports: a bundler leaves
 * it alone in the folder of public files, or makes it an entry of its own that keeps its exports.
 *
 * @param module address of a JavaScript module whose export is a stream, or a function that makes one, also asynchronously
 * @throws OptionError for another address or options out of range; DataError from the stream when the module fails
 *
 * @example
 * // In a module: new URL("./training-data.mjs", import.meta.url).
 * const stream = workerStream("file:///home/me/training-data.mjs", { length: 60000 });
 */
export function workerStream<T extends object>(
  module: URL | string,
  options: WorkerStreamOptions = {},
): WorkerStream<T> {
  const { export: name, length, ahead } = workerStreamOptions.read(options);
  const address = addressOf(module);
  let reader: Reader | undefined;
  let readings = 0;
  return {
    length,
    async *batches(seed, epoch) {
      reader ??= startReader(programOf({ address, name, ahead }), () => {
        reader = undefined;
      });
      const { thread, readings: open } = reader;
      const id = readings++;
      const messages: Message[] = [];
      let wake = () => {};
      open.set(id, (message) => {
        messages.push(message);
        wake();
      });
      thread.post({ id, begin: { seed, epoch } });
      try {
        for (;;) {
          // A process waits for a part that is asked for, and for nothing else here.
          thread.hold();
          while (messages.length === 0) {
            await new Promise<void>((next) => {
              wake = next;
            });
          }
          thread.release();
          const message = messages.shift() as Message;
          if (message.kind === "end") return;
          if (message.kind === "error") {
            throw new DataError(`The stream "${name}" of ${address} failed: ${message.message}.`);
          }
          thread.post({ id });
          yield message.part as T;
        }
      } finally {
        open.delete(id);
        thread.post({ id, isOver: true });
      }
    },
    async dispose() {
      await reader?.thread.end();
    },
  };
}

function startReader(program: string, onEnd: () => void): Reader {
  const readings: Reader["readings"] = new Map();
  const thread = openThread(program, {
    onMessage(data) {
      const { id, ...message } = data as Message & { id: number };
      readings.get(id)?.(message as Message);
    },
    onEnd(why) {
      onEnd();
      for (const receive of readings.values()) receive({ kind: "error", message: why });
    },
  });
  return { thread, readings };
}

function addressOf(module: URL | string): string {
  if (URL.canParse(String(module))) return String(module);
  throw new OptionError(
    `workerStream takes the address of a module, new URL("./data.mjs", import.meta.url); got ${describeValue(module)}.`,
  );
}

/**
 * What the thread does: it reads up to `ahead` parts more than have been taken. As text, so that bundlers need no second
 * file; `listen` and `post` are the thread's, see `openThread`.
 */
const programOf = (given: {
  readonly address: string;
  readonly name: string;
  readonly ahead: number;
}): string => `
const { address, name, ahead } = ${JSON.stringify(given)};
const readings = new Map();
let opened;
const open = async () => {
  const exported = (await import(address))[name];
  const stream = typeof exported === "function" ? await exported() : exported;
  if (typeof stream?.batches !== "function") throw new Error("it is no stream { length, batches(seed, epoch) }");
  return stream;
};
const read = async (id, { seed, epoch }) => {
  const state = { room: ahead, isOver: false, wake() {} };
  readings.set(id, state);
  opened ??= open();
  for await (const part of (await opened).batches(seed, epoch)) {
    while (state.room < 1 && !state.isOver) await new Promise((next) => { state.wake = next; });
    if (state.isOver) break;
    state.room -= 1;
    const copy = Object.fromEntries(Object.entries(part).map(([key, { shape, data }]) => [key, { shape, data: data.slice() }]));
    post({ id, kind: "part", part: copy }, Object.values(copy).map(({ data }) => data.buffer));
  }
  if (!state.isOver) post({ id, kind: "end" });
};
listen(({ id, begin, isOver }) => {
  if (begin) {
    read(id, begin)
      .catch((error) => post({ id, kind: "error", message: String(error?.message ?? error) }))
      .finally(() => readings.delete(id));
    return;
  }
  const state = readings.get(id);
  if (!state) return;
  if (isOver) state.isOver = true;
  else state.room += 1;
  state.wake();
});
`;
