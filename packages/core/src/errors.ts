/**
 * Base class of all exceptions of the library. An error means misuse or bad input: its message says what was
 * expected, what came, and what to do. Expected outcomes (a rejected teleport, say) are values, not errors.
 */
export class IsolossError extends Error {
  // Literal names, since bundlers shorten class names.
  override name = "IsolossError";
}

/** Shapes that an operation cannot take. Thrown while tracing, at the caller's own line. */
export class ShapeError extends IsolossError {
  override name = "ShapeError";
}

/** Element types that an operation cannot take. */
export class DTypeError extends IsolossError {
  override name = "DTypeError";
}

/** A file or buffer that is missing, truncated or not of the format it should be. */
export class DataError extends IsolossError {
  override name = "DataError";
}

/** Files of a data set that were not found in any of the places searched. */
export class MissingDataError extends DataError {
  override name = "MissingDataError";
}

/** An option with a value outside its range, or an unknown name. */
export class OptionError extends IsolossError {
  override name = "OptionError";
}

/** A runtime that is not available here, or that failed to compile or run a graph. */
export class RuntimeError extends IsolossError {
  override name = "RuntimeError";
}

/** A loss or gradient that is NaN or infinite where a finite number is needed to continue. */
export class NumericalError extends IsolossError {
  override name = "NumericalError";
}

/** A value as an error message shows it: its kind and, if that is short, its contents. */
export function describeValue(value: unknown): string {
  return describeAt(value, 0);
}

function describeAt(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return value.length > longest ? `a string of ${value.length} characters` : JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "function":
      return value.name ? `the function ${value.name}` : "a function";
    case "object":
      return value === null ? "null" : describeObject(value, depth);
    default:
      return String(value);
  }
}

/** Strings, lists and objects up to this many characters are shown in full. */
const longest = 60;

/** Number of nested levels of lists and objects that are shown. */
const deepest = 3;

function describeObject(value: object, depth: number): string {
  const inner = (entry: unknown) => (depth < deepest ? describeAt(entry, depth + 1) : "...");
  const { op, shape, dtype, data } = value as { [name: string]: unknown };
  if (Array.isArray(shape)) {
    const size = `[${shape.join(", ")}]`;
    if (op !== undefined && typeof dtype === "string") return `a tensor ${dtype}${size}`;
    if (ArrayBuffer.isView(data)) return `an array of shape ${size}`;
  }
  if (ArrayBuffer.isView(value)) {
    const { length } = value as Uint8Array;
    return `${value.constructor.name}${length === undefined ? "" : ` of ${length} elements`}`;
  }
  if (Array.isArray(value)) {
    const text = value.length > longest ? "" : `[${value.map(inner).join(", ")}]`;
    return text === "" || text.length > longest ? `a list of ${value.length} elements` : text;
  }
  if (isPlainObject(value)) {
    const entries = Object.entries(value).map(([name, entry]) => `${name}: ${inner(entry)}`);
    const text = entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
    return text.length > longest ? `an object with ${Object.keys(value).join(", ")}` : text;
  }
  return aOr((value as object).constructor?.name ?? "object");
}

const aOr = (name: string): string => `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;

/** Whether a value is a plain object: neither a list nor an instance of a class. */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  // Plain objects of another realm (a frame, a vm context) have a different Object.prototype.
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}
