import { type DType, dtypeOf, full, isNdArray, type NdArray, requireBools, sizeOf } from "../array.js";
import { DTypeError, describeValue, IsolossError, OptionError, ShapeError } from "../errors.js";
import type { Graph, Port } from "../graph/graph.js";
import { formatShape, formatType, sameShape } from "../graph/tensor.js";
import { requireKnown } from "../options.js";

/** Named arrays: the outputs of a graph, or constants in it. */
export type Values = Readonly<Record<string, NdArray>>;

/** Named arrays, or numbers for scalars: the inputs of a graph. */
export type Inputs = Readonly<Record<string, NdArray | number>>;

/**
 * A loop around a graph, as in `lax.scan`: at every step the values of `carry` outputs become the inputs of the next step.
 */
export interface Scan {
  /** Maps an output name to the input that it feeds at the next step; shapes and dtypes must be equal. */
  readonly carry: Readonly<Record<string, string>>;
  /** Inputs with a leading axis of steps; each step takes one slice. */
  readonly sequences?: readonly string[] | undefined;
}

export interface RunOptions {
  /** Number of steps of a scan; ignored without one. */
  readonly steps?: number | undefined;
}

/** A compiled graph. Safe to run any number of times; holds no state between runs. */
export interface Executable {
  readonly graph: Graph;
  /** Name of the runtime, such as `javascript` or `onnx (cpu)`. */
  readonly runtime: string;
  /** How to make it faster, in words; set if it runs as JavaScript because ONNX Runtime is missing. */
  readonly advice?: string | undefined;
  readonly compileSeconds: number;
  /**
   * Computes the outputs. A number stands for a scalar input. With a scan, carried outputs are those of the last step, the others get a leading axis of steps.
   *
   * @throws ShapeError, DTypeError when inputs do not match the graph; RuntimeError after `dispose`
   */
  run(inputs: Inputs, options?: RunOptions): Promise<Record<string, NdArray>>;
  /**
   * Frees the memory that ONNX Runtime keeps between the runs of a large graph (256 MB of results at once, say). The next run
   * takes it again and lasts longer, by a part of the compilation. Not to be called during a run.
   *
   * @throws RuntimeError after `dispose`
   */
  unload(): Promise<void>;
  /** Frees the memory that the runtime holds. */
  dispose(): Promise<void>;
}

/** Checks the inputs of a run against the graph and converts them to arrays. */
export function resolveInputs(graph: Graph, inputs: Inputs, scan: Scan | undefined, steps: number): Values {
  let filled: Record<string, NdArray> | undefined;
  for (const { name, tensor } of graph.inputs) {
    const array = inputs[name];
    if (typeof array === "number") {
      filled ??= { ...(inputs as Values) };
      filled[name] = scalar(name, array, tensor.dtype);
    }
    const value = typeof array === "number" ? (filled as Values)[name] : array;
    if (value === undefined) {
      const got = Object.keys(inputs).filter((key) => inputs[key] !== undefined);
      throw new IsolossError(
        `run: input "${name}" (${formatType(tensor)}) is missing; got ${got.join(", ") || "none"}.`,
      );
    }
    const expected = scan?.sequences?.includes(name) ? [steps, ...tensor.shape] : tensor.shape;
    if (!isNdArray(value)) {
      throw new DTypeError(
        `run: input "${name}" must be an array {shape, data} for ${formatType(tensor)}; got ${describeValue(value)}.`,
      );
    }
    if (!sameShape(value.shape, expected)) {
      throw new ShapeError(
        `run: input "${name}" must have shape ${formatShape(expected)}; got ${formatShape(value.shape)}.`,
      );
    }
    if (value.data.length !== sizeOf(expected)) {
      throw new ShapeError(
        `run: input "${name}" of shape ${formatShape(expected)} must have ${sizeOf(expected)} elements; got ${value.data.length}.`,
      );
    }
    const dtype = dtypeOf(value);
    if (dtype !== tensor.dtype && !(dtype.startsWith("float") && tensor.dtype.startsWith("float"))) {
      throw new DTypeError(`run: input "${name}" must be ${tensor.dtype}; got ${dtype}.`);
    }
    if (dtype === "bool") requireBools(`run: input "${name}"`, value);
  }
  return filled ?? (inputs as Values);
}

/** A number as an array without axes. */
function scalar(name: string, value: number, dtype: DType): NdArray {
  if (dtype === "int64" && !Number.isInteger(value)) {
    throw new DTypeError(`run: input "${name}" must be int64, an integer; got ${value}.`);
  }
  return full([], value, dtype);
}

/**
 * The number of steps that a run's options ask for; default 1.
 *
 * @throws OptionError for an unknown option, or unless steps is an integer >= 0
 */
export function stepsOf(options: RunOptions | undefined): number {
  if (options === undefined) return 1;
  requireKnown("run", options, ["steps"], "run(inputs, { steps: 10 })");
  const { steps = 1 } = options;
  if (Number.isInteger(steps) && steps >= 0) return steps;
  throw new OptionError(`run: steps must be an integer >= 0; got ${describeValue(steps)}.`);
}

/** Checks that a scan's names and types fit the graph. */
export function checkScan(graph: Graph, scan: Scan): void {
  const find = (ports: readonly Port[], name: string, what: string): Port => {
    const port = ports.find((p) => p.name === name);
    if (port) return port;
    throw new IsolossError(
      `scan: the graph has no ${what} "${name}"; it has ${ports.map((p) => p.name).join(", ")}.`,
    );
  };
  for (const name of scan.sequences ?? []) find(graph.inputs, name, "input");
  const fed = new Set<string>();
  for (const [output, input] of Object.entries(scan.carry)) {
    if (fed.has(input))
      throw new IsolossError(`scan: two outputs feed input "${input}"; each input takes one.`);
    if (scan.sequences?.includes(input)) {
      throw new IsolossError(`scan: input "${input}" is both carried and a sequence; it can be one of them.`);
    }
    fed.add(input);
    const from = find(graph.outputs, output, "output").tensor;
    const to = find(graph.inputs, input, "input").tensor;
    if (!sameShape(from.shape, to.shape) || from.dtype !== to.dtype) {
      throw new ShapeError(
        `scan: output "${output}" is ${formatType(from)} but feeds input "${input}", ${formatType(to)}; they must be equal.`,
      );
    }
  }
}
