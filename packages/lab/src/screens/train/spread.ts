// What several seeds of a run have in common.
import type { Spread, Spreads, TrainRun } from "./run.js";

type Seed = Omit<TrainRun, "spreads">;

/** Median, least and largest of the lists at each of their first places; those that are shorter have a value there. */
function spreadOf(lists: readonly ArrayLike<number>[], count: number, missing = Infinity): Spread {
  const [median, low, high] = Array.from({ length: 3 }, () => new Float64Array(count));
  const values = new Float64Array(lists.length);
  const middle = (lists.length - 1) / 2;
  for (let t = 0; t < count; t++) {
    for (let k = 0; k < lists.length; k++) values[k] = lists[k][t] ?? missing;
    values.sort();
    median[t] = (values[Math.floor(middle)] + values[Math.ceil(middle)]) / 2;
    [low[t], high[t]] = [values[0], values[values.length - 1]];
  }
  return { median, low, high };
}

/** How many places at the beginning of all lists have the same values. */
function commonOf(lists: readonly ArrayLike<number>[]): number {
  const [first] = lists;
  let count = 0;
  while (count < first.length && lists.every((list) => list[count] === first[count])) count++;
  return count;
}

/** What diverged has no less than an infinite loss from there on; where all did, they are shown as far as they went. */
export function spreadsOf(all: readonly Seed[]): Spreads {
  const lasting = all.filter(({ status }) => status !== "diverged");
  const going = lasting.length > 0 ? lasting : all;
  const step = going[0].step.slice(0, commonOf(going.map((run) => run.step)));
  const stepsOf = ({ evaluations }: Seed) => evaluations.map((one) => one.step);
  const looks = commonOf(going.map(stepsOf));
  const curve = (runs: readonly Seed[], key: "seconds" | "smoothLoss" | "smoothGradNormSq") =>
    spreadOf(
      runs.map((run) => (run.status === "diverged" && lasting.length > 0 ? run[key].slice(0, -1) : run[key])),
      step.length,
    );
  const look = (runs: readonly Seed[], key: "seconds" | "loss" | "accuracy", missing?: number) =>
    spreadOf(
      runs.map(({ evaluations }) => evaluations.map((one) => one[key])),
      looks,
      missing,
    );
  return {
    count: all.length,
    diverged: all.length - lasting.length,
    step,
    // Of what goes on: seconds of what ended are none.
    seconds: curve(going, "seconds"),
    smoothLoss: curve(all, "smoothLoss"),
    smoothGradNormSq: curve(all, "smoothGradNormSq"),
    evaluated: {
      step: Float64Array.from(stepsOf(going[0]).slice(0, looks)),
      seconds: look(going, "seconds"),
      loss: look(all, "loss"),
      accuracy: look(all, "accuracy", -Infinity),
    },
  };
}
