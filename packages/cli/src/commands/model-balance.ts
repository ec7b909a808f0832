import type { NdArray } from "isoloss";
import { balanced } from "isoloss/moves";
import { formatNumber } from "../experiments/results/format-number.js";
import { textTable } from "../experiments/results/table.js";
import type { DiscoveryOfModel } from "../model/discovery.js";
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
  const { discovery, params, changed, written, checked, subject } = await writeMoved(
    path,
    options,
    ({ model, found }) => balanced(model.params, found, { by, powersOfTwo }),
  );
  const document: BalancedModel = {
    ...written,
    by,
    powersOfTwo,
    changed: Object.keys(changed).length,
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
  { changed, before, after, ranges }: BalancedModel,
  out: string,
  checked: string,
): string {
  if (changed === 0) return `${groupsText(before)}\n\nThere was nothing to change: wrote ${out} as it was.`;
  const table = textTable(
    ["largest weights", "before", "after"],
    ranges.map((row) => [row.parameter, formatNumber(row.before, 3), formatNumber(row.after, 3)]),
  );
  return [
    groupsText(before),
    table,
    `before: ${before.advice}`,
    `after: ${after.advice}`,
    `Wrote ${out}. ${checked}`,
  ].join("\n\n");
}
