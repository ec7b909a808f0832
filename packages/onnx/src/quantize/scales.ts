import { OptionError } from "isoloss";
import { describeValue } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import {
  type Affine,
  affineOf,
  type ByteType,
  hull,
  intersection,
  unbounded,
  type ValueRange,
} from "./affine.js";
import type { Plan } from "./plan.js";

/**
 * Scales and zero points of all activations of a plan. Values that an operator only moves have those of its operand: so
 * the operator runs on the integers.
 *
 * @throws OptionError for a value without a range
 */
export function activationScales(
  editor: GraphEditor,
  plan: Plan,
  ranges: ReadonlyMap<string, ValueRange>,
  type: ByteType,
): ReadonlyMap<string, Affine> {
  const shared = new Map<string, Affine>();
  for (const group of groupsOf(plan)) {
    const range = rangeOf(group, ranges);
    const bounds = group.map((name) => plan.bounds.get(name) ?? unbounded).reduce(intersection);
    const affine = affineOf(range, type, bounds);
    for (const name of group) shared.set(name, affine);
  }
  for (const name of constantsOf(editor, plan)) {
    const numbers = editor.floats(name)?.data ?? new Float64Array();
    const range = {
      min: numbers.reduce((a, b) => Math.min(a, b), 0),
      max: numbers.reduce((a, b) => Math.max(a, b), 0),
    };
    shared.set(name, affineOf(range, type));
  }
  return shared;
}

/** Names of the stored operands of nodes without weights that run as integers. */
export function constantsOf(editor: GraphEditor, { others }: Plan): ReadonlySet<string> {
  const operands = [...others].flatMap(([{ inputs }, operator]) => inputs.slice(0, operator.operands));
  return new Set(operands.filter((name) => editor.floatType(name) !== undefined));
}

/** Values that must have the same scale. */
function groupsOf({ values, others }: Plan): readonly (readonly string[])[] {
  const groups = new Map(values.map((name) => [name, [name]]));
  for (const [{ inputs, outputs }, { keepsNumbers }] of others) {
    if (!keepsNumbers) continue;
    const own = [inputs[0], ...outputs.filter(Boolean)].flatMap((name) => groups.get(name) ?? [name]);
    const joined = [...new Set(own)];
    for (const name of joined) groups.set(name, joined);
  }
  return [...new Set(groups.values())];
}

/** The range of values that are the same numbers, of which some need not have one. */
function rangeOf(names: readonly string[], ranges: ReadonlyMap<string, ValueRange>): ValueRange {
  const own = names.filter((name) => ranges.has(name));
  for (const name of own.length === 0 ? names : own) requireRange(name, ranges.get(name));
  return own.flatMap((name) => ranges.get(name) ?? []).reduce(hull);
}

function requireRange(name: string, range: ValueRange | undefined): void {
  if (range !== undefined && Number.isFinite(range.max - range.min) && range.min <= range.max) return;
  throw new OptionError(
    `writeQdq: the value "${name}" needs a range of finite numbers { min, max }; got ${describeValue(range)}. All values that need one: quantizableValues(bytes).`,
  );
}
