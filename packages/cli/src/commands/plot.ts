import { join, relative, resolve } from "node:path";
import { writeFileAtomic } from "isoloss/node";
import { drawFigures } from "../experiments/figures.js";
import type { FigureName } from "../experiments/schema.js";
import { loadAllStored, type StoredResult } from "../experiments/stored.js";
import type { ThemeName } from "../figures/theme.js";
import { toCsv } from "../formats/csv.js";
import { prepareFolder } from "../output.js";

export interface PlotOptions {
  readonly out: string;
  readonly figure: readonly FigureName[];
  readonly theme: ThemeName;
  readonly json: boolean;
}

/** `isoloss plot`: figures of runs as SVG, with the numbers that they show beside. */
export async function plot(
  paths: readonly string[],
  { out, figure, theme, json }: PlotOptions,
): Promise<void> {
  const runs = await loadAllStored(paths);
  const written = await writeRunFigures(runs, {
    out: resolve(out),
    theme,
    ...(figure.length > 0 ? { figures: figure } : {}),
  });
  process.stdout.write(
    json
      ? `${JSON.stringify({ figures: written })}\n`
      : written.map((path) => `${relative(process.cwd(), path)}\n`).join(""),
  );
}

/** Draws runs into a folder; returns the paths of what it wrote. */
export async function writeRunFigures(
  runs: readonly StoredResult[],
  {
    out,
    figures = figuresFor(runs),
    theme = "light",
  }: {
    readonly out: string;
    readonly figures?: readonly FigureName[];
    readonly theme?: ThemeName;
    readonly target?: number;
  },
): Promise<string[]> {
  await prepareFolder(out);
  const written: string[] = [];
  const write = async (name: string, content: string) => {
    const path = join(out, name);
    await writeFileAtomic(path, content);
    written.push(path);
  };
  for (const { name, svg } of await drawFigures({ results: runs, figures, theme }))
    await write(`${name}.svg`, svg);
  const rows = runs.flatMap(({ variant, seed, stored }) =>
    stored.metrics.map((record) => ({ run: variant, seed, ...record })),
  );
  await write("data.csv", toCsv(rows));
  return written;
}

/** All figures that the runs have numbers for. */
function figuresFor(runs: readonly StoredResult[]): FigureName[] {
  const isPlanar = runs.every((r) => r.config.kind === "minimize" && r.trajectory?.[0]?.length === 2);
  const isOfTasks = runs.every((r) => r.config.kind === "multi-task");
  const sameProblem = new Set(runs.map((r) => JSON.stringify(r.settings.problem))).size === 1;
  const isEvaluated = runs.some((r) => (r.evaluations?.length ?? 0) > 0);
  if (isOfTasks) return ["paths", "front", "conflicts", "test"];
  return [
    ...(isPlanar && sameProblem ? (["levelSets"] as const) : []),
    "loss",
    "gradNormSq",
    ...(isEvaluated ? (["validation", "accuracy"] as const) : []),
  ];
}
