// The page's side: of the calls with one key at most one is under way and one waits, the newest.
import type { Answer, Ask } from "./protocol.js";

/** What this side needs of a Worker. */
export interface WorkerLike {
  postMessage(ask: Ask): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<Answer>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** Why a call has no result: a newer one with its key took its place. Nothing to show. */
export class Superseded extends Error {
  override readonly name = "Superseded";
}

/** Why a call has no result: its worker ended, such as for lack of memory. */
export class WorkerEnded extends Error {
  override readonly name = "WorkerEnded";
}

/** An error that a call threw in the worker. */
export class CallError extends Error {
  constructor(
    override readonly name: string,
    message: string,
  ) {
    super(message);
  }
}

export interface AskOptions {
  /** Calls with the same key replace each other; default the call's name. */
  readonly key?: string;
  /** Called with each part of a result; the worker goes on once it is done. */
  readonly onPart?: ((part: never) => void | Promise<void>) | undefined;
}

interface Call extends AskOptions {
  readonly id: number;
  readonly key: string;
  readonly call: string;
  readonly args: unknown;
  /** Whether it was asked to end before it has begun. */
  isStopped?: boolean;
  resolve(value: never): void;
  reject(error: Error): void;
}

export interface WorkerClient {
  ask<V>(call: string, args: unknown, options?: AskOptions): Promise<V>;
  /**
   * Asks the call with a key to end early: what it has by then is its result. Without a key all calls end, and the worker with
   * them where it does not listen: the next call starts another one.
   */
  stop(key?: string): void;
  /** Nobody looks at the screen, or somebody does again: a worker that has nothing to do for a while ends. */
  rest(isResting: boolean): void;
}

/** Milliseconds in which a worker has to listen when all is stopped. */
const patience = 500;

/** Calls that were made: a worker may answer those of a client that has left it. */
let ids = 0;
/** Those that have no result yet, of all clients. */
let open = 0;

/** Whether a worker of the page computes what was asked for. */
export const isComputing = (): boolean => open > 0;

/**
 * Calls to a worker, which is started with the first one and again after it died.
 *
 * @param create starts a worker
 * @param idle milliseconds until a worker ends whose screen was left
 * @param onEnd told when a worker died: what it was computing is lost. One that never answered is not worth another try
 */
export function createClient(
  create: () => WorkerLike,
  onEnd: (reason: string, hasAnswered: boolean) => void = () => {},
  idle = 5000,
): WorkerClient {
  const running = new Map<string, Call>();
  const waiting = new Map<string, Call>();
  let worker: WorkerLike | undefined;
  let resting: ReturnType<typeof setTimeout> | undefined;

  const byId = (id: number) => [...running.values()].find((call) => call.id === id);
  const post = (ask: Ask) => worker?.postMessage(ask);

  const begin = (call: Call): void => {
    worker ??= start();
    running.set(call.key, call);
    post({ kind: "call", id: call.id, call: call.call, args: call.args });
    if (call.isStopped) post({ kind: "stop", id: call.id });
  };
  /** Begins a call, or lets it wait for the one with its key, which may end early. */
  const queue = (call: Call): void => {
    const before = running.get(call.key);
    if (before === undefined) {
      begin(call);
      return;
    }
    post({ kind: "stop", id: before.id });
    waiting.get(call.key)?.reject(new Superseded(`A newer ${call.call} took its place.`));
    waiting.set(call.key, call);
  };
  const end = ({ key }: Call): void => {
    running.delete(key);
    const next = waiting.get(key);
    waiting.delete(key);
    if (next) begin(next);
  };
  const receive = async (answer: Answer): Promise<void> => {
    const call = byId(answer.id);
    if (call === undefined) return;
    if (answer.kind === "part") {
      try {
        await call.onPart?.(answer.part as never);
      } finally {
        post({ kind: "taken", id: call.id });
      }
      return;
    }
    end(call);
    if (answer.kind === "value") call.resolve(answer.value as never);
    else call.reject(new CallError(answer.error.name, answer.error.message));
  };
  const fail = (error: Error, end: (worker: WorkerLike) => void): void => {
    const lost = [...running.values(), ...waiting.values()];
    running.clear();
    waiting.clear();
    if (worker !== undefined) end(worker);
    worker = undefined;
    for (const call of lost) call.reject(error);
  };
  function start(): WorkerLike {
    const made = create();
    let hasAnswered = false;
    made.onmessage = ({ data }) => {
      hasAnswered = true;
      void receive(data);
    };
    made.onerror = (event) => {
      const reason = event.message || "The worker ended.";
      fail(new WorkerEnded(reason), (ended) => ended.terminate());
      onEnd(reason, hasAnswered);
    };
    return made;
  }

  return {
    ask: (call, args, { key = call, onPart } = {}) =>
      new Promise((resolve, reject) => {
        open++;
        const ended =
          <A>(settle: (answer: A) => void) =>
          (answer: A) => {
            open--;
            settle(answer);
          };
        queue({ id: ids++, key, call, args, onPart, resolve: ended(resolve), reject: ended(reject) });
      }),
    stop(key) {
      const isMeant = (call: Call) => key === undefined || call.key === key;
      const stopped = [...running.values()].filter(isMeant);
      for (const { id } of stopped) post({ kind: "stop", id });
      for (const next of waiting.values()) next.isStopped ||= isMeant(next);
      if (key !== undefined) return;
      setTimeout(() => {
        if (!stopped.some((call) => running.get(call.key) === call)) return;
        // What was asked for since is not stopped: the next worker computes it.
        const newer = [...running, ...waiting].filter(
          ([, call]) => !stopped.includes(call) && !call.isStopped,
        );
        for (const [key, call] of newer) (running.get(key) === call ? running : waiting).delete(key);
        fail(new WorkerEnded("It was stopped."), (deaf) => deaf.terminate());
        for (const [, call] of newer) queue(call);
      }, patience);
    },
    rest(isResting) {
      clearTimeout(resting);
      if (!isResting) return;
      resting = setTimeout(() => {
        if (running.size > 0) {
          this.rest(true);
          return;
        }
        worker?.terminate();
        worker = undefined;
      }, idle);
    },
  };
}
