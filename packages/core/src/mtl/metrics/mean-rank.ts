import { NumericalError, ShapeError } from "../../errors.js";
import { type OptionsOf, oneOf, optionTable } from "../../options.js";

export interface MeanRankOptions extends OptionsOf<typeof meanRankOptions> {}

const meanRankOptions = optionTable("meanRank", {
  /**
   * Ranks after a tie: `competition` 1, 1, 3: one more than the number of better methods; `dense` 1, 1, 2:
   * one more than the number of better values. Default `competition`.
   */
  ties: oneOf(["competition", "dense"]).default("competition"),
});

/**
 * Mean rank: the rank of each method in each metric, averaged over the metrics; equal values share a rank.
 *
 * It depends on the methods in the table, so mean ranks of different tables cannot be compared.
 *
 * @param table a row of metrics for each method
 * @param higherIsBetter for each metric
 * @returns the mean rank of each method, 1 the best
 * @throws ShapeError for a row of another length; NumericalError for NaN; OptionError
 *
 * @example
 * meanRank([[0.9, 3], [0.9, 2], [0.8, 1]], [true, false]); // 2, 1.5, 2
 */
export function meanRank(
  table: readonly (readonly number[])[],
  higherIsBetter: readonly boolean[],
  options: MeanRankOptions = {},
): number[] {
  const { ties } = meanRankOptions.read(options);
  table.forEach((row, i) => {
    if (row.length !== higherIsBetter.length || row.length === 0) {
      throw new ShapeError(
        `meanRank: every method has ${higherIsBetter.length} metrics, at least one; method ${i} has ${row.length}.`,
      );
    }
    const at = row.findIndex(Number.isNaN);
    if (at >= 0)
      throw new NumericalError(`meanRank: metric ${at} of method ${i} is NaN; leave the method out.`);
  });
  return table.map((row) => {
    const ranks = row.map((value, j) => {
      const better = table
        .map((other) => other[j])
        .filter((x) => (higherIsBetter[j] ? x > value : x < value));
      return 1 + (ties === "dense" ? new Set(better).size : better.length);
    });
    return ranks.reduce((a, b) => a + b, 0) / ranks.length;
  });
}
