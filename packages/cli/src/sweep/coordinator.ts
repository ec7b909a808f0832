import type { Engine } from "./engine.js";
import type { RunState } from "./engine-types.js";
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

interface Coordination extends Omit<CoordinatorOptions, "isDetached"> {
  readonly isDetached: boolean;
  /** Seconds that the sweep has run. */
  now(): number;
  /** End the wait of {@link coordinate}. */
  finish(): void;
  fail(error: unknown): void;
  isAdvancing: boolean;
  isAwake: boolean;
}

/**
 * Runs a sweep to its end: asks trials, hands their runs to the lanes, and keeps the journal, in which everything is
 * before it takes effect.
 *
 * @returns whether the sweep has ended; otherwise it was interrupted
 * @throws DataError when the journal cannot be written, which is then whole
 */
export async function coordinate(options: CoordinatorOptions): Promise<boolean> {
  const { lanes, signal, isDetached = false } = options;
  const { state } = options.engine;
  const [before, begin] = [state.seconds, performance.now()];
  let [finish, fail] = [() => {}, (_: unknown) => {}];
  const over = new Promise<void>((resolve, reject) => {
    [finish, fail] = [resolve, reject];
  });
  // Lanes may fail while they start, before it is awaited.
  over.catch(() => {});
  const sweep: Coordination = {
    ...options,
    isDetached,
    now: () => before + (performance.now() - begin) / 1000,
    finish,
    fail,
    isAdvancing: false,
    isAwake: false,
  };
  signal?.addEventListener("abort", finish);
  // A budget of seconds ends without an event.
  const timer = setInterval(() => wake(sweep), 1000);
  try {
    const records = [...state.runs.values()].flatMap(({ record }) => record ?? []);
    await lanes.start(hostOf(sweep), records);
    void wake(sweep);
    await over;
    if (state.hasEnded) await lanes.finish?.();
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", finish);
    await lanes.stop();
  }
  if (!state.hasEnded) write(sweep, [{ entry: "pause" }]);
  return state.hasEnded;
}

function write({ engine, journal, now }: Coordination, entries: readonly NewEntry[]): void {
  const stamped = entries.map((entry) => ({ ...entry, at: Number(now().toFixed(3)) }));
  journal.append(stamped);
  for (const entry of stamped) engine.apply(entry);
}

function hostOf(sweep: Coordination): LaneHost {
  const { engine, onRecord, onProgress, onNote } = sweep;
  const guarded = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      sweep.fail(error);
      return undefined;
    }
  };
  return {
    record(record) {
      guarded(() => {
        const entries = engine.recorded(record);
        if (entries.length === 0) return;
        write(sweep, entries);
        onRecord?.(record);
        void wake(sweep);
      });
    },
    judge: (report) =>
      guarded(() => {
        const { verdict, entry } = engine.judge(report);
        if (entry) write(sweep, [entry]);
        return verdict;
      }) ?? "stop",
    progress: (run, at) => onProgress?.(run, at),
    changed: () => void wake(sweep),
    note: (line) => onNote?.(line),
    fail: sweep.fail,
  };
}

/** Advances, and again where it was called meanwhile. */
async function wake(sweep: Coordination): Promise<void> {
  sweep.isAwake = true;
  if (sweep.isAdvancing) return;
  sweep.isAdvancing = true;
  try {
    while (sweep.isAwake && !sweep.signal?.aborted) {
      sweep.isAwake = false;
      await advance(sweep);
    }
  } catch (error) {
    sweep.fail(error);
  } finally {
    sweep.isAdvancing = false;
  }
}

async function advance(sweep: Coordination): Promise<void> {
  const { engine, lanes } = sweep;
  const { state } = engine;
  for (;;) {
    const wanted = engine.wanted(sweep.now());
    switch (wanted.what) {
      case "asks":
        write(sweep, wanted.entries);
        lanes.asked?.(wanted.entries);
        break;
      case "close":
        write(sweep, [wanted.entry]);
        if (wanted.isHard) {
          const under = [...state.runs.values()].filter((run) => run.isSubmitted && !run.record);
          write(sweep, engine.cancelled(under));
          lanes.cancel(under.map(({ id }) => id));
        } else {
          for (const id of await lanes.withdraw()) {
            const run = state.runs.get(id);
            if (run) run.isSubmitted = false;
          }
        }
        break;
      case "cancel":
        write(sweep, engine.cancelled(wanted.runs));
        lanes.cancel(wanted.runs.map(({ id }) => id));
        break;
      case "confirm":
        write(sweep, [wanted.entry]);
        break;
      case "end":
        write(sweep, [wanted.entry]);
        return sweep.finish();
      case "runs":
        if (state.hasEnded) return sweep.finish();
        for (const run of wanted.runs) run.isSubmitted = true;
        if (wanted.runs.length > 0) lanes.submit(wanted.runs.map(sweep.requestOf));
        if (sweep.isDetached) {
          await lanes.handedOver?.();
          sweep.finish();
        }
        return;
    }
  }
}
