import { join, relative, resolve } from "node:path";
import { DataError } from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import type { ThemeName } from "isoloss-figures/base";
import type { FigureName } from "../experiments/figure-names.js";
import { loadAllStored, type StoredResult } from "../experiments/jobs/stored.js";
import { type DrawnFigure, drawFigures, figuresFor } from "../experiments/report/figures.js";
import { toCsv } from "../formats/csv.js";
import { pngOf } from "../formats/png.js";
import { prepareFolder } from "../output.js";

export interface PlotOptions {
  readonly out: string;
  readonly figure: readonly FigureName[];
  readonly theme: ThemeName;
  readonly scale: number;
  readonly json: boolean;
}

/** `isoloss plot`: draws runs as SVG and PNG, and writes the numbers of the figures. */
export async function plot(
  paths: readonly string[],
  { out, figure, json, ...look }: PlotOptions,
): Promise<void> {
  const runs = await loadAllStored(paths);
  const written = await writeRunFigures(runs, {
    out: resolve(out),
    ...look,
    ...(figure.length > 0 ? { figures: figure } : {}),
  });
  process.stdout.write(
    json
      ? `${JSON.stringify({ figures: written })}\n`
      : written.map((path) => `${relative(process.cwd(), path)}\n`).join(""),
  );
}

/**
 * Draws runs into a folder; returns the paths of what it wrote.
 *
 * @param options `figures`: default all that the runs have numbers for; `scale`: of the PNG
 * @throws DataError for a figure that the runs have no numbers for, or a folder that cannot be written to
 */
export async function writeRunFigures(
  runs: readonly StoredResult[],
  {
    out,
    figures,
    theme = "light",
    scale,
  }: {
    readonly out: string;
    readonly figures?: readonly FigureName[];
    readonly theme?: ThemeName;
    readonly scale?: number;
  },
): Promise<string[]> {
  const drawn = await drawEach(runs, figures, theme);
  // A PNG has no page to take colors from.
  const pictures = theme === "auto" ? await drawEach(runs, figures, "light") : drawn;
  await prepareFolder(out);
  const written: string[] = [];
  const write = async (name: string, content: string | Uint8Array) => {
    const path = join(out, name);
    await writeFileAtomic(path, content);
    written.push(path);
  };
  for (const [i, { name, svg }] of drawn.entries()) {
    await write(`${name}.svg`, svg);
    await write(`${name}.png`, await pngOf(pictures[i].svg, scale === undefined ? {} : { scale }));
  }
  const rowsOf = (key: "metrics" | "teleports") =>
    runs.flatMap(({ variant, seed, stored }) =>
      stored[key].map((record) => ({ run: variant, seed, ...record })),
    );
  await write("data.csv", toCsv(rowsOf("metrics")));
  const teleports = rowsOf("teleports");
  if (teleports.length > 0) await write("teleports.csv", toCsv(teleports));
  return written;
}

/** The requested figures; by default all that the runs have numbers for. */
async function drawEach(
  runs: readonly StoredResult[],
  asked: readonly FigureName[] | undefined,
  theme: ThemeName,
): Promise<DrawnFigure[]> {
  const drawn: DrawnFigure[] = [];
  for (const figure of asked ?? figuresFor(runs)) {
    const some = await drawFigures({ results: runs, figures: [figure], theme });
    if (asked && some.length === 0) throw new DataError(`The runs have no numbers for the figure ${figure}.`);
    drawn.push(...some);
  }
  return drawn;
}
