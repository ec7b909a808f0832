// Verdicts at rungs. Asynchronous successive halving in its stopping form: L. Li et al., "A system for massively parallel
// hyperparameter tuning", MLSys 2020; the median rule: D. Golovin et al., "Google Vizier", KDD 2017.
import { median } from "es-toolkit";
import type { ServerRule } from "isoloss-queue";
import type { Metric, Prune } from "./schema.js";
import type { Verdict } from "./types.js";

/**
 * The verdict on a run that reached a rung; the server's script has the same.
 *
 * @param values at this rung, of the runs of the same seed, `v` among them unless it is not finite; less is better
 * @param v the run's
 * @param best the run's best so far
 */
export function verdictOf(
  { rule, factor, startup, above }: ServerRule,
  values: readonly number[],
  v: number,
  best: number,
): Verdict {
  if (!Number.isFinite(v)) return "stop";
  if (values.length <= startup) return "go";
  switch (rule) {
    case "asha": {
      const better = values.filter((value) => value < v).length;
      return better < Math.max(1, Math.floor(values.length / factor)) ? "go" : "stop";
    }
    case "median":
      return best > median(values) ? "stop" : "go";
    case "bound":
      return v > above ? "stop" : "go";
  }
}

/** The rule of a sweep, for values of which less is better. */
export function verdictRuleOf(prune: Prune, goal: Metric["goal"]): ServerRule {
  const above = prune.rule === "bound" ? (goal === "maximize" ? -prune.above : prune.above) : 0;
  return {
    rule: prune.rule,
    factor: prune.rule === "asha" ? prune.factor : 1,
    startup: prune.rule === "bound" ? 0 : prune.startup,
    above,
  };
}
