// The one trainer, of K >= 1 tasks.
import { withoutUndefined } from "../options.js";
import { Lifetime } from "../runtime/lifetime.js";
import type { EpochRow } from "./epoch-row.js";
import type { RunHistory } from "./history.js";
import type { RunStepsOptions } from "./run.js";
import { type AnyState, evaluated, type OpenTrainer, type TrainerParts } from "./run.js";
import { type RunSettings, ratesOf } from "./run-settings.js";
import { learningRateOf, type RunResult, runSteps } from "./run-steps.js";
import { checkState } from "./state.js";

/** What a trainer of one task and one of several have in common. */
export interface AnyTrainer<T, H> {
  readonly current: T;
  /** Grows during the run. */
  readonly history: H;
  /** What the numbers of the run depend on besides its state; a checkpoint is compared by it. */
  readonly settings: RunSettings;
  /**
   * Number of batches in a pass over the data, of several sources of the one with the most; the examples of an incomplete last
   * batch are left out of the pass. Infinity without data.
   */
  readonly stepsPerEpoch: number;
  /**
   * Continues from another state, such as a checkpoint's or a teleported one.
   *
   * @param history of the steps before that state; default the trainer's own up to that step
   * @throws ShapeError, DTypeError when the state does not fit the run
   */
  restore(state: T, history?: H): void;
  dispose(): Promise<void>;
}

/** @param own what only one of the two kinds has, of the state as it is evaluated */
export function trainerOf<T extends AnyState, H extends RunHistory<V>, R, D, M, V, X extends object>(
  parts: TrainerParts<T, H, R, D, M, V>,
  own: (lifetime: Lifetime, at: () => T) => X,
): AnyTrainer<T, H> & { run(options: RunStepsOptions<R, D, M, V>): Promise<RunResult> } & X {
  const { owner, stepsPerEpoch } = parts;
  const run = { current: parts.start, history: parts.history, pause: 0 };
  const lifetime = new Lifetime("trainer", owner);
  const ratesAfter = (epochs: () => readonly EpochRow<unknown>[]) =>
    learningRateOf(owner, parts.learningRate, () => ({ stepsPerEpoch, epochs: epochs() }));
  const open: OpenTrainer<T, H, R, D, M, V> = {
    parts,
    run,
    lifetime,
    rateOf: ratesAfter(() => run.history.epochs),
  };
  let checksums: ReturnType<typeof parts.checksums> | undefined;
  const trainer = {
    get current() {
      return run.current;
    },
    get history() {
      return run.history;
    },
    get settings() {
      checksums ??= parts.checksums();
      return { ...parts.settings(ratesOf(ratesAfter(() => []))), ...checksums };
    },
    stepsPerEpoch,
    run: (options: RunStepsOptions<R, D, M, V>) => runSteps(options, open),
    restore(given: T, past = run.history) {
      lifetime.requireIdle("restore");
      checkState(given, run.current);
      parts.checkState?.(given);
      run.history = parts.historyUpTo(given.step, past);
      // What another state does not have is not what this run has had so far.
      const none = { best: undefined, memory: undefined, seen: undefined };
      run.current = withoutUndefined({ ...run.current, ...none, ...given });
      run.pause = 0;
    },
    dispose: () => lifetime.end(() => parts.resources.release()),
  };
  return Object.assign(
    trainer,
    own(lifetime, () => evaluated(open)),
  );
}
