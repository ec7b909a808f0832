// The page that `--report` writes about a changed model, and sections that several commands have.

import { resolve } from "node:path";
import { IsolossError } from "isoloss";
import { groupBy } from "isoloss/internal";
import { writeFileAtomic } from "isoloss/node";
import type { GroupDescription } from "isoloss/symmetry";
import {
  type CurveSeries,
  channelRanges,
  channelRangesWidth,
  curves,
  type FigureOptions,
  type LayerRanges,
  svgText,
  valueBars,
  valueBarsWidth,
} from "isoloss-figures";
import type { ValueChange } from "isoloss-onnx";
import { countText } from "../experiments/results/format-number.js";
import type { ModelFile } from "../formats/read-model.js";
import { describeEnvironment } from "../run/environment.js";
import {
  type Folded,
  htmlTable,
  type Report,
  type ReportSection,
  renderReport,
  type Table,
} from "../run/report-html.js";
import { layerWeights } from "./layer-weights.js";
import { withoutSqnr } from "./measured-change.js";
import type { Sizes } from "./sizes.js";
import { symmetriesOfModel } from "./symmetries.js";

export type Page = Pick<Report, "title" | "conclusion" | "lead" | "sections">;

/** Writes the page. */
export async function writePage(path: string, page: Page): Promise<void> {
  const { seed: _, ...environment } = describeEnvironment({ seed: 0, runtime: "auto" });
  const threads = environment.threads ?? "as many as the runtime chooses";
  const html = renderReport({ ...page, verdicts: [], environment: { ...environment, threads } });
  await writeFileAtomic(resolve(path), html);
}

/** Options of a figure on the page, which has the colors of its reader. */
const onPage = (title: string, width: number): FigureOptions => ({
  theme: "auto",
  title,
  width,
});

/** Room of the widest figure that has not a row of its own. */
const FIGURE_WIDTH = 560;

/** A file that was measured; no SQNR where outputs are identical or broken. */
export interface MeasuredChoice {
  readonly name: string;
  readonly sqnr: number | null;
  readonly broken: boolean;
}

/** All files that were measured, and which was written. */
function choicesSection(
  choices: readonly MeasuredChoice[],
  chosen: string,
  { text, table }: { readonly text: string; readonly table: Table },
): ReportSection {
  const values = choices.map(({ name, sqnr, broken }) => ({
    name,
    value: sqnr ?? Number.NaN,
    missing: withoutSqnr({ broken }),
  }));
  const data = { values, chosen, xLabel: "SQNR in dB" };
  const options = onPage("Signal to error of each choice", valueBarsWidth(values, FIGURE_WIDTH));
  return {
    heading: "Measured choices",
    text,
    // One bar alone compares nothing, and has no room for the legend.
    figures: choices.length > 1 ? [svgText(valueBars(data, options))] : [],
    tables: [htmlTable(table)],
  };
}

/** How large values inside a model are before and after, in the order of its operators, beside the range of float16. */
function rangesSection(values: readonly ValueChange[]): readonly ReportSection[] {
  if (values.length === 0) return [];
  const options = onPage("Values inside the model", FIGURE_WIDTH);
  return [
    {
      heading: "Values inside the model",
      text: "The largest and the typical magnitude (geometric mean) of each value in float32, in the order of the operators. float16 holds numbers up to 65504, those below 6.1e-5 lose bits.",
      figures: [svgText(valueRanges(values, options))],
    },
  ];
}

/** The figure of {@link rangesSection}. */
export function valueRanges(values: readonly ValueChange[], options: FigureOptions): SVGSVGElement {
  const series = (["before", "after"] as const).flatMap((side) =>
    (["largest", "typical"] as const).map((size): CurveSeries => {
      const shown = values.flatMap(({ [side]: own }, i) =>
        own !== undefined && own[size] > 0 && own[size] < Number.POSITIVE_INFINITY
          ? [{ i, value: own[size] }]
          : [],
      );
      const runs = [{ steps: shown.map(({ i }) => i), values: shown.map(({ value }) => value) }];
      return { name: `${size} ${side}`, runs };
    }),
  );
  return curves(
    {
      series: series.filter(({ runs: [{ steps }] }) => steps.length > 0),
      xLabel: "value, in the order of the operators",
      yLabel: "magnitude",
      logY: true,
      target: LARGEST_HALF,
      targetName: "largest float16",
      labels: "legend",
    },
    options,
  );
}

const LARGEST_HALF = 65504;

/** Layers that the figure shows. */
const SHOWN = 16;

/** The ranges of the channels of two files with the same layers; no section where they have none, or not the same. */
function weightsSection(before: Uint8Array, after: Uint8Array, text: string): readonly ReportSection[] {
  const [old, changed] = [layerWeights(before), layerWeights(after)];
  const areFinite = [...old, ...changed].every(({ ranges }) => ranges.every(Number.isFinite));
  if (old.length === 0 || old.length !== changed.length || !areFinite) return [];
  const names = rowNames(old.map(({ name }) => name));
  const all = old.map(({ ranges }, i) => ({ name: names[i], before: ranges, after: changed[i].ranges }));
  const uneven = [...all].sort((a, b) => unevenness(b) - unevenness(a)).slice(0, SHOWN);
  const layers = all.filter((layer) => uneven.includes(layer));
  const left =
    all.length > SHOWN ? ` Shown are the ${SHOWN} of ${all.length} layers whose channels differ most.` : "";
  const options = onPage("Largest weight of each channel", channelRangesWidth(layers, FIGURE_WIDTH));
  return [
    {
      heading: "Weights of each channel",
      text: `${text}${left}`,
      figures: [svgText(channelRanges({ layers }, options))],
    },
  ];
}

/** How far channels are apart, before or after, as the logarithm of the ratio. */
function unevenness({ before, after }: LayerRanges): number {
  const spread = (ranges: readonly number[]) => {
    const logs = ranges.filter((range) => range > 0).map(Math.log);
    return logs.length === 0 ? 0 : Math.max(...logs) - Math.min(...logs);
  };
  return Math.max(spread(before), spread(after));
}

/** Characters of a row's name. */
const LONGEST = 30;

/** Names of rows of a figure: the ends of long ones, numbered where these are not distinct. */
export function rowNames(names: readonly string[]): readonly string[] {
  const short = names.map((name) => (name.length > LONGEST ? `…${name.slice(1 - LONGEST)}` : name));
  return new Set(short).size === short.length ? short : short.map((name, i) => `${i + 1}. ${name}`);
}

/** Longer tables are folded. */
const OPEN = 12;

/** The groups of units that move together, of these kinds. */
function unitsSection(
  file: ModelFile,
  sizes: Sizes,
  { kinds, text }: { readonly kinds: readonly string[]; readonly text: string },
): ReportSection {
  const heading = "Units that move together";
  try {
    const { groups } = symmetriesOfModel(file, { sizes });
    const own = groups.filter(({ kind }) => kinds.includes(kind));
    if (own.length === 0) return { heading, text: `${text}\n\nThe model has none.` };
    return { heading, text, folded: [...groupBy(own, ({ title }) => title)].map(tableOf) };
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { heading, text: `They were not found: ${cause.message}` };
  }
}

function tableOf([title, groups]: [string, readonly GroupDescription[]]): Folded {
  const table = htmlTable({
    columns: ["units", "weights"],
    rows: groups.map(({ units, text }) => [units, text]),
  });
  return {
    title: `${title} (${countText(groups.length, "group")})`,
    content: { table },
    open: groups.length <= OPEN,
  };
}

interface EpochLosses {
  readonly epoch: number;
  readonly trainingLoss: number | null;
  readonly validationLoss: number | null;
}

/** Losses against epochs; none where no loss is finite. */
function lossFigure(epochs: readonly EpochLosses[]): readonly string[] {
  const run = (name: string, of: (epoch: EpochLosses) => number | null): CurveSeries => {
    const known = epochs.filter((epoch) => of(epoch) !== null);
    return {
      name,
      runs: [{ steps: known.map(({ epoch }) => epoch), values: known.map((epoch) => of(epoch) ?? 0) }],
    };
  };
  const series = [
    run("validation", ({ validationLoss }) => validationLoss),
    run("training", ({ trainingLoss }) => trainingLoss),
  ].filter(({ runs: [{ steps }] }) => steps.length > 0);
  if (series.length === 0) return [];
  const data = { series, xLabel: "epoch", yLabel: "loss", logY: series.every(isPositive) };
  return [svgText(curves(data, onPage("Loss against epochs", FIGURE_WIDTH)))];
}

const isPositive = ({ runs }: CurveSeries): boolean =>
  runs.every(({ values }) => values.every((value) => value > 0));

/** What commands put their pages together from. */
export const pageParts = { choicesSection, rangesSection, weightsSection, unitsSection, lossFigure };

export type PageParts = typeof pageParts;
