import { isEqual, uniqBy, upperFirst } from "es-toolkit";
import { type NdArray, namedArrays, trace } from "isoloss";
import { extremes } from "isoloss/internal";
import { resultName } from "isoloss/metrics";
import {
  type CurveSeries,
  type CurvesData,
  curves,
  type FigureOptions,
  levelSets,
  svgText,
  type Trajectory,
} from "isoloss-figures";
import type { ThemeName } from "isoloss-figures/base";
import { makeAnyProblem, type ProblemChoice } from "../catalogue/own/problem.js";
import type { MadeProblem } from "../catalogue/problems.js";
import type { DrawComparison, FigureName, JobResult } from "../kind.js";
import { kinds } from "../kinds/kinds.js";
import { numbersOf } from "../records/points.js";
import { evaluationRuns, gridPoints, point, valuesAt } from "../results/drawn.js";
import { hasBatches } from "../results/loss-curve.js";
import { byVariant } from "../results/summary.js";

export interface DrawnFigure {
  readonly name: string;
  readonly svg: string;
}

export interface FigureRequest {
  readonly results: readonly JobResult[];
  readonly figures: readonly FigureName[];
  readonly theme?: ThemeName;
  /** Default a figure's own. */
  readonly size?: FigureSize;
}

export type FigureSize = Pick<FigureOptions, "width" | "height">;

/** Figures that kinds draw of their runs side by side, by name. */
const compared: Readonly<Record<string, DrawComparison>> = Object.assign(
  {},
  ...Object.values(kinds).map(({ comparison }) => comparison?.figures ?? {}),
);

/** Figures of an experiment's results. Those that the results have no data for are left out. */
export async function drawFigures({
  results,
  figures,
  theme = "light",
  size = {},
}: FigureRequest): Promise<DrawnFigure[]> {
  const drawn: DrawnFigure[] = [];
  const shown = withLosses(results);
  if (shown.length === 0) return drawn;
  const options = (): FigureOptions => ({ theme, ...size });
  const add = (name: string, element: SVGSVGElement) => drawn.push({ name, svg: svgText(element) });
  /** Curves against steps and, where runs have times, against seconds. */
  const addBoth = (name: string, title: string, data: CurvesData) => {
    add(name, curves(data, { ...options(), title: `${title} against steps` }));
    if (shown.some((r) => r.document.wallSeconds === null)) return;
    add(
      `${name}-seconds`,
      curves({ ...data, ...overTime(data) }, { ...options(), title: `${title} against time` }),
    );
  };
  const window = windowOf(shown);
  for (const figure of figures) {
    if (figure === "levelSets") {
      const drawable = shown.filter((r) => r.seed === shown[0].seed && r.trajectory?.[0]?.length === 2);
      const { problem } = drawable[0]?.settings ?? {};
      const same = drawable.filter(({ settings }) => isEqual(settings.problem, problem));
      // Of a variant that ran twice, one path.
      const planar = uniqBy(same, ({ variant }) => variant);
      const element = planar.length > 0 ? await levelSetsOf(planar, options()) : undefined;
      if (element) add("level-sets", element);
    } else if (figure === "loss") {
      addBoth("loss", "Loss", lossCurves(shown));
    } else if (figure === "gradNormSq") {
      const measured = shown.filter((r) => r.document.gradNormSq.history.some((v) => v !== null));
      if (measured.length === 0) continue;
      const series = seriesOf(measured, (r) => r.document.gradNormSq.history);
      const title = `${upperFirst(resultName("gradNormSq").label)} against steps`;
      add("grad-norm", curves({ series, logY: true, yLabel: "‖g‖²", window }, { ...options(), title }));
    } else if (figure === "validation" || figure === "accuracy") {
      const name = figure === "validation" ? "validation.loss" : "validation.accuracy";
      const series = evaluationSeries(shown, name);
      const { label } = resultName(name);
      if (series.length > 0) addBoth(figure, upperFirst(label), { series, yLabel: label });
    } else {
      for (const { name, element } of (await compared[figure]?.(shown, options)) ?? []) add(name, element);
    }
  }
  return drawn;
}

/** The figures that runs of these kinds have numbers for. */
export function figuresFor(
  results: readonly (JobResult & { readonly config: { readonly kind: string } })[],
): readonly FigureName[] {
  const [kind, ...others] = new Set(results.map((r) => r.config.kind));
  const own = others.length === 0 ? kinds[kind].plot?.(results) : undefined;
  if (own !== undefined) return own;
  const isEvaluated = results.some((r) => (r.evaluations?.length ?? 0) > 0);
  return ["loss", "gradNormSq", ...(isEvaluated ? (["validation", "accuracy"] as const) : [])];
}

/** Runs that have a loss to draw: one that was interrupted before its first step has none. */
export const withLosses = (results: readonly JobResult[]): JobResult[] =>
  results.filter((r) => r.document.loss.history.length > 0);

export function lossCurves(results: readonly JobResult[]): CurvesData {
  const series = seriesOf(results, (r) => r.document.loss.history);
  return { series, logY: isLog(series), yLabel: "loss", window: windowOf(results) };
}

/** Against seconds; on a logarithmic axis where some runs take so much longer that others would not be seen. */
export function overTime({ series }: CurvesData): Pick<CurvesData, "x" | "logX"> {
  const ends = series.flatMap(({ runs }) => runs.map(({ seconds = [] }) => seconds.at(-1) ?? 0));
  return { x: "seconds", logX: Math.max(...ends) > 20 * Math.min(...ends) && Math.min(...ends) > 0 };
}

/** Unless some are negative: a run that ends with 0 would flatten all others. */
const isLog = (series: readonly CurveSeries[]): boolean =>
  series.every(({ runs }) => runs.every(({ values }) => values.every((v) => !(v < 0))));

/** Losses of mini-batches are noise to a reader: means over a fiftieth of the run. */
function windowOf(results: readonly JobResult[]): number {
  const [first] = results;
  return hasBatches(first) ? Math.max(1, Math.round(first.document.steps / 50)) : 1;
}

const teleportSteps = (group: readonly JobResult[]): number[] => [
  ...new Set(group.flatMap((r) => r.document.teleports.filter((t) => t.accepted).map((t) => t.step))),
];

const finite = (values: readonly (number | null)[]): number[] => values.map((v) => v ?? Number.NaN);

function seriesOf(
  results: readonly JobResult[],
  pick: (result: JobResult) => readonly (number | null)[],
): CurveSeries[] {
  return [...byVariant(results)].map(([name, group]) => ({
    name,
    runs: group.map((r) => {
      const values = finite(pick(r));
      return { steps: values.map((_, i) => i), seconds: r.seconds.slice(0, values.length), values };
    }),
    teleports: teleportSteps(group),
  }));
}

function evaluationSeries(results: readonly JobResult[], key: string): CurveSeries[] {
  return [...byVariant(results)].flatMap(([name, group]) => {
    const runs = evaluationRuns(group, key);
    return runs.length === 0 ? [] : [{ name, runs, teleports: teleportSteps(group) }];
  });
}

/** Ranges that hold all points with some air around them. */
function rangeOf(values: readonly number[]): [number, number] {
  const [low, high] = extremes(values.filter(Number.isFinite));
  const air = 0.12 * Math.max(high - low, 1e-3);
  return [low - air, high + air];
}

/** Undefined for a problem whose two variables are not one vector w. */
async function levelSetsOf(
  results: readonly JobResult[],
  options: FigureOptions,
): Promise<SVGSVGElement | undefined> {
  const [{ settings }] = results;
  const made = await makeAnyProblem(settings.problem as ProblemChoice, {
    seed: results[0].seed,
    dtype: "float64",
  });
  if (!isOneVector(made.problem.start)) return undefined;
  const trajectories = results.map(
    ({ variant, trajectory = [], jumps }): Trajectory => ({
      name: variant,
      points: trajectory.map(point),
      jumps: jumps.map(({ step, from, to }) => ({ step, from: point(from), to: point(to) })),
    }),
  );
  const optimum = made.problem.optimum && point(numbersOf(made.problem.optimum.params));
  const all = [
    ...trajectories.flatMap(({ points, jumps = [] }) => [...points, ...jumps.flatMap((j) => [j.from, j.to])]),
    ...(optimum ? [optimum] : []),
  ];
  const x = rangeOf(all.map((p) => p.x));
  const y = rangeOf(all.map((p) => p.y));
  const n = 121;
  const values = await valuesOn(made, gridPoints({ x, y, n }));
  return levelSets(
    {
      f: { x, y, nx: n, ny: n, values },
      trajectories,
      start: point(results[0].trajectory?.[0] ?? []),
      ...(optimum ? { optimum } : {}),
    },
    {
      ...options,
      title: trajectories.some(({ jumps = [] }) => jumps.length > 0)
        ? "Level sets, trajectories and teleports"
        : "Level sets and trajectories",
    },
  );
}

/** The loss of a function of two variables at points. */
async function valuesOn(
  { problem }: MadeProblem,
  points: readonly (readonly number[])[],
): Promise<Float64Array> {
  const { batch } = problem;
  const { graph } = trace((at) => ({ loss: problem.loss({ w: at.w }, at.batch as never) }), {
    ...(problem.start as { readonly w: NdArray }),
    batch,
  });
  const { loss } = await valuesAt(graph, points, namedArrays({ batch }));
  return loss;
}

const isOneVector = (start: object): boolean =>
  Object.keys(start).join() === "w" && namedArrays({ start })["start.w"]?.shape.join() === "2";
