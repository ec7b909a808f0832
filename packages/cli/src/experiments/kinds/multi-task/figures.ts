import { uniqBy, upperFirst } from "es-toolkit";
import { trace } from "isoloss";
import { groupBy } from "isoloss/internal";
import { resultName } from "isoloss/metrics";
import { twoTaskToy } from "isoloss/problems";
import {
  bars,
  barsWidth,
  type CurveSeries,
  conflictCosines,
  curves,
  levelSets,
  paretoFront,
} from "isoloss-figures";
import type { CostConfig } from "../../catalogue/cost.js";
import type { Named } from "../../catalogue/named.js";
import type { DrawComparison, JobResult } from "../../kind.js";
import { evaluationRuns, gridPoints, point, valuesAt } from "../../results/drawn.js";
import { byVariant } from "../../results/summary.js";
import { gainRows, lostText } from "./gains.js";

/** So many variants are drawn, of the toy in each scale, and paths of each: the first ones. */
const most = { paths: 12, starts: 5, front: 8, test: 12, conflicts: 6 } as const;

const isToy = ({ settings }: JobResult): boolean => (settings.problem as Named).name === "toy";

const isControl = ({ settings }: JobResult): boolean =>
  (settings.cost as CostConfig | undefined)?.control !== undefined;

/** Variants of each scale of the toy, without controls, by the scale as a file is named by it: `1`, `0.1`. */
function byScale(results: readonly JobResult[]): [string, [string, JobResult[]][]][] {
  const shown = results.filter((r) => r.trajectory !== undefined && isToy(r) && !isControl(r));
  const scales = groupBy(shown, ({ settings }) => String((settings.problem as Named).scale ?? 1));
  return [...scales].map(([scale, group]) => [scale, [...byVariant(group)]]);
}

/** Paths from all starts over the contours of the mean loss, a figure for each variant. */
export const pathFigures: DrawComparison = async (results, options) => {
  const drawn: { name: string; element: SVGSVGElement }[] = [];
  const [x, y, n] = [[-11, 11], [-11, 11], 111] as const;
  for (const [scale, variants] of byScale(results)) {
    const toy = twoTaskToy({ scale: Number(scale) });
    const both = await lossesOn(toy, gridPoints({ x, y, n }));
    const values = Float64Array.from(both[0], (loss, i) => (loss + both[1][i]) / 2);
    for (const [variant, group] of variants.slice(0, most.paths)) {
      const element = levelSets(
        {
          f: { x, y, nx: n, ny: n, values },
          // Of runs from one start, one path.
          trajectories: uniqBy(
            group.map(({ trajectory = [], jumps, seed, end }) => ({
              name: `from (${trajectory[0]?.join(", ") ?? seed})`,
              points: [...trajectory, ...(end ? [end] : [])].map(point),
              jumps: jumps.map(({ step, from, to }) => ({ step, from: point(from), to: point(to) })),
            })),
            ({ name }) => name,
          ).slice(0, most.starts),
          xLabel: "x1",
          yLabel: "x2",
        },
        { ...options(), title: `${variant}: paths on the mean loss` },
      );
      drawn.push({ name: `paths-${variant}`, element });
    }
  }
  return drawn;
};

/** Where the runs ended in the plane of the two losses, with the Pareto front: a figure a scale. */
export const frontFigures: DrawComparison = async (results, options) => {
  const drawn: { name: string; element: SVGSVGElement }[] = [];
  for (const [scale, variants] of byScale(results)) {
    const toy = twoTaskToy({ scale: Number(scale) });
    const methods = [];
    for (const [name, group] of variants.slice(0, most.front)) {
      const ends = await lossesOn(
        toy,
        // A run that was read from its directory has no more than the recorded points.
        group.map(({ end, trajectory }) => end ?? trajectory?.at(-1) ?? [Number.NaN, Number.NaN]),
      );
      methods.push({ name, points: group.map((_, i) => ({ x: ends[0][i], y: ends[1][i] })) });
    }
    const front = Array.from({ length: 101 }, (_, i) => point(toy.front(i / 100).losses));
    drawn.push({
      name: `front-${scale}`,
      element: paretoFront(
        { methods, front, xLabel: "first loss", yLabel: "second loss" },
        { ...options(), title: "Where the runs ended, and the Pareto front" },
      ),
    });
  }
  return drawn;
};

/** Both losses of the toy at points of the plane, in one run of a compiled loop. */
async function lossesOn(
  toy: ReturnType<typeof twoTaskToy>,
  points: readonly (readonly number[])[],
): Promise<readonly [Float64Array, Float64Array]> {
  const { graph } = trace(
    ({ w }) => {
      const [first, second] = toy.losses({ shared: { w } }, {}, { training: false, state: {} });
      return { first, second };
    },
    { w: toy.at([0, 0]).shared.w },
  );
  const { first, second } = await valuesAt(graph, points);
  return [first, second];
}

/** Between evaluations: mean cosines of the tasks' gradients, and the share of steps with a dominated conflict. */
export const conflictsFigure: DrawComparison = async (results, options) => {
  const cosines = await cosinesFigure(results, options);
  const series = seriesOf(results, most.conflicts, "conflicts.dominated");
  if (series.length === 0) return cosines;
  const title = "Steps with a dominated conflict";
  const element = curves({ series, yLabel: "share of steps" }, { ...options(), title });
  return [...cosines, { name: "dominated", element }];
};

/** Mean cosines of the first run of each variant, with its teleports. */
const cosinesFigure: DrawComparison = async (results, options) => {
  const variants = [...byVariant(results)].flatMap(([name, [first]]) => {
    const known = (first.evaluations ?? []).filter((e) => typeof e["conflicts.cosine"] === "number");
    return known.length > 1 ? [{ name, known, first }] : [];
  });
  const shown = variants.slice(0, most.conflicts);
  if (shown.length === 0) return [];
  const [longest] = [...shown].sort((a, b) => b.known.length - a.known.length);
  const steps = longest.known.map(({ step }) => step);
  const at = (known: typeof longest.known, step: number, key: string) =>
    known.find((e) => e.step === step)?.[key] ?? Number.NaN;
  const pairs = shown.map(({ name, known }) => ({
    name,
    cosines: steps.map((step) => at(known, step, "conflicts.cosine")),
  }));
  const triggers = [
    ...new Set(shown.flatMap(({ first }) => first.document.teleports.map(({ step }) => step))),
  ];
  return [
    {
      name: "conflicts",
      element: conflictCosines(
        { steps, pairs, triggers },
        { ...options(), title: "Cosines of the tasks' gradients, first seed" },
      ),
    },
  ];
};

/** A curve for each of the first variants that has evaluations with a number of that name. */
const seriesOf = (results: readonly JobResult[], count: number, name: string): CurveSeries[] =>
  [...byVariant(results)]
    .flatMap(([variant, group]) => {
      const runs = evaluationRuns(group, name);
      return runs.length > 0 ? [{ name: variant, runs }] : [];
    })
    .slice(0, count);

/** Mean accuracy on the test data over the run. */
export const testFigures: DrawComparison = async (results, options) => {
  const series = seriesOf(results, most.test, "test.accuracy");
  if (series.length === 0) return [];
  const { label } = resultName("test.accuracy");
  const yLabel = `mean ${label}`;
  return [
    {
      name: "test",
      element: curves({ series, yLabel }, { ...options(), title: `${upperFirst(label)} against steps` }),
    },
    {
      name: "test-seconds",
      element: curves(
        { series, x: "seconds", yLabel },
        { ...options(), title: `${upperFirst(label)} against time` },
      ),
    },
  ];
};

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
