import { isNdArray, type NdArray, type TypedArray } from "../array.js";
import { DataError } from "../errors.js";

/** Plain data with its typed arrays extracted: text, and the arrays by name. */
export interface PackedData {
  readonly text: string;
  readonly arrays: Readonly<Record<string, NdArray>>;
}

const isTyped = (value: unknown): value is TypedArray =>
  value instanceof Float64Array ||
  value instanceof Float32Array ||
  value instanceof BigInt64Array ||
  value instanceof Uint8Array;

/** Values that JSON cannot represent. */
const names: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [Number.NaN, "NaN"],
  [Infinity, "Infinity"],
  [-Infinity, "-Infinity"],
  [undefined, "undefined"],
]);
const values = new Map([...names].map(([value, name]) => [name, value]));

/**
 * Packs numbers, strings, lists, plain objects and typed arrays, without loss of a bit.
 *
 * @param prefix prefix of the arrays' names
 * @throws DataError for anything else, such as a function
 *
 * @example
 * packData({ step: 3, v: Float64Array.of(1, 2) }, "method"); // text {"step":3,"v":{"$array":"method.0"}}
 */
export function packData(data: unknown, prefix: string): PackedData {
  const arrays: Record<string, NdArray> = {};
  const visit = (value: unknown): unknown => {
    if (names.has(value)) return { $value: names.get(value) };
    if (Object.is(value, -0)) return { $value: "-0" };
    if (value === null || ["number", "string", "boolean"].includes(typeof value)) return value;
    if (isTyped(value) || isNdArray(value)) {
      const name = `${prefix}.${Object.keys(arrays).length}`;
      arrays[name] = isTyped(value) ? { shape: [value.length], data: value } : value;
      return isTyped(value) ? { $array: name } : { $ndarray: name };
    }
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item)]));
    }
    throw new DataError(
      `Plain data are numbers, strings, lists, plain objects and typed arrays; found ${typeof value === "object" ? value.constructor.name : typeof value}.`,
    );
  };
  return { text: JSON.stringify(visit(data)), arrays };
}

/** The data that {@link packData} packed. */
export function unpackData({ text, arrays }: PackedData): unknown {
  const arrayOf = (name: string): NdArray => {
    const found = arrays[name];
    if (found) return found;
    throw new DataError(`The array "${name}" of packed data is missing.`);
  };
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== "object" || value === null) return value;
    const { $value, $array, $ndarray } = value as Record<string, string | undefined>;
    if ($value !== undefined) return $value === "-0" ? -0 : values.get($value);
    if ($array !== undefined) return arrayOf($array).data;
    if ($ndarray !== undefined) return arrayOf($ndarray);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item)]));
  };
  return visit(JSON.parse(text));
}
