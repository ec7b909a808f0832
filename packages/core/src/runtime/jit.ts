import { isNdArray, type NdArray } from "../array.js";
import { ShapeError } from "../errors.js";
import { checkLabels, hasLabels } from "../graph/labels.js";
import type { Tensor } from "../graph/tensor.js";
import {
  type NamedArguments,
  requireTraceable,
  type SpecLeaf,
  type TensorsOf,
  trace,
} from "../graph/trace.js";
import { requireKnown } from "../options.js";
import { flatten, leavesIfLike, type MapLeaves, unflatten } from "../tree.js";
import { type CompileOptions, compile, compileOptionNames } from "./compile.js";
import type { Executable } from "./executable.js";
import { Lifetime } from "./lifetime.js";

/** The tree of arrays passed at run time for a tree of specs. */
export type ArraysOf<T> = MapLeaves<T, SpecLeaf, NdArray>;

/** The same, but a number may stand for a scalar. */
export type ValuesOf<T> = MapLeaves<T, SpecLeaf, NdArray | number>;

const isValue = (value: unknown): value is NdArray | number => isNdArray(value) || typeof value === "number";

/** Arguments of a compiled function: trees one by one, or one object of trees by name. */
export type CallOf<Args> = Args extends readonly unknown[]
  ? { [K in keyof Args]: ValuesOf<Args[K]> }
  : [args: { [K in keyof Args]: ValuesOf<Args[K]> }];

/** A compiled function of trees of arrays. */
export interface Compiled<Args, R> {
  (...args: CallOf<Args>): Promise<MapLeaves<R, Tensor, NdArray>>;
  readonly executable: Executable;
  dispose(): Promise<void>;
}

/**
 * Traces and compiles a function for arguments of the given shapes: trees one by one, or one object of trees by name.
 *
 * @param f a function of trees of tensors that returns a tree of tensors
 * @param args example arguments: a list, or an object, of trees of arrays or {@link spec}s
 * @throws ShapeError if `f` does not fit the shapes, or a call does not fit the example arguments; DataError if a call's
 *   labels of a loss such as `crossEntropy` are not classes
 *
 * @example
 * const step = await jit((w) => valueAndGrad((v) => sum(square(v)))(w), [spec([3])]);
 * const [loss, g] = await step(array([1, 2, 3]));
 *
 * @example
 * const predict = await jit(({ x, w }) => matmul(x, w), { x: spec([1, 2]), w: spec([2, 1]) });
 * const y = await predict({ x: array([[1, 2]]), w: array([[3], [4]]) });
 */
export function jit<Args extends readonly unknown[], R>(
  f: (...args: { [K in keyof Args]: TensorsOf<Args[K]> }) => R,
  args: readonly [...Args],
  options?: Omit<CompileOptions, "scan">,
): Promise<Compiled<Args, R>>;
export function jit<Args extends NamedArguments, R>(
  f: (args: { [K in keyof Args]: TensorsOf<Args[K]> }) => R,
  args: Args,
  options?: Omit<CompileOptions, "scan">,
): Promise<Compiled<Args, R>>;
export async function jit(
  f: (...args: never[]) => unknown,
  args: readonly unknown[] | NamedArguments,
  options: Omit<CompileOptions, "scan"> = {},
): Promise<unknown> {
  const known = [...compileOptionNames, "dtype"] as const;
  requireKnown("jit", options, known, 'jit(f, [x], { runtime: "javascript" })');
  requireTraceable("jit", f, args);
  const { graph, argsDef, resultDef } = trace(f, args as readonly never[]);
  const inputs = graph.inputs.map(({ name }) => name);
  const executable = await compile(graph, options);
  const lifetime = new Lifetime("compiled function", "jit");
  const hasClasses = hasLabels(graph);
  const call = async (...values: unknown[]) => {
    lifetime.requireOpen();
    const arrays = named(argsDef.kind === "array" ? values : values[0]);
    if (hasClasses) checkLabels(graph, arrays);
    const results = await executable.run(arrays);
    return unflatten(
      resultDef,
      graph.outputs.map(({ name }) => results[name]),
    );
  };
  /** The leaves of the arguments under the names of the inputs. */
  const named = (args: unknown): Record<string, NdArray | number> => {
    const known = leavesIfLike(argsDef, args, isValue);
    if (known) {
      const given: Record<string, NdArray | number> = {};
      for (let i = 0; i < inputs.length; i++) given[inputs[i]] = known[i];
      return given;
    }
    // Slower, and tells what is wrong: lists may also be given as objects with the keys 0, 1, ...
    const { leaves, paths } = flatten(args, isValue);
    const given = Object.fromEntries(paths.map((path, i) => [path, leaves[i]]));
    if (paths.length !== inputs.length || inputs.some((name) => !(name in given))) {
      const hint = leaves.some((x) => typeof x === "number") ? " Write array([1, 2]) for a list." : "";
      throw new ShapeError(
        `A compiled function must be called with the trees it was compiled for: inputs ${inputs.join(", ")}; got ${paths.join(", ") || "none"}.${hint}`,
      );
    }
    return given;
  };
  return Object.assign(call, { executable, dispose: () => lifetime.end(executable.dispose) });
}
