// Threads of JavaScript: worker threads in Node (nodejs.org, "Worker threads"), dedicated workers in browsers (HTML, "Web workers").

/** A thread. */
export interface Thread {
  /** Sends data, which are copied, but for the given buffers: these are moved. */
  post(data: unknown, moved?: readonly ArrayBuffer[]): void;
  /** Until `release`, the process waits for the thread; of Node alone. */
  hold(): void;
  release(): void;
  end(): Promise<unknown>;
}

interface ThreadEvents {
  onMessage(data: unknown): void;
  /** @param why the thread has ended, or failed */
  onEnd(why: string): void;
}

/** Node's module, as far as it is needed: types of Node are not known to code for browsers. */
interface WorkerThreads {
  readonly Worker: new (program: string, options: { eval: true }) => NodeWorker;
}

interface NodeWorker {
  on(event: "message", listener: (data: unknown) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "exit", listener: () => void): void;
  postMessage(data: unknown, moved: readonly ArrayBuffer[]): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

const hasEnded = "its thread has ended";

/**
 * Starts a thread.
 *
 * @param program a script, with `listen(f)`, which calls f with what is posted to it, and `post(data, transfer)`
 */
export function openThread(program: string, events: ThreadEvents): Thread {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(id: string): WorkerThreads | undefined };
  };
  // Bundlers for browsers see no import of Node's.
  const node = process?.getBuiltinModule?.("node:worker_threads");
  return node ? nodeThread(node, program, events) : webThread(program, events);
}

function nodeThread({ Worker }: WorkerThreads, program: string, { onMessage, onEnd }: ThreadEvents): Thread {
  const start = `
    const { parentPort } = process.getBuiltinModule("node:worker_threads");
    const listen = (f) => parentPort.on("message", f);
    const post = (data, transfer) => parentPort.postMessage(data, transfer);`;
  const worker = new Worker(`${start}\n${program}`, { eval: true });
  worker.unref();
  worker.on("message", onMessage);
  worker.on("error", ({ message }) => onEnd(message));
  worker.on("exit", () => onEnd(hasEnded));
  return {
    post: (data, moved = []) => worker.postMessage(data, moved),
    hold: () => worker.ref(),
    release: () => worker.unref(),
    end: () => worker.terminate(),
  };
}

function webThread(program: string, { onMessage, onEnd }: ThreadEvents): Thread {
  const start = `
    const listen = (f) => addEventListener("message", ({ data }) => f(data));
    const post = (data, transfer) => postMessage(data, transfer);`;
  const script = new Blob([`${start}\n${program}`], { type: "text/javascript" });
  const address = URL.createObjectURL(script);
  const worker = new Worker(address, { type: "module" });
  worker.addEventListener("message", ({ data }) => onMessage(data));
  worker.addEventListener("error", ({ message }) =>
    onEnd(message || "the page does not let it start a worker"),
  );
  return {
    post: (data, moved = []) => worker.postMessage(data, [...moved]),
    hold() {},
    release() {},
    async end() {
      worker.terminate();
      URL.revokeObjectURL(address);
      onEnd(hasEnded);
    },
  };
}
