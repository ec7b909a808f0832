import { mapValues } from "es-toolkit";
import { astype, dtypeOf, type NdArray } from "isoloss";
import { balanced } from "isoloss/moves";
import { formatNumber } from "../experiments/results/format-number.js";
import { textTable } from "../experiments/results/table.js";
import type { DiscoveryOfModel, StoppingOperator } from "../model/discovery.js";
import { groupsText, type ImbalanceFigures, imbalanceFigures } from "../model/imbalance.js";
import { type MoveOptions, writeMoved } from "../model/write-moved.js";
import type { Written } from "../model/write-prepared.js";

export interface BalanceOptions extends MoveOptions {
  readonly by: "norm" | "range";
  readonly powersOfTwo: boolean;
}

/** The document of `isoloss model balance --json`. */
export interface BalancedModel extends Written {
  readonly by: "norm" | "range";
  readonly powersOfTwo: boolean;
  /** Number of tensors that were scaled. */
  readonly changed: number;
  /** Whether the new file has bounds of channels in the place of those of Clip, Max and Min. */
  readonly lifted: boolean;
  readonly stops: readonly StoppingOperator[];
  readonly before: ImbalanceFigures;
  readonly after: ImbalanceFigures;
  /** The weights with the largest ranges, before or after. */
  readonly ranges: readonly WeightRange[];
}

/** Largest magnitude of a parameter. */
interface WeightRange {
  readonly parameter: string;
  readonly before: number;
  readonly after: number;
}

const LARGEST = 8;

/** `isoloss model balance`: the same function with balanced weights. */
export async function balance(path: string, options: BalanceOptions): Promise<void> {
  const { by, powersOfTwo, out, report, json } = options;
  const { discovery, params, changed, isLifted, written, checked, subject } = await writeMoved(
    path,
    options,
    (from) => balancedWeights(from, { by, powersOfTwo }),
  );
  const document: BalancedModel = {
    ...written,
    by,
    powersOfTwo,
    changed: Object.keys(changed).length,
    lifted: isLifted,
    stops: discovery.stops(),
    before: imbalanceFigures(discovery),
    after: imbalanceFigures(discovery, params),
    ranges: rangesOf(discovery, params),
  };
  if (report !== undefined) {
    const { writeBalancePage } = await import("../model/page/balance-page.js");
    await writeBalancePage(report, subject, { ...document, checked });
  }
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${balancedText(document, out, checked)}\n`);
}

/** A factor by which bounds are too small to count while the weights are balanced, which they follow. */
const HIDDEN = 2 ** -100;

async function balancedWeights(
  { model, found, bounds }: DiscoveryOfModel,
  options: Pick<BalanceOptions, "by" | "powersOfTwo">,
): Promise<DiscoveryOfModel["model"]["params"]> {
  const times = (array: NdArray, factor: number): NdArray => {
    const { shape, data } = astype(array, "float64");
    return { shape, data: (data as Float64Array).map((v) => factor * v) };
  };
  const hidden = mapValues(model.params, (array, name) => (bounds.has(name) ? times(array, HIDDEN) : array));
  const moved = await balanced(hidden, found, options);
  return mapValues(moved, (array, name) =>
    bounds.has(name) ? astype(times(array, 1 / HIDDEN), dtypeOf(model.params[name])) : array,
  );
}

function rangesOf({ model }: DiscoveryOfModel, params: DiscoveryOfModel["model"]["params"]): WeightRange[] {
  const ranges = Object.entries(model.params).map(([parameter, array]) => ({
    parameter,
    before: rangeOf(array),
    after: rangeOf(params[parameter]),
  }));
  const largest = ({ before, after }: WeightRange) => Math.max(before, after);
  return ranges.sort((a, b) => largest(b) - largest(a)).slice(0, LARGEST);
}

const rangeOf = ({ data }: NdArray): number =>
  (data as Float64Array).reduce((a, v) => Math.max(a, Math.abs(v)), 0);

function balancedText(
  { changed, lifted, stops, before, after, ranges }: BalancedModel,
  out: string,
  checked: string,
): string {
  if (changed === 0)
    return `${groupsText(before, stops)}\n\nThere was nothing to change: wrote ${out} as it was.`;
  const table = textTable(
    ["largest weights", "before", "after"],
    ranges.map((row) => [row.parameter, formatNumber(row.before, 3), formatNumber(row.after, 3)]),
  );
  return [
    groupsText(before, stops),
    table,
    `before: ${before.advice}`,
    `after: ${after.advice}`,
    `Wrote ${out}. ${lifted ? "Bounds of Clip, Max and Min became numbers of channels, which move with the weights. " : ""}${checked}`,
  ].join("\n\n");
}
