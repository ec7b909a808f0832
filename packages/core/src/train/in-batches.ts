import { allocate, astype, dtypeOf, isNdArray, type NdArray } from "../array.js";
import { rowsOf, takeRows } from "../data/batches.js";
import { describeValue } from "../describe.js";
import { ShapeError } from "../errors.js";
import { formatShape, isFloat, type Tensor } from "../graph/tensor.js";
import { spec, trace } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { lazy } from "../runtime/lazy.js";
import type { Disposable } from "../runtime/resources.js";
import { type TreeDef, unflatten } from "../tree.js";

/** A function of examples that is compiled for batches of few sizes. */
export interface InBatches<T, R> {
  /**
   * @param trees parameters and state
   * @param inputs arrays of equally many examples, any number
   * @throws ShapeError, DTypeError when the inputs do not fit the function
   */
  run(trees: T, inputs: readonly NdArray[]): Promise<R>;
  dispose(): Promise<void>;
}

interface Compiled extends Disposable {
  readonly executable: Executable;
  readonly resultDef: TreeDef;
}

/**
 * Runs a function on any number of examples, in whole batches and a rest. The rest is filled up, by repeating its last
 * example, to the next power of two, so that few sizes are compiled: up to `batchSize` not more than its logarithm.
 *
 * @param forward traced: a tree of tensors whose first axis is that of the examples
 * @param isFixed whether `forward` takes batches of `batchSize` alone
 */
export function inBatches<T, R>({
  forward,
  like,
  dtype,
  batchSize,
  isFixed = false,
  compileOptions,
}: {
  readonly forward: (trees: T, inputs: readonly Tensor[]) => unknown;
  /** Trees of which only the types matter. */
  readonly like: T;
  readonly dtype: "float32" | "float64";
  readonly batchSize: number;
  readonly isFixed?: boolean | undefined;
  readonly compileOptions: Omit<CompileOptions, "scan" | "dtype">;
}): InBatches<T, R> {
  const compiled = lazy<Compiled>();
  const compileFor = async (inputs: readonly NdArray[], size: number): Promise<Compiled> => {
    const specs = inputs.map((a) => spec([size, ...a.shape.slice(1)], dtypeOf(a)));
    const { graph, resultDef } = trace((given) => forward(given.trees as T, given.inputs), {
      trees: like,
      inputs: specs,
    });
    for (const { name, tensor } of graph.outputs) {
      if (tensor.shape[0] === size) continue;
      throw new ShapeError(
        `predict: the output${name ? ` "${name}"` : ""} of a batch of ${size} examples must have them along its first axis; it has the shape ${formatShape(tensor.shape)}.`,
      );
    }
    const executable = await compile(graph, compileOptions);
    return { executable, resultDef, dispose: () => executable.dispose() };
  };
  return {
    async run(trees, given) {
      const count = countOf(given);
      const inputs = given.map((a) => (isFloat(dtypeOf(a)) ? astype(a, dtype) : a));
      const collected = new Map<string, NdArray>();
      let def: TreeDef | undefined;
      // No examples need a compiled batch, too: it tells the shapes of the outputs.
      for (let from = 0; from === 0 || from < count; from += batchSize) {
        const size = Math.min(batchSize, count - from);
        const whole = isFixed ? batchSize : Math.min(batchSize, 2 ** Math.ceil(Math.log2(Math.max(1, size))));
        const parts = inputs.map((a) => padded(a, from, { size, whole }));
        const key = JSON.stringify(parts.map((a) => [a.shape, dtypeOf(a)]));
        const { executable, resultDef } = await compiled.get(key, () => compileFor(inputs, whole));
        const results = await executable.run(namedArrays({ trees, inputs: parts }));
        def = resultDef;
        for (const { name } of executable.graph.outputs) {
          if (!collected.has(name)) collected.set(name, emptyLike(results[name], count));
          const { data } = collected.get(name) as NdArray;
          const width = results[name].data.length / whole;
          data.set(results[name].data.subarray(0, size * width) as never, from * width);
        }
      }
      return unflatten(def as TreeDef, [...collected.values()]) as R;
    },
    dispose: () => compiled.dispose(),
  };
}

/** The number of examples. */
function countOf(inputs: readonly NdArray[]): number {
  const [first] = inputs;
  for (const a of inputs) {
    if (isNdArray(a) && a.shape.length > 0 && a.shape[0] === first.shape[0]) continue;
    throw new ShapeError(
      `predict takes arrays with equally many examples along their first axis; got ${describeValue(a)}.`,
    );
  }
  return first.shape[0];
}

/** `size` rows from one on, and copies of the last of them up to `whole`; zeros if there is none. */
function padded(
  a: NdArray,
  from: number,
  { size, whole }: { readonly size: number; readonly whole: number },
): NdArray {
  if (size === 0) return emptyLike(a, whole);
  if (size === whole) return rowsOf(a, from, from + size);
  return takeRows(
    a,
    Array.from({ length: whole }, (_, i) => from + Math.min(i, size - 1)),
  );
}

/** Zeros for a number of examples. */
function emptyLike(a: NdArray, count: number): NdArray {
  const rest = a.shape.slice(1);
  const width = rest.reduce((x, y) => x * y, 1);
  return { shape: [count, ...rest], data: allocate(dtypeOf(a), count * width) } as NdArray;
}
