import type { NdArray } from "isoloss";
import { balanced } from "isoloss/moves";
import { withParams } from "isoloss/onnx";
import { formatNumber } from "../experiments/results/format-number.js";
import { textTable } from "../experiments/results/table.js";
import type { DataOptions } from "../model/data-options.js";
import { type DiscoveryOfModel, discoveryOf } from "../model/discovery.js";
import { groupsText, type ImbalanceFigures, imbalanceFigures } from "../model/imbalance.js";
import { measuredInputs } from "../model/measured-change.js";
import { requirePage } from "../model/page/require-page.js";
import { readModelFile } from "../model/read-model.js";
import type { Sizes } from "../model/sizes.js";
import { checkedText, requireOtherFile, type Written, writeVerified } from "../model/write-prepared.js";

export interface BalanceOptions extends DataOptions {
  readonly by: "norm" | "range";
  readonly powersOfTwo: boolean;
  readonly heldOut?: string;
  readonly out: string;
  readonly tolerance: number;
  readonly size: Sizes;
  readonly verify: boolean;
  readonly report?: string;
  readonly json: boolean;
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
  const { by, powersOfTwo, heldOut, out, tolerance, verify, report, json } = options;
  const file = await readModelFile(path);
  await requireOtherFile(file, out);
  await requirePage(file, out, report);
  const { batches, sizes } = await measuredInputs(file, options, heldOut);
  const discovery = discoveryOf(file, { sizes });
  const { model, found } = discovery;
  const params = await balanced(model.params, found, { by, powersOfTwo });
  const moved = Object.entries(params).filter(([name, array]) => array !== model.params[name]);
  const bytes = withParams(file.bytes, Object.fromEntries(moved));
  const written = await writeVerified(file, out, bytes, { sizes, inputs: batches, tolerance, verify });
  const document: BalancedModel = {
    ...written,
    by,
    powersOfTwo,
    changed: moved.length,
    before: imbalanceFigures(discovery),
    after: imbalanceFigures(discovery, params),
    ranges: rangesOf(discovery, params),
  };
  if (report !== undefined) {
    const { writeBalancePage } = await import("../model/page/balance-page.js");
    const checked = checkedText(written.largest, path, heldOut ?? "random inputs");
    await writeBalancePage(report, { file, out, bytes, sizes }, { ...document, checked });
  }
  process.stdout.write(
    json ? `${JSON.stringify(document)}\n` : `${balancedText(document, path, out, heldOut)}\n`,
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
  { changed, before, after, ranges, largest }: BalancedModel,
  file: string,
  out: string,
  heldOut: string | undefined,
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
    `Wrote ${out}. ${checkedText(largest, file, heldOut ?? "random inputs")}`,
  ].join("\n\n");
}
