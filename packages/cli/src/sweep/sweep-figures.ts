import { extremes } from "isoloss/internal";
import {
  type CurveSeries,
  curves,
  type FigureOptions,
  parallelCoordinates,
  type ScatterData,
  scatter,
  svgText,
} from "isoloss-figures";
import type { StoredSweep } from "./directory.js";
import type { SweepDocument, SweepTrialDocument } from "./document.js";
import type { RunState } from "./engine-types.js";
import { oriented } from "./metric.js";

/** The most points of a figure: of more trials the best are drawn. */
const most = 400;
/** The most figures of single parameters. */
const mostParameters = 8;
/** The most trials whose losses are drawn. */
const mostCurves = 5;

export type Valued = SweepTrialDocument & { readonly value: number };

/** Completed trials, the best first. */
export function completedTrials({ loaded: { file } }: StoredSweep, { trials }: SweepDocument): Valued[] {
  return trials
    .filter((t): t is Valued => t.status === "completed" && t.value !== null)
    .sort((a, b) => oriented(file.metric, a.value) - oriented(file.metric, b.value));
}

/** Figures of a sweep's search, by the sections of its report. @param best completed trials, the best first */
export function sweepFigures(sweep: StoredSweep, best: readonly Valued[]) {
  const shown = best.slice(0, most);
  const notes = best.length > most ? [`The best ${most} of ${best.length} completed trials.`] : [];
  return {
    course: courseFigures(sweep, best),
    losses: lossFigure(sweep, best),
    parameters:
      varying(shown).length > 0
        ? [parallel(sweep, shown, notes), ...parameterFigures(sweep, shown, notes)]
        : [],
    rungs: rungFigure(sweep),
    seeds: seedFigure(sweep, shown, notes),
  };
}

type Notes = readonly string[];

const options = (title: string): FigureOptions => ({ theme: "auto", title });

/** Whether a logarithmic axis shows positive numbers better; those that are not finite have no place on it. */
function isWide(values: readonly number[]): boolean {
  const [least, largest] = extremes(values.filter(Number.isFinite));
  return least > 0 && largest > 100 * least;
}

/** The best value so far, against trials and against seconds. */
function courseFigures({ loaded: { file }, engine }: StoredSweep, best: readonly Valued[]): string[] {
  const { metric } = file;
  const ended = best
    .map(({ trial, value }) => {
      const at = (engine.state.trials[trial]?.runs ?? []).map(({ record }) => record?.at ?? 0);
      return { value, at: Math.max(0, ...at) };
    })
    .sort((a, b) => a.at - b.at);
  if (ended.length < 2) return [];
  let least = Infinity;
  // A stair: what is best stays so until the next trial has ended.
  const points = ended.flatMap(({ value, at }, i) => {
    const before = least;
    least = Math.min(least, oriented(metric, value));
    const corners = Number.isFinite(before) ? [before, least] : [least];
    return corners.map((height) => ({ step: i + 1, at, value: oriented(metric, height) }));
  });
  const values = points.map(({ value }) => value);
  const run = { steps: points.map(({ step }) => step), seconds: points.map(({ at }) => at), values };
  const series = [{ name: "best so far", runs: [run] }];
  const data = { series, logY: isWide(values), yLabel: metric.name };
  return [
    svgText(curves({ ...data, xLabel: "completed trials" }, options("Best value so far"))),
    svgText(curves({ ...data, x: "seconds" }, options("Best value so far against time"))),
  ];
}

/** Losses of what is confirmed, else of the best trials, each over its seeds. */
function lossFigure({ engine: { state } }: StoredSweep, best: readonly Valued[]): string[] {
  const drawn =
    state.contenders?.map(({ trial, runs }) => ({
      name: trial === "baseline" ? trial : `trial ${trial}`,
      runs,
    })) ??
    best.slice(0, mostCurves).map(({ trial }) => ({
      name: `trial ${trial}`,
      runs: state.trials[trial]?.runs ?? [],
    }));
  const series = drawn
    .map(({ name, runs }): CurveSeries => ({ name, runs: runs.flatMap(curveOf) }))
    .filter(({ runs }) => runs.length > 0);
  if (series.length === 0) return [];
  const values = series.flatMap(({ runs }) => runs.flatMap((run) => run.values));
  return [svgText(curves({ series, logY: isWide(values), yLabel: "loss" }, options("Loss against steps")))];
}

function curveOf({ record }: RunState): CurveSeries["runs"][number][] {
  if (!record?.curve) return [];
  const { first, every, losses } = record.curve;
  return [
    { steps: losses.map((_, i) => first + i * every), values: losses.map((loss) => loss ?? Number.NaN) },
  ];
}

const drawable = (value: unknown): number | string | null =>
  typeof value === "number" || typeof value === "string"
    ? value
    : value === undefined
      ? null
      : JSON.stringify(value);

function parallel({ loaded: { file } }: StoredSweep, trials: readonly Valued[], notes: Notes): string {
  const paths = varying(trials);
  return svgText(
    parallelCoordinates(
      {
        axes: [...paths, file.metric.name],
        lines: trials.map(({ parameters, value }) => [
          ...paths.map((path) => drawable(parameters[path])),
          value,
        ]),
        goal: file.metric.goal,
        notes,
      },
      { ...options("Trials"), width: Math.max(640, 130 * (paths.length + 1)) },
    ),
  );
}

/** Parameters with more than one value. */
export function varying(trials: readonly SweepTrialDocument[]): string[] {
  const paths = [...new Set(trials.flatMap(({ parameters }) => Object.keys(parameters)))];
  return paths.filter(
    (path) => new Set(trials.map(({ parameters }) => JSON.stringify(parameters[path]))).size > 1,
  );
}

/** The values against each parameter that is a number. */
function parameterFigures(
  { loaded: { file } }: StoredSweep,
  trials: readonly Valued[],
  notes: Notes,
): string[] {
  return varying(trials)
    .slice(0, mostParameters)
    .flatMap((path) => {
      const points = trials.flatMap(({ parameters, value }) => {
        const x = parameters[path];
        return typeof x === "number" ? [{ x, y: value }] : [];
      });
      if (points.length < 2) return [];
      const parameter = file.parameters[path];
      const isLog = parameter !== undefined && "scale" in parameter && parameter.scale === "log";
      const data = axes({ name: path, points }, path, file.metric.name);
      return svgText(
        scatter(
          { ...data, notes, logX: isLog || data.logX === true },
          options(`${file.metric.name} by ${path}`),
        ),
      );
    });
}

function axes(series: ScatterData["series"][number], xLabel: string, yLabel: string): ScatterData {
  return {
    series: [series],
    xLabel,
    yLabel,
    logX: isWide(series.points.map(({ x }) => x)),
    logY: isWide(series.points.map(({ y }) => y)),
  };
}

/** What runs had at the rungs, and which were stopped there. */
function rungFigure({ loaded: { file }, engine }: StoredSweep): string[] {
  const verdicts = [...engine.state.runs.values()].flatMap((run) => [...run.verdicts.values()]);
  const known = verdicts.flatMap(({ rung, value, verdict }) =>
    value === null ? [] : [{ x: rung, y: oriented(file.metric, value), verdict }],
  );
  if (known.length < 2) return [];
  const groups = (["go", "stop"] as const)
    .map((verdict) => ({
      name: verdict === "go" ? "went on" : "stopped",
      points: known.filter((one) => one.verdict === verdict),
    }))
    .filter(({ points }) => points.length > 0);
  const data: ScatterData = {
    series: groups.map(({ name, points }) => ({ name, points: points.slice(0, most) })),
    notes: groups.flatMap(({ name, points }) =>
      points.length > most
        ? [`Of ${points.length} that ${name === "stopped" ? "were stopped" : name} the first ${most}.`]
        : [],
    ),
    xLabel: file.prune?.unit ?? "steps",
    yLabel: file.metric.name,
    logX: isWide(known.map(({ x }) => x)),
    logY: isWide(known.map(({ y }) => y)),
  };
  return [svgText(scatter(data, options("Runs at the rungs")))];
}

/** Whether two seeds agree on which trials are good. */
function seedFigure({ loaded: { file } }: StoredSweep, trials: readonly Valued[], notes: Notes): string[] {
  const points = trials.flatMap(({ runs: [a, b] }) =>
    a?.value != null && b?.value != null ? [{ x: a.value, y: b.value }] : [],
  );
  if (points.length < 2) return [];
  const [a, b] = file.seeds.map((seed) => `${file.metric.name}, seed ${seed}`);
  const data = axes({ name: "trials", points }, a as string, b as string);
  return [svgText(scatter({ ...data, notes }, options("Two seeds")))];
}
