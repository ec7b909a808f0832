import { DataError, DTypeError, dtypeOf, isNdArray, type NdArray, OptionError, ShapeError } from "isoloss";
import type { OnnxNode, ReadExternal, TensorHeader } from "isoloss/internal";
import {
  describeValue,
  dtypeOfCode,
  externalEntries,
  externalPlace,
  externalReader,
  float,
  isFloat,
  isPlainObject,
  mapMessages,
  ownEntry,
  ProtoReader,
  readTensor,
  requireBytes,
  requireKnown,
  tensorHeader,
} from "isoloss/internal";
import { type ExternalData, inlineExternalData } from "isoloss/onnx";
import { arrayOf } from "../../import/arrays.js";
import { epsilonsOf, factorsOf, isLifted, type LiftedNumber } from "../../import/parameters.js";
import { bytesOf, floatsOf } from "./float-data.js";
import { GraphEditor } from "./graph-editor.js";
import { itemOf } from "./graph-items.js";
import { OnnxFile } from "./onnx-file.js";
import { type Replacement, replaceFloats, withOtherFloats } from "./replace-floats.js";

/** New numbers of a tensor: an array, or a function of the array that the file has. */
export type NewNumbers = NdArray | ((given: NdArray) => NdArray);

export interface WithParamsOptions {
  /** The files with the model's external data; with them, and without `write`, the result holds all data itself. */
  readonly external?: ExternalData | undefined;
  /**
   * Writes new external data at the place of the old, one tensor after the other: then all data stay in their files, of which the
   * caller has made copies. With functions in the place of arrays no more than a tensor is in memory. A DataError if another tensor
   * has some of the bytes, too.
   */
  readonly write?: ((location: string, offset: number, bytes: Uint8Array) => void) | undefined;
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
 * @param params arrays by their names in `fromOnnx`, all or some, in the shapes of the file, or functions that make them of
 *   those that the file has
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
  params: Readonly<Record<string, NewNumbers>>,
  options: WithParamsOptions = {},
): Uint8Array {
  requireBytes("withParams", bytes);
  requireKnown("withParams", options, ["external", "write"], "withParams(bytes, params, { external })");
  requireParams(params);
  const { external, write } = options;
  if (write !== undefined && (typeof write !== "function" || external === undefined)) {
    throw new OptionError("withParams: write must be a function, and external must be given with it.");
  }
  const files = external && write && { read: externalReader(external), write };
  if (files) requireOwnPlaces(bytes, params);
  const model = external === undefined || files ? bytes : inlineExternalData(bytes, external);
  if (Object.keys(params).some(isLifted)) {
    return withParamsIn(OnnxFile.decode("withParams", model, files && smallOnes(files.read)), params, files)
      .bytes;
  }
  const { replacement, requireKnownNames } = replacementOf(params, files);
  const result = replaceFloats(model, replacement);
  requireKnownNames();
  return result === bytes ? new Uint8Array(bytes) : result;
}

/** External data that stay in their files. */
interface Files {
  readonly read: ReadExternal;
  readonly write: NonNullable<WithParamsOptions["write"]>;
}

/** Throws, before anything is written, where the new numbers of a tensor would also become those of another. */
function requireOwnPlaces(bytes: Uint8Array, params: Readonly<Record<string, NewNumbers>>): void {
  const placeOf = (header: TensorHeader, tensor: Uint8Array) => ({
    ...externalPlace(header, externalEntries(tensor)),
    name: header.name,
  });
  const places: ReturnType<typeof placeOf>[] = [];
  const tensor = (message: Uint8Array) => {
    const header = tensorHeader(message);
    if (header.isExternal) places.push(placeOf(header, message));
    return message;
  };
  mapMessages(bytes, { tensor });
  replaceFloats(bytes, (header, message) => {
    const isGiven = Object.hasOwn(params, header.name.replaceAll(":", "_"));
    if (!isGiven || message === undefined || !header.isExternal) return undefined;
    const { location, offset, length } = placeOf(header, message);
    const sharing = places.filter(
      (own) =>
        fileAt(own.location) === fileAt(location) &&
        own.offset < offset + length &&
        offset < own.offset + own.length,
    );
    if (sharing.length <= 1) return undefined;
    throw new DataError(
      `withParams: tensors share bytes of "${location}": ${listed(sharing.map(({ name }) => `"${name}"`))}. ` +
        `New numbers of "${header.name}" would change the others. Nothing was written. Leave out \`write\`, so that the result holds ` +
        "all data itself, or give each tensor bytes of its own.",
    );
  });
}

/** A file by its location: `./w.bin` is `w.bin`. */
const fileAt = (location: string): string =>
  location
    .split(/[/\\]/)
    .filter((name) => name !== "" && name !== ".")
    .join("/");

/** Of large tensors zeros are enough where single numbers are looked for. */
const smallOnes =
  (read: ReadExternal): ReadExternal =>
  (name, place) =>
    place.length > 64 ? { bytes: new Uint8Array(place.length), isPart: true } : read(name, place);

/** The same of a file that is decoded. */
export function withParamsIn(
  file: OnnxFile,
  params: Readonly<Record<string, NewNumbers>>,
  files?: Files,
): OnnxFile {
  const lifted = Object.keys(params).some(isLifted)
    ? [...epsilonsOf(file.model.graph), ...factorsOf(file.model.graph)].filter(({ name }) =>
        Object.hasOwn(params, name),
      )
    : [];
  if (lifted.length > 0) {
    const names = new Set(lifted.map(({ name }) => name));
    return withParamsIn(
      withNumbers(file, lifted, params),
      Object.fromEntries(Object.entries(params).filter(([name]) => !names.has(name))),
      files,
    );
  }
  const { replacement, requireKnownNames } = replacementOf(params, files);
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
  params: Readonly<Record<string, NewNumbers>>,
): OnnxFile {
  const editor = new GraphEditor("withParams", file);
  const groups = new Map<
    string,
    { readonly name: string; readonly value: number; readonly nodes: OnnxNode[] }
  >();
  for (const { name, node, operand, value } of lifted) {
    const given = params[name];
    const { data } = newNumbers(name, [], given, () => ({ shape: [], data: Float64Array.of(value) }));
    const next = Number(data[0]);
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
      for (const node of nodes) editor.reread(node, name, own);
    }
  }
  return editor.finish();
}

/** New numbers by name, and a check that all of them had a tensor. Those of external data are written to their files. */
function replacementOf(
  params: Readonly<Record<string, NewNumbers>>,
  files: Files | undefined,
): {
  readonly replacement: Replacement;
  readonly requireKnownNames: () => void;
} {
  const names: string[] = [];
  const replacement: Replacement = (header, tensor) => {
    const name = header.name.replaceAll(":", "_");
    const given = ownEntry(params, name);
    if (given !== undefined && names.includes(name)) {
      throw new DataError(`withParams: two tensors of the file would both be named "${name}".`);
    }
    names.push(name);
    if (given === undefined) return undefined;
    const value = newNumbers(name, header.shape, given, () => {
      if (tensor === undefined) {
        throw new DataError(
          `withParams: "${name}" is a number of a node; give an array instead of a function.`,
        );
      }
      const stored = readTensor(new ProtoReader(tensor, 0, tensor.length, 0, files?.read));
      return arrayOf(stored, stored.dtype === "float64" ? "float64" : "float32");
    });
    if (files === undefined || tensor === undefined || !header.isExternal) return value;
    const { location, offset } = externalPlace(header, externalEntries(tensor));
    const what = `The tensor "${name}"`;
    files.write(location, offset, bytesOf(floatsOf(value, dtypeOfCode(header.code, what), what)));
    return undefined;
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

/** An array that fits the file, made of the one that the file has where it is a function. */
function newNumbers(
  name: string,
  shape: readonly number[],
  given: NewNumbers,
  stored: () => NdArray,
): NdArray {
  const value = typeof given === "function" ? given(stored()) : given;
  if (!isNdArray(value)) requireParams({ [name]: value });
  requireFit(name, { shape }, value);
  return value;
}

function requireParams(params: unknown): asserts params is Readonly<Record<string, NewNumbers>> {
  if (!isPlainObject(params)) {
    throw new OptionError(
      `withParams takes arrays by name, such as fromOnnx(bytes).params; got ${describeValue(params)}.`,
    );
  }
  const wrong = Object.entries(params).find(([, value]) => !isNdArray(value) && typeof value !== "function");
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
