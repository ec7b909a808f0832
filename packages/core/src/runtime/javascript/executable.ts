import type { DType, NdArray, TypedArray } from "../../array.js";
import { allocate, astype } from "../../array.js";
import { IsolossError, RuntimeError } from "../../errors.js";
import type { Graph } from "../../graph/graph.js";
import { apply, type Op, type Tensor } from "../../graph/tensor.js";
import { hash32 } from "../../math/rng.js";
import { erf, inRange, leakyRelu, softplus } from "../../math/special.js";
import { checkInputs, checkScan, type Executable, type RunOptions, type Scan, type Values } from "../executable.js";
import { generate } from "./generate.js";
import { isArray, isInput } from "./layout.js";

type Run = (inputs: readonly Operand[], outputs: readonly Operand[], steps: number) => void;
type Operand = Float64Array | Float32Array | Uint8Array;

const helpers = { erf, softplus, leakyRelu, inRange, hash32 };

/** An executable that computes in the caller's thread, without a promise where none is wanted. */
export interface JavaScriptExecutable extends Executable {
  runSync(inputs: Values, options?: RunOptions): Record<string, NdArray>;
  /** The generated code, for the curious. */
  readonly source: string;
}

/**
 * Compiles a simplified graph to JavaScript. All arithmetic is in float64, whatever the graph's dtypes; results are
 * rounded to their dtype once, at the end.
 */
export function compileJavaScript(graph: Graph, { scan }: { scan?: Scan } = {}): JavaScriptExecutable {
  const start = performance.now();
  if (scan) checkScan(graph, scan);
  const { source, buffers } = generate(storeOutputs(graph), scan);
  const arrays = buffers.map(({ size, values }) => (values ? Float64Array.from(values, Number) : new Float64Array(size)));
  let run: Run;
  try {
    run = new Function("B", ...Object.keys(helpers), source)(arrays, ...Object.values(helpers));
  } catch (cause) {
    throw new RuntimeError("The JavaScript runtime could not compile its code (does a content security policy forbid it?).", { cause });
  }
  const compileSeconds = (performance.now() - start) / 1000;
  const runSync = (inputs: Values, { steps = 1 }: RunOptions = {}): Record<string, NdArray> => {
    const count = scan ? steps : 1;
    if (!Number.isInteger(count) || count < 0) {
      throw new IsolossError(`run: steps must be an integer >= 0; got ${steps}.`);
    }
    checkInputs(graph, inputs, scan, count);
    const carriedInputs = new Set(Object.values(scan?.carry ?? {}));
    const operands = graph.inputs.map(({ name, tensor }) => operand(inputs[name], carriedInputs.has(name), tensor.dtype));
    const results = graph.outputs.map(({ name, tensor }) => {
      const target = scan?.carry[name];
      if (target !== undefined) {
        // The carried input, which every step overwrites, is the result.
        return operands[graph.inputs.findIndex((p) => p.name === target)];
      }
      return new Float64Array(scan ? count * tensor.size : tensor.size);
    });
    run(operands, results, count);
    return Object.fromEntries(
      graph.outputs.map(({ name, tensor }, i) => {
        const isStacked = scan !== undefined && scan.carry[name] === undefined;
        const shape = isStacked ? [count, ...tensor.shape] : tensor.shape;
        return [name, { shape, data: rounded(results[i], tensor) }];
      }),
    );
  };
  return {
    graph,
    runtime: "javascript",
    compileSeconds,
    source,
    runSync,
    run: async (inputs, options) => runSync(inputs, options),
    dispose: async () => {},
  };
}

/**
 * Inputs as the code reads them. What a scan overwrites is copied, in its own precision: a loop cut into several runs
 * then gives the same bits as one run.
 */
function operand(value: NdArray, isCarried: boolean, dtype: DType): Operand {
  if (value.data instanceof BigInt64Array) return Float64Array.from(value.data, Number);
  if (!isCarried) return value.data as Operand;
  return astype(value, dtype).data.slice() as Operand;
}

function rounded(values: Operand, { dtype }: Tensor): TypedArray {
  const data = allocate(dtype, values.length);
  if (data.constructor === values.constructor) return values;
  if (data instanceof BigInt64Array) for (let i = 0; i < values.length; i++) data[i] = BigInt(values[i]);
  else data.set(values);
  return data;
}

const copyOp: Op = {
  name: "copy",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  js: { flat: true, readsOnce: true, pull: (at, read) => read(0, at) },
  onnx: { emit: (e, inputs) => e.emit("Identity", inputs) },
};

/** Outputs that are inputs or constants get a place of their own, so that results never share memory with inputs. */
function storeOutputs(graph: Graph): Graph {
  const outputs = graph.outputs.map(({ name, tensor }) => ({
    name,
    tensor: isInput(tensor) || isArray(tensor) ? apply(copyOp, [tensor], {}) : tensor,
  }));
  return { inputs: graph.inputs, outputs };
}

