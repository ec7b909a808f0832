import * as Plot from "@observablehq/plot";
import { axisOf, formatValue } from "./base/axis.js";
import { need, needNames } from "./base/check.js";
import { runningMean } from "./base/statistics.js";
import { dashOf } from "./base/theme.js";
import { canvasOf, type FigureOptions, framed } from "./frame.js";
import type { LegendEntry } from "./legend.js";
import { panel } from "./panel.js";

export interface CosinesData {
  readonly steps: readonly number[];
  /** The cosine of the angle between two tasks' gradients at each step, a list a pair. */
  readonly pairs: readonly { readonly name: string; readonly cosines: readonly number[] }[];
  /** Steps at which a teleport was triggered. */
  readonly triggers?: readonly number[];
  /** Draws running means of so many cosines over the single ones; default 1. */
  readonly window?: number;
}

/**
 * Cosines between the gradients of tasks over the steps: below 0 tasks conflict. Steps with a trigger are marked.
 *
 * @throws OptionError for lists of different lengths, or a cosine outside [-1, 1]
 * @example
 * const pairs = [{ name: "depth, normals", cosines: [0.4, -0.2, 0.1] }];
 * const svg = conflictCosines({ steps: [0, 1, 2], pairs, triggers: [1] });
 */
export function conflictCosines(data: CosinesData, options: FigureOptions = {}): SVGSVGElement {
  const { steps, pairs, triggers = [], window = 1 } = data;
  check(data);
  const canvas = canvasOf(options);
  const { theme } = canvas;
  const belowOf = (fraction: number, format: (percent: number) => unknown) =>
    Number.isNaN(fraction) ? "no angle" : `${format(100 * fraction)} % below 0`;
  const drawn = pairs.map(({ name, cosines }, i) => ({
    name,
    color: theme.series(i),
    dash: dashOf(i),
    // A task without a gradient has no angle: a gap, in the means as in the single cosines.
    raw: steps.map((x, k) => ({ x, y: cosines[k] })),
    means: meansOf(steps, cosines, window),
    fraction: cosines.filter((c) => c < 0).length / cosines.filter(Number.isFinite).length,
  }));
  const [first, last] = [steps[0], steps[steps.length - 1]];
  const shown = [...new Set(triggers)].filter((t) => t >= first && t <= last);
  const x = (width: number) =>
    axisOf(steps, {
      label: "step",
      whole: true,
      count: Math.max(2, Math.round(width / 80)),
      domain: first < last ? [first, last] : undefined,
    });
  return framed(
    {
      name: "Cosines between the gradients of tasks",
      description:
        `Cosines between gradients from step ${first} to step ${last}. ` +
        drawn.map(({ name, fraction }) => `${name}: ${belowOf(fraction, formatValue)}.`).join(" ") +
        (shown.length > 0 ? ` Triggers at ${shown.length} step${shown.length === 1 ? "" : "s"}.` : ""),
      legend: [
        ...drawn.map(
          ({ name, color, dash, fraction }): LegendEntry => ({
            key: "line",
            label: `${name} (${belowOf(fraction, Math.round)})`,
            color,
            dash,
          }),
        ),
        ...(shown.length > 0 ? [{ key: "tick", label: "trigger", color: "currentColor" } as const] : []),
      ],
      notes: window > 1 ? [`Line: mean of ${window} steps; faint: each step.`] : [],
      draw: (width, height) =>
        panel(canvas, {
          width,
          height,
          x: x(width),
          y: axisOf([], { label: "cosine of two tasks' gradients", domain: [-1, 1], count: 4 }),
          marks: [
            Plot.rect([0], {
              x1: x(width).domain[0],
              x2: x(width).domain[1],
              y1: -1,
              y2: 0,
              fill: theme.muted,
              fillOpacity: 0.1,
            }),
            Plot.ruleY([0], { stroke: "currentColor", strokeWidth: 1 }),
            Plot.text(["conflict"], {
              frameAnchor: "bottom-right",
              textAnchor: "end",
              dx: -6,
              dy: -18,
              fontSize: 12,
              fill: theme.muted,
              text: (d) => d,
            }),
            ...drawn.map(({ raw, color }) =>
              Plot.line(window > 1 ? raw : [], {
                ...xy,
                stroke: color,
                strokeWidth: 0.8,
                strokeOpacity: 0.35,
              }),
            ),
            ...drawn.map(({ means, color, dash }) =>
              Plot.line(means, { ...xy, stroke: color, strokeWidth: 2, strokeDasharray: dash }),
            ),
            ...drawn.map(({ means, color }) =>
              Plot.dot(means.length === 1 ? means : [], { ...xy, r: 3.5, fill: color }),
            ),
            Plot.ruleX(shown, { y1: -1, y2: -0.9, stroke: theme.paper, strokeWidth: 5 }),
            Plot.ruleX(shown, { y1: -1, y2: -0.9, stroke: "currentColor", strokeWidth: 2 }),
          ],
        }).group,
    },
    { height: 320, ...options },
  );
}

const xy = { x: "x", y: "y" } as const;

function check({ steps, pairs, window = 1 }: CosinesData): void {
  need(steps.length > 0, "conflictCosines: steps is empty; there is nothing to draw.");
  need(
    steps.every((s, i) => Number.isFinite(s) && (i === 0 || s > steps[i - 1])),
    "conflictCosines: steps must be finite and increase.",
  );
  need(pairs.length > 0, "conflictCosines: pairs is empty; give at least one pair of tasks.");
  needNames("conflictCosines", pairs);
  need(
    Number.isInteger(window) && window >= 1,
    `conflictCosines: window must be an integer >= 1; got ${window}.`,
  );
  for (const { name, cosines } of pairs) {
    need(
      cosines.length === steps.length,
      `conflictCosines: "${name}" has ${cosines.length} cosines at ${steps.length} steps; it needs as many.`,
    );
    const wrong = cosines.find((c) => Math.abs(c) > 1 + 1e-6);
    need(wrong === undefined, `conflictCosines: a cosine of "${name}" is ${wrong}; it must be in [-1, 1].`);
  }
}

function meansOf(steps: readonly number[], cosines: readonly number[], window: number) {
  const finite = [...steps.keys()].filter((i) => Number.isFinite(cosines[i]));
  const means = runningMean(
    finite.map((i) => cosines[i]),
    window,
  );
  const at = new Map(finite.map((i, k) => [i, means[k]]));
  return steps.map((x, i) => ({ x, y: at.get(i) ?? NaN }));
}
