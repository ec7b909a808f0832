import { allocate, astype, type DType, type NdArray, type TypedArray } from "../../array.js";
import { float64Of } from "../../bytes.js";
import { RuntimeError } from "../../errors.js";
import { type Graph, requireGraph } from "../../graph/graph.js";
import type { Tensor } from "../../graph/tensor.js";
import { invertStack } from "../../math/dense.js";
import { hash32 } from "../../math/rng.js";
import { specialFunctions } from "../../math/special.js";
import { requireKnown } from "../../options.js";
import {
  checkScan,
  type Executable,
  type Inputs,
  type RunOptions,
  resolveInputs,
  type Scan,
  stepsOf,
} from "../executable.js";
import { Lifetime } from "../lifetime.js";
import { generate, type Program } from "./generate.js";

type Run = (inputs: readonly Operand[], outputs: readonly Operand[], steps: number) => void;
type Operand = Float64Array | Float32Array | Uint8Array;

const helpers = { ...specialFunctions, hash32, invertStack };

/** An executable that computes in the caller's thread and can also run synchronously. */
export interface JavaScriptExecutable extends Executable {
  runSync(inputs: Inputs, options?: RunOptions): Record<string, NdArray>;
  /** The generated code, for inspection. */
  readonly source: string;
}

/** A graph in JavaScript. It keeps nothing between its runs, so any number of executables may share it. */
export interface JavaScriptProgram {
  readonly graph: Graph;
  readonly scan?: Scan | undefined;
  readonly source: string;
  readonly run: Run;
  /** Numbers in its arrays. */
  readonly size: number;
}

/**
 * Compiles a simplified graph to JavaScript. All arithmetic is in float64, whatever the graph's dtypes; results are
 * rounded to their dtype once, at the end.
 */
export function compileJavaScript(
  graph: Graph,
  options: { scan?: Scan | undefined } = {},
): JavaScriptExecutable {
  requireGraph("compileJavaScript", graph);
  requireKnown(
    "compileJavaScript",
    options,
    ["scan"],
    'compileJavaScript(graph, { scan: { carry: { w: "w" } } })',
  );
  const start = performance.now();
  const program = compileProgram(graph, options.scan);
  return executableOf(program, (performance.now() - start) / 1000);
}

/** Generates the code of a simplified graph and loads it. */
export function compileProgram(graph: Graph, scan: Scan | undefined): JavaScriptProgram {
  if (scan) checkScan(graph, scan);
  const program = generate(graph, scan);
  return { graph, scan, source: program.source, run: load(program), size: sizeOf(program) };
}

const sizeOf = ({ buffers, programs }: Program): number =>
  [...buffers.map(({ size }) => size), ...programs.map(sizeOf)].reduce((a, b) => a + b, 0);

/** An executable that runs a program, which others may run, too. */
export function executableOf(
  { graph, scan, source, run }: JavaScriptProgram,
  compileSeconds: number,
): JavaScriptExecutable {
  // Values that do not change between runs are looked up once: tiny graphs run for microseconds.
  const carried = new Set(Object.values(scan?.carry ?? {}));
  const takes = graph.inputs.map(({ name, tensor }) => ({
    name,
    dtype: tensor.dtype,
    isCarried: carried.has(name),
  }));
  const gives = graph.outputs.map(({ name, tensor }) => {
    const target = scan?.carry[name];
    return { name, tensor, carriedInput: graph.inputs.findIndex((p) => p.name === target) };
  });
  const lifetime = new Lifetime("executable", "compile");
  const runSync = (inputs: Inputs, runOptions?: RunOptions): Record<string, NdArray> => {
    lifetime.requireOpen();
    const steps = stepsOf(runOptions);
    const count = scan ? steps : 1;
    const values = resolveInputs(graph, inputs, scan, count);
    const operands = takes.map(({ name, dtype, isCarried }) => operand(values[name], isCarried, dtype));
    // A carried input, which every step overwrites, already holds the result.
    const results = gives.map(({ tensor, carriedInput }) =>
      carriedInput >= 0 ? operands[carriedInput] : emptyResult(tensor, scan ? count : 1),
    );
    run(operands, results, count);
    const outputs: Record<string, NdArray> = {};
    gives.forEach(({ name, tensor, carriedInput }, i) => {
      const isStacked = scan !== undefined && carriedInput < 0;
      outputs[name] = {
        shape: isStacked ? [count, ...tensor.shape] : tensor.shape,
        data: finished(results[i], tensor, name),
      };
    });
    return outputs;
  };
  return {
    graph,
    runtime: "javascript",
    compileSeconds,
    source,
    runSync,
    run: async (inputs, runOptions) => runSync(inputs, runOptions),
    unload: async () => lifetime.requireOpen(),
    dispose: () => lifetime.end(async () => {}),
  };
}

/** The function that a program's code defines. */
function load({ source, buffers, programs }: Program): Run {
  const arrays = buffers.map(({ size, values }) =>
    values ? Float64Array.from(values, Number) : new Float64Array(size),
  );
  const inner = programs.map(load);
  try {
    return new Function("B", "P", ...Object.keys(helpers), source)(arrays, inner, ...Object.values(helpers));
  } catch (cause) {
    throw new RuntimeError(
      "The JavaScript runtime could not compile its code (does a content security policy forbid it?).",
      { cause },
    );
  }
}

/**
 * Inputs as the code reads them. Inputs that a scan overwrites are copied in their own precision, so that a
 * loop split into several runs gives the same bits as a single run.
 */
function operand(value: NdArray, isCarried: boolean, dtype: DType): Operand {
  if (value.data instanceof BigInt64Array) return float64Of(value.data);
  if (!isCarried) return value.data as Operand;
  return astype(value, dtype).data.slice() as Operand;
}

/** The array into which a result is written: of its own dtype, which rounds it, except for int64. */
function emptyResult({ dtype, size }: Tensor, steps: number): Operand {
  return allocate(dtype === "int64" ? "float64" : dtype, size * steps) as Operand;
}

function finished(values: Operand, { dtype }: Tensor, name: string): TypedArray {
  if (dtype !== "int64") return values;
  const wrong = values.find((v) => !Number.isInteger(v));
  if (wrong === undefined) return BigInt64Array.from(values, BigInt);
  throw new RuntimeError(
    `The output "${name}" is of int64, and has the value ${wrong}: an integer was divided by zero or has a negative exponent, or a number that is not finite was cast.`,
  );
}
