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
