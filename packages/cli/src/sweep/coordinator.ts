import type { Engine, RunState } from "./engine-types.js";
import type { Journal, NewEntry } from "./journal.js";
import type { LaneHost, Lanes, RunRecord, RunRequest } from "./lanes.js";

export interface CoordinatorOptions {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly lanes: Lanes;
  requestOf(run: RunState): RunRequest;
  /** A run has its record, which is in the journal. */
  onRecord?(record: RunRecord): void;
  onProgress?: LaneHost["progress"];
  onNote?: LaneHost["note"];
  /** Ends it once runs are with the lanes, where these go on without it. */
  readonly isDetached?: boolean | undefined;
  /** Ends it: runs under way save a checkpoint. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a sweep to its end: asks trials, hands their runs to the lanes, and keeps the journal, in which everything is
 * before it takes effect.
 *
 * @returns whether the sweep has ended; otherwise it was interrupted
 * @throws DataError when the journal cannot be written, which is then whole
 */
export async function coordinate({
  engine,
  journal,
  lanes,
  requestOf,
  signal,
  isDetached = false,
  ...listener
}: CoordinatorOptions): Promise<boolean> {
  const { state } = engine;
  const [before, begin] = [state.seconds, performance.now()];
  const now = () => before + (performance.now() - begin) / 1000;
  const write = (entries: readonly NewEntry[]) => {
    const stamped = entries.map((entry) => ({ ...entry, at: Number(now().toFixed(3)) }));
    journal.append(stamped);
    for (const entry of stamped) engine.apply(entry);
  };
  let finish = (_: unknown): void => {};
  let fail = (_: unknown): void => {};
  const over = new Promise<unknown>((resolve, reject) => {
    [finish, fail] = [resolve, reject];
  });
  // Lanes may fail while they start, before it is awaited.
  over.catch(() => {});
  const host: LaneHost = {
    record(record) {
      guarded(() => {
        const entries = engine.recorded(record);
        if (entries.length === 0) return;
        write(entries);
        listener.onRecord?.(record);
        wake();
      });
    },
    judge(report) {
      return (
        guarded(() => {
          const { verdict, entry } = engine.judge(report);
          if (entry) write([entry]);
          return verdict;
        }) ?? "stop"
      );
    },
    progress: (run, at) => listener.onProgress?.(run, at),
    changed: () => wake(),
    note: (line) => listener.onNote?.(line),
    fail: (error) => fail(error),
  };
  function guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      fail(error);
      return undefined;
    }
  }

  /** Does what the engine wants, until it waits for records. */
  async function advance(): Promise<void> {
    for (;;) {
      const wanted = engine.wanted(lanes.width, now());
      switch (wanted.what) {
        case "asks":
          write(wanted.entries);
          lanes.asked?.(wanted.entries);
          break;
        case "close":
          write([wanted.entry]);
          if (wanted.isHard) {
            const under = [...state.runs.values()].filter((run) => run.isSubmitted && !run.record);
            write(engine.cancelled(under));
            lanes.cancel(under.map(({ id }) => id));
          } else {
            for (const id of await lanes.withdraw()) withdrawn(state.runs.get(id));
          }
          break;
        case "cancel":
          write(engine.cancelled(wanted.runs));
          lanes.cancel(wanted.runs.map(({ id }) => id));
          break;
        case "confirm":
          write([wanted.entry]);
          break;
        case "end":
          write([wanted.entry]);
          return finish(undefined);
        case "runs":
          if (state.hasEnded) return finish(undefined);
          for (const run of wanted.runs) run.isSubmitted = true;
          if (wanted.runs.length > 0) lanes.submit(wanted.runs.map(requestOf));
          if (isDetached) {
            await lanes.handedOver?.();
            finish(undefined);
          }
          return;
      }
    }
  }
  let [isAdvancing, isAwake] = [false, false];
  async function wake(): Promise<void> {
    isAwake = true;
    if (isAdvancing) return;
    isAdvancing = true;
    try {
      while (isAwake && !signal?.aborted) {
        isAwake = false;
        await advance();
      }
    } catch (error) {
      fail(error);
    } finally {
      isAdvancing = false;
    }
  }

  const onAbort = () => finish(undefined);
  signal?.addEventListener("abort", onAbort);
  // A budget of seconds ends without an event.
  const timer = setInterval(wake, 1000);
  try {
    const records = [...state.runs.values()].flatMap(({ record }) => record ?? []);
    await lanes.start(host, records);
    void wake();
    await over;
    if (state.hasEnded) await lanes.finish?.();
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", onAbort);
    await lanes.stop();
  }
  if (!state.hasEnded) write([{ entry: "pause" }]);
  return state.hasEnded;
}

/** A run that lanes gave back. */
function withdrawn(run: RunState | undefined): void {
  if (run) run.isSubmitted = false;
}
