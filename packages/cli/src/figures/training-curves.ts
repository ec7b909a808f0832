import { curvesPanel } from "./curves.js";
import { nodeDocument } from "./document.js";
import { type Canvas, canvasOf, type FigureOptions, framed } from "./frame.js";
import { element, svgText } from "./svg.js";

/** One run as the figure needs it. */
export interface Curve {
  readonly name: string;
  /** Loss of each step. */
  readonly loss: readonly number[];
  /** Seconds of computing up to the end of each step, teleports included. */
  readonly seconds: readonly number[];
  /** Steps before which parameters were teleported. */
  readonly teleports: readonly number[];
}

/**
 * Training loss against steps and against seconds, one curve a run, with a mark at each teleport: an SVG document.
 *
 * @param curves runs of the same experiment
 * @param options `window` of the running mean in steps; default 20. Else those of a figure
 */
export function trainingCurves(
  curves: readonly Curve[],
  { window = 20, ...figure }: FigureOptions & { readonly window?: number } = {},
): string {
  const options = { document: nodeDocument(), width: 1140, height: 430, ...figure };
  const canvas: Canvas = canvasOf(options);
  const series = curves.map(({ name, loss, seconds, teleports }) => ({
    name,
    runs: [{ steps: [...loss.keys()], seconds, values: loss }],
    teleports,
  }));
  const common = { series, logY: true, window, labels: "legend", teleportMark: "dot" } as const;
  const yLabel = "training loss";
  const panels = [
    curvesPanel({ ...common, yLabel, x: "steps" }, canvas),
    curvesPanel({ ...common, yLabel, x: "seconds", xLabel: "seconds, teleports included" }, canvas),
  ];
  const svg = framed(
    {
      name: "Training loss against steps and against seconds",
      description: panels[0].description,
      legend: panels[0].legend,
      notes: panels[0].notes,
      draw: (width, height) =>
        element(
          canvas.document,
          "g",
          {},
          ...panels.map(({ draw }, i) =>
            element(
              canvas.document,
              "g",
              { transform: `translate(${(i * width) / 2},0)` },
              draw(width / 2, height),
            ),
          ),
        ),
    },
    options,
  );
  return svgText(svg);
}
