import { encodeCheckpoint, type Jump, type Minimization, type MinimizationProgress } from "isoloss";
import type { Tree } from "../../catalogue/problems.js";
import type { JobContext, JumpRecord } from "../../kind.js";
import { checkpointClock, pausesOf } from "../../records/pauses.js";
import { jumpsIn, numbersOf, pointsIn, teleportRecord } from "../../records/points.js";

/** A run's lists, and its points from where it was resumed. */
export type Lists = Pick<
  Minimization<Tree>,
  "loss" | "gradNormSq" | "seconds" | "teleports" | "trajectory" | "jumps"
>;

/** Writes a run's records and checkpoints, reports its progress, and decides when it ends. */
export function watcher(
  context: JobContext,
  { steps, isFew, canGoOn }: { readonly steps: number; readonly isFew: boolean; readonly canGoOn: boolean },
) {
  const { directory, before, progress, shouldStop } = context;
  const first = directory?.step ?? 0;
  const earlier = { points: pointsIn(before?.metrics ?? []), jumps: jumpsIn(before?.teleports ?? []) };
  const clock = checkpointClock(context, first);
  let written = first;
  let writtenTeleports = before?.teleports.length ?? 0;
  let [last, lastAt] = [first, performance.now()];
  let isPruned = false;
  // Every step uses all data.
  const pauses = pausesOf(context, { length: steps, stepsPerEpoch: 1 });
  const watch = {
    /** Steps at which a run must be looked at, ascending. */
    pauses: withCheckpoints(pauses.steps, context, { first, steps }),
    get isPruned() {
      return isPruned;
    },
    points: ({ trajectory = [] }: Lists) => [...earlier.points, ...trajectory.map(numbersOf)],
    jumps: ({ jumps = [] }: Lists): JumpRecord[] => [...earlier.jumps, ...jumps.map(jumpRecord)],
    append(lists: Lists): void {
      const { loss, gradNormSq, seconds, teleports, trajectory = [], jumps = [] } = lists;
      const fresh = loss.slice(written).map((value, i) => ({
        step: written + i,
        loss: value,
        gradNormSq: gradNormSq[written + i],
        seconds: seconds[written + i],
        ...(isFew ? { params: numbersOf(trajectory[written + i - first]) } : {}),
      }));
      directory?.appendMetrics(fresh);
      directory?.appendTeleports(
        teleports.slice(writtenTeleports).map((event) => {
          const jump = event.accepted && jumps.find(({ step }) => step === event.step);
          return { ...teleportRecord(event), ...(jump ? jumpRecord(jump) : {}) };
        }),
      );
      written = loss.length;
      writtenTeleports = teleports.length;
    },
    async look({
      current,
      history,
      settings,
      trajectory,
      jumps,
    }: MinimizationProgress<Tree>): Promise<boolean> {
      const { step } = current;
      watch.append({ ...history, trajectory, jumps });
      const now = performance.now();
      progress({
        step,
        steps,
        loss: history.loss.at(-1) ?? Number.NaN,
        gradNormSq: history.gradNormSq.at(-1) ?? Number.NaN,
        teleports: history.teleports.filter(({ accepted }) => accepted).length,
        stepsPerSecond: (1000 * (step - last)) / (now - lastAt),
      });
      [last, lastAt] = [step, now];
      isPruned = await pauses.isStopped(step, () => history.loss.at(-1));
      // Without a checkpoint here: a run that is resumed there asks again.
      if (isPruned) return true;
      const isAsked = shouldStop();
      // The released teleport draws one angle for each teleport: such a run starts again.
      if (directory && canGoOn && (isAsked || step === steps || clock.isDue(step))) {
        clock.saved(step);
        await directory.saveCheckpoint(step, encodeCheckpoint({ current, history, settings }));
      }
      return isAsked;
    },
  };
  return watch;
}

const jumpRecord = ({ step, from, to }: Jump<Tree>): JumpRecord => ({
  step,
  from: numbersOf(from),
  to: numbersOf(to),
});

/** Pauses, and the steps after which a checkpoint is asked for. */
function withCheckpoints(
  pauses: readonly number[],
  { checkpointSteps = Infinity }: JobContext,
  { first, steps }: { readonly first: number; readonly steps: number },
): readonly number[] {
  const all = new Set(pauses);
  for (let step = first + checkpointSteps; step < steps; step += checkpointSteps) all.add(step);
  return [...all].sort((a, b) => a - b);
}
