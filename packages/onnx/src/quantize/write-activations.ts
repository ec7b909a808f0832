import { OptionError } from "isoloss";
import { describeValue, type OnnxNode, type OnnxTensor } from "isoloss/internal";
import type { GraphEditor } from "../model-file/edit/graph-editor.js";
import {
  type Affine,
  affineOf,
  type ByteType,
  hull,
  intersection,
  quantized,
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
function constantsOf(editor: GraphEditor, { others }: Plan): ReadonlySet<string> {
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

/**
 * Rounds the activations of a plan to integers and back. What the pair of nodes makes has the value's old name, so that
 * all its readers, and the outputs of the model, have it.
 */
export function writeActivations(editor: GraphEditor, plan: Plan, scales: ReadonlyMap<string, Affine>): void {
  const affine = affineWriter(editor);
  const runs = new Set([...plan.others.keys()].map(({ outputs }) => outputs[0]));
  for (const name of constantsOf(editor, plan)) {
    writeConstant(editor, name, scaleOf(scales, name), affine, runs);
  }
  for (const name of plan.values) {
    const own = affine(name, scaleOf(scales, name));
    const maker = editor.uses.maker(name);
    if (maker === undefined) {
      writeInput(editor, name, own);
      continue;
    }
    const exact = editor.freshName(`${name}_float`);
    const outputs = maker.outputs.map((output) => (output === name ? exact : output));
    const node = editor.rewire(maker, { outputs });
    editor.replace(node, node, ...pair(editor, exact, name, own));
  }
}

function scaleOf(scales: ReadonlyMap<string, Affine>, name: string): Affine {
  const own = scales.get(name);
  if (own === undefined) throw new Error(`The value "${name}" has no scale.`);
  return own;
}

function writeInput(editor: GraphEditor, name: string, affine: readonly string[]): void {
  const rounded = editor.freshName(`${name}_dequantized`);
  editor.rename(name, rounded);
  editor.putBeforeReaders(rounded, ...pair(editor, name, rounded, affine));
}

/** Rounds a stored operand for the nodes that run on integers; others read it as it is. */
function writeConstant(
  editor: GraphEditor,
  name: string,
  own: Affine,
  affine: AffineWriter,
  runs: ReadonlySet<string>,
): void {
  const floats = editor.floats(name);
  if (floats === undefined) return;
  const { shape, data } = floats;
  const numbers = bytesOf(
    own,
    Array.from(data, (x) => quantized(x, own)),
  );
  const integers = editor.addTensor(`${name}_quantized`, { dtype: own.type, shape, data: numbers });
  const rounded = editor.freshName(`${name}_dequantized`);
  for (const reader of new Set(editor.uses.readers(name))) {
    if (runs.has(reader.outputs[0])) editor.reread(reader, name, rounded);
  }
  const inputs = [integers, ...affine(name, own)];
  const dequantize = { opType: "DequantizeLinear", inputs, outputs: [rounded], attributes: {} };
  editor.putBeforeReaders(rounded, dequantize);
}

function pair(
  editor: GraphEditor,
  from: string,
  to: string,
  affine: readonly string[],
): readonly [OnnxNode, OnnxNode] {
  const integers = editor.freshName(`${to}_quantized`);
  return [
    { opType: "QuantizeLinear", inputs: [from, ...affine], outputs: [integers], attributes: {} },
    { opType: "DequantizeLinear", inputs: [integers, ...affine], outputs: [to], attributes: {} },
  ];
}

type AffineWriter = (base: string, affine: Affine) => readonly string[];

/** Stores scales and zero points, those that values share once; returns their names. */
function affineWriter(editor: GraphEditor): AffineWriter {
  const written = new Map<Affine, readonly string[]>();
  return (base, own) => {
    const names = written.get(own) ?? [
      editor.add(`${base}_scale`, { dtype: "float32", shape: [], data: Float64Array.of(own.scale) }),
      editor.addTensor(`${base}_zero_point`, { dtype: own.type, shape: [], data: bytesOf(own, [own.zero]) }),
    ];
    written.set(own, names);
    return names;
  };
}

const bytesOf = ({ type }: Affine, numbers: readonly number[]): OnnxTensor["data"] =>
  type === "uint8" ? Uint8Array.from(numbers) : Int8Array.from(numbers);
