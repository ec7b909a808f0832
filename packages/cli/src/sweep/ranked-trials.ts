import type { Trial } from "./types.js";

/** The trials that count, the best first: completed ones by value, pruned ones by rung and value, diverged ones. */
export function rankedTrials(history: readonly Trial[]): Trial[] {
  const group = ({ status }: Trial) => ["completed", "pruned", "diverged"].indexOf(status);
  const rung = (trial: Trial) => (trial.status === "pruned" ? (trial.rung ?? 0) : 0);
  const value = (trial: Trial) => (trial.status === "diverged" ? 0 : (trial.value ?? Infinity));
  const compare = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0);
  return history
    .filter((trial) => group(trial) >= 0)
    .sort(
      (a, b) =>
        compare(group(a), group(b)) ||
        compare(rung(b), rung(a)) ||
        compare(value(a), value(b)) ||
        a.trial - b.trial,
    );
}
