import { DataError, DTypeError, dtypeOf, isNdArray, type NdArray, OptionError, ShapeError } from "isoloss";
import type { OnnxNode, TensorHeader } from "isoloss/internal";
import {
  describeValue,
  float,
  isFloat,
  isPlainObject,
  ownEntry,
  requireBytes,
  requireKnown,
} from "isoloss/internal";
import { type ExternalData, inlineExternalData } from "isoloss/onnx";
import { epsilonsOf, factorsOf, isLifted, type LiftedNumber } from "../../import/parameters.js";
import { GraphEditor } from "./graph-editor.js";
import { itemOf } from "./graph-items.js";
import { OnnxFile } from "./onnx-file.js";
import { type Replacement, replaceFloats, withOtherFloats } from "./replace-floats.js";

export interface WithParamsOptions {
  /** The files with the model's external data; with them the result holds all data itself. */
  readonly external?: ExternalData | undefined;
}

/**
 * Writes parameters back into the ONNX file that they are from: the named tensors get other numbers, and every other
 * byte of the file stays as it is: nodes, names, operator sets, metadata, open sizes, and whatever else is in it.
 *
 * Numbers are stored in the type of the file's tensor, rounded to the nearest, ties to even: float16 keeps 11 bits, a
 * relative error of at most 2^-11 (below 2^-14 an absolute error of at most 2^-25). A weight in a Constant node is
 * written there. Tensors whose data is in another file are written into this one; the others stay outside unless
 * `external` is given, which puts all data inside.
 *
 * Epsilons, which `fromOnnx(bytes, { epsilons: true })` has, are written where they are: into the attribute of the node, or into the
 * constant; one that several nodes share becomes several where they need different values.
 *
 * @param bytes the bytes of an `.onnx` file
 * @param params arrays by their names in `fromOnnx`, all or some, in the shapes of the file
 * @returns the bytes of the new file
 * @throws OptionError for a name that no float tensor of the file has; ShapeError for another shape; DTypeError for
 *   integers; DataError for a NaN, for a number beyond the range of the file's type, and for what is no ONNX model
 *
 * @example
 * const { params } = fromOnnx(before);
 * const [name] = Object.keys(params);
 * const halved = { ...params[name], data: params[name].data.map((v) => v / 2) };
 * const after = withParams(before, { [name]: halved });
 */
export function withParams(
  bytes: Uint8Array,
  params: Readonly<Record<string, NdArray>>,
  options: WithParamsOptions = {},
): Uint8Array {
  requireBytes("withParams", bytes);
  requireKnown("withParams", options, ["external"], "withParams(bytes, params, { external })");
  requireParams(params);
  const model = options.external === undefined ? bytes : inlineExternalData(bytes, options.external);
  if (Object.keys(params).some(isLifted)) {
    return withParamsIn(OnnxFile.decode("withParams", model), params).bytes;
  }
  const { replacement, requireKnownNames } = replacementOf(params);
  const result = replaceFloats(model, replacement);
  requireKnownNames();
  return result === bytes ? bytes.slice() : result;
}

/** The same of a file that is decoded. */
export function withParamsIn(file: OnnxFile, params: Readonly<Record<string, NdArray>>): OnnxFile {
  const { graph } = file.model;
  const lifted = Object.keys(params).some(isLifted)
    ? [...epsilonsOf(graph), ...factorsOf(graph)].filter(({ name }) => Object.hasOwn(params, name))
    : [];
  if (lifted.length > 0) {
    const names = new Set(lifted.map(({ name }) => name));
    return withParamsIn(
      withNumbers(file, lifted, params),
      Object.fromEntries(Object.entries(params).filter(([name]) => !names.has(name))),
    );
  }
  const { replacement, requireKnownNames } = replacementOf(params);
  const items = file.items.map((item) => {
    const field = withOtherFloats(item.field, replacement);
    return field === item.field ? item : itemOf(field);
  });
  requireKnownNames();
  return new OnnxFile(file.fields, items);
}

/** A file with other epsilons and factors: in attributes, in constants, and in copies of constants that others read, too. */
function withNumbers(
  file: OnnxFile,
  lifted: readonly LiftedNumber[],
  params: Readonly<Record<string, NdArray>>,
): OnnxFile {
  const editor = new GraphEditor("withParams", file);
  const groups = new Map<
    string,
    { readonly name: string; readonly value: number; readonly nodes: OnnxNode[] }
  >();
  for (const { name, node, operand, value } of lifted) {
    requireFit(name, { shape: [] }, params[name]);
    const next = Number(params[name].data[0]);
    if (next === value || next === Math.fround(value)) continue;
    if (operand === undefined) {
      editor.replace(node, { ...node, attributes: { ...node.attributes, epsilon: float(next) } });
      continue;
    }
    const constant = node.inputs[operand];
    const key = JSON.stringify([constant, next]);
    const group = groups.get(key) ?? { name: constant, value: next, nodes: [] };
    group.nodes.push(node);
    groups.set(key, group);
  }
  for (const { name, value, nodes } of groups.values()) {
    const given = editor.floats(name);
    if (given === undefined) continue;
    const floats = { ...given, data: Float64Array.of(value) };
    const isAll = editor.uses.readers(name).length === nodes.length;
    if (isAll && !editor.uses.isCaptured(name) && !editor.isOutput(name)) editor.setFloats(name, floats);
    else {
      const own = editor.add(name, floats);
      for (const node of nodes) {
        editor.rewire(node, { inputs: node.inputs.map((other) => (other === name ? own : other)) });
      }
    }
  }
  return editor.finish();
}

/** New numbers by name, and a check that all of them had a tensor. */
function replacementOf(params: Readonly<Record<string, NdArray>>): {
  readonly replacement: Replacement;
  readonly requireKnownNames: () => void;
} {
  const names: string[] = [];
  const replacement = (header: TensorHeader): NdArray | undefined => {
    const name = header.name.replaceAll(":", "_");
    const value = ownEntry(params, name);
    if (value !== undefined && names.includes(name)) {
      throw new DataError(`withParams: two tensors of the file would both be named "${name}".`);
    }
    names.push(name);
    if (value !== undefined) requireFit(name, header, value);
    return value;
  };
  const requireKnownNames = () => {
    const unknown = Object.keys(params).find((name) => !names.includes(name));
    if (unknown === undefined) return;
    throw new OptionError(
      `withParams: the file has no float tensor "${unknown}"; it has ${listed(names)}. Names are those of fromOnnx(bytes).params.`,
    );
  };
  return { replacement, requireKnownNames };
}

const listed = (names: readonly string[]): string =>
  names.length > 8
    ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`
    : names.join(", ") || "none";

function requireParams(params: unknown): asserts params is Readonly<Record<string, NdArray>> {
  if (!isPlainObject(params)) {
    throw new OptionError(
      `withParams takes arrays by name, such as fromOnnx(bytes).params; got ${describeValue(params)}.`,
    );
  }
  const wrong = Object.entries(params).find(([, value]) => !isNdArray(value));
  if (wrong === undefined) return;
  throw new DTypeError(
    `withParams: "${wrong[0]}" must be an array {shape, data}; got ${describeValue(wrong[1])}.`,
  );
}

function requireFit(name: string, { shape }: Pick<TensorHeader, "shape">, value: NdArray): void {
  if (!isFloat(dtypeOf(value))) {
    throw new DTypeError(`withParams: "${name}" must be an array of floats; got ${dtypeOf(value)}.`);
  }
  if (shape.join() === value.shape.join()) return;
  throw new ShapeError(
    `withParams: "${name}" must have the file's shape [${shape.join(", ")}]; got [${value.shape.join(", ")}].`,
  );
}
