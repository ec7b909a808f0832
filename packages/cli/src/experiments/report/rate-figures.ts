import { bars, barsWidth, curves, svgText } from "isoloss-figures";
import type { ThemeName } from "isoloss-figures/base";
import { shownRatios, timeOf } from "../results/to-target.js";
import { type DrawnFigure, type FigureSize, lossCurves, overTime } from "./figures.js";
import { nodeDocument } from "./node-document.js";
import type { RatesComparison } from "./rates.js";

/** A comparison at tuned rates: the losses of the confirming runs, and what they need to the baseline's final loss. */
export function rateFigures(
  { baseline, tuned, references, finalLoss, clock, runs }: RatesComparison,
  { theme, size = {} }: { readonly theme: ThemeName; readonly size?: FigureSize },
): DrawnFigure[] {
  const options = () => ({ document: nodeDocument(), theme, ...size });
  const data = { ...lossCurves(runs), ...(finalLoss === null ? {} : { target: finalLoss }) };
  const title = "At tuned rates: loss against";
  const steps = curves(data, { ...options(), title: `${title} steps` });
  const time = curves({ ...data, ...overTime(data) }, { ...options(), title: `${title} time` });
  const ratios = Object.entries({ ...tuned, ...references }).flatMap(([name, compared]) => {
    const c = shownRatios(compared);
    return (["steps", "seconds"] as const).map((key) => {
      const isNoisy = key === "seconds" && timeOf(compared, clock) === "too noisy";
      const { ratio = Number.NaN, interval = null } = (isNoisy ? null : c[key]) ?? {};
      return {
        name: `${name}: ${key}`,
        ratio,
        missing: isNoisy ? "too noisy to time here" : `reached by ${c.reached} of ${c.seeds}`,
        ...(interval ? { low: interval[0], high: interval[1] } : {}),
      };
    });
  });
  const losses = [
    { name: "tuned", svg: svgText(steps) },
    { name: "tuned-seconds", svg: svgText(time) },
  ];
  // Without a ratio there is nothing to draw that the table does not say.
  if (!ratios.some(({ ratio }) => Number.isFinite(ratio))) return losses;
  const ratioFigure = bars(
    { ratios, xLabel: `share of what tuned ${baseline} needs` },
    {
      ...options(),
      // Variants may have long names, and a figure must not end an experiment that has run.
      width: barsWidth(ratios, size.width),
      title: `Steps and time to tuned ${baseline}'s final loss`,
      height: 160 + 34 * ratios.length,
    },
  );
  return [...losses, { name: "ratios", svg: svgText(ratioFigure) }];
}
