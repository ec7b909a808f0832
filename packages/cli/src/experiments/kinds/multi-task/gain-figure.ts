import { bars, barsWidth } from "isoloss-figures";
import type { DrawComparison } from "../../kind.js";
import { gainRows, lostText } from "./gains.js";

/** Digits after the point: more would be noise. */
const hundredths = (points: number): number => Math.round(100 * points) / 100;

/** What COST and each of its controls add to the same method without them, with intervals. */
export const gainFigures: DrawComparison = async (results, options) => {
  const ratios = gainRows(results).flatMap(({ name, plain }) => {
    if (plain.points === null) return [];
    const { mean, interval } = plain.points;
    return {
      name: `${name}${lostText(plain)}`,
      ratio: hundredths(mean),
      ...(interval === null ? {} : { low: hundredths(interval[0]), high: hundredths(interval[1]) }),
    };
  });
  if (ratios.length === 0) return [];
  const size = options();
  const element = bars(
    { ratios, reference: 0, better: "higher", log: false, xLabel: "points of mean test accuracy" },
    {
      ...size,
      // Names of variants may be long, and a figure must not end an experiment that has run.
      width: barsWidth(ratios, size.width),
      title: "What teleports and their controls add to the same method",
      // In a page the title takes two lines: there is room for a single row, too.
      height: 200 + 28 * ratios.length,
    },
  );
  return [{ name: "gains", element }];
};
