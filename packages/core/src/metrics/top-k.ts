import { finite, integerFrom, type OptionsOf, optionTable } from "../options.js";
import { classScores } from "./class-scores.js";
import type { StreamingMetric } from "./metric.js";

export interface TopKOptions extends OptionsOf<typeof topKOptions> {}

const topKOptions = optionTable("topK", {
  /** Number of largest logits among which the label must be; default 5. */
  k: integerFrom(1).default(5),
  /** The label of positions that do not count; default -1. */
  ignore: finite.default(-1),
});

/** Counts of labels. */
export interface HitCounts {
  readonly hits: number;
  readonly count: number;
}

/**
 * Top-k accuracy: the fraction of labels that are among the k classes with the largest logits. `topK({ k: 1 })` is the
 * accuracy. Of equal logits that of the smaller class counts as larger; NaN is never a hit, unless k covers all classes.
 *
 * @throws OptionError; ShapeError, DataError from `update` if outputs are no logits of the labels' classes
 *
 * @example
 * const metric = topK({ k: 2 });
 * const batch = { output: array([[3, 2, 1], [3, 2, 1]]), labels: array([1, 2], "int64") };
 * metric.result(metric.update(metric.init(), batch)); // 0.5
 */
export function topK(options: TopKOptions = {}): StreamingMetric<HitCounts, number> {
  const { k, ignore } = topKOptions.read(options);
  return {
    mode: "max",
    init: () => ({ hits: 0, count: 0 }),
    update({ hits, count }, batch) {
      const { classes, known, score } = classScores("topK", batch, ignore);
      let found = hits;
      for (const { at, label } of known) {
        const own = score(at, label);
        let ahead = 0;
        for (let c = 0; c < classes; c++) {
          if (c === label) continue;
          // Written so that NaN is ahead of everything, and everything ahead of NaN.
          if (c < label ? !(score(at, c) < own) : !(score(at, c) <= own)) ahead++;
        }
        if (ahead < k) found++;
      }
      return { hits: found, count: count + known.length };
    },
    result: ({ hits, count }) => hits / count,
  };
}
