// What several seeds of a run have in common.
import type { Spread, Spreads, TrainRun } from "./run.js";

type Seed = Omit<TrainRun, "spreads">;

/** Median, least and largest of the lists at each of their first places. */
function spreadOf(lists: readonly ArrayLike<number>[], count: number): Spread {
  const [median, low, high] = Array.from({ length: 3 }, () => new Float64Array(count));
  const values = new Float64Array(lists.length);
  const middle = (lists.length - 1) / 2;
  for (let t = 0; t < count; t++) {
    for (let k = 0; k < lists.length; k++) values[k] = lists[k][t];
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

/** The seeds that diverged are left out, unless all did. */
export function spreadsOf(all: readonly Seed[]): Spreads {
  const lasting = all.filter(({ status }) => status !== "diverged");
  const runs = lasting.length > 0 ? lasting : all;
  const points = commonOf(runs.map(({ step }) => step));
  const evaluated = runs.map(({ evaluations }) => ({
    step: evaluations.map(({ step }) => step),
    seconds: evaluations.map(({ seconds }) => seconds),
    loss: evaluations.map(({ loss }) => loss),
    accuracy: evaluations.map(({ accuracy }) => accuracy),
  }));
  const looks = commonOf(evaluated.map(({ step }) => step));
  const curve = (key: "seconds" | "smoothLoss" | "smoothGradNormSq") =>
    spreadOf(
      runs.map((run) => run[key]),
      points,
    );
  const look = (key: "seconds" | "loss" | "accuracy") =>
    spreadOf(
      evaluated.map((run) => run[key]),
      looks,
    );
  return {
    count: all.length,
    diverged: all.length - lasting.length,
    step: runs[0].step.slice(0, points),
    seconds: curve("seconds"),
    smoothLoss: curve("smoothLoss"),
    smoothGradNormSq: curve("smoothGradNormSq"),
    evaluated: {
      step: Float64Array.from(evaluated[0].step.slice(0, looks)),
      seconds: look("seconds"),
      loss: look("loss"),
      accuracy: look("accuracy"),
    },
  };
}
