/**
 * Every exception of the library. An error is misuse or bad input: its message says what was expected,
 * what came, and what to do. Outcomes that a program handles (a rejected teleport, say) are values, not errors.
 */
export class IsolossError extends Error {
  // Literal names, since bundlers shorten those of classes.
  override name = "IsolossError";
}

/** Shapes that an operation cannot take. Thrown while tracing, in the caller's own line. */
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

/** Files of a data set that are in none of the places where they may be. */
export class MissingDataError extends DataError {
  override name = "MissingDataError";
}

/** An option with a value outside its range, or an unknown name. */
export class OptionError extends IsolossError {
  override name = "OptionError";
}

/** A runtime that cannot be had here, or that failed to compile or run a graph. */
export class RuntimeError extends IsolossError {
  override name = "RuntimeError";
}

/** A loss or gradient that is NaN or infinite where a number is needed to go on. */
export class NumericalError extends IsolossError {
  override name = "NumericalError";
}
