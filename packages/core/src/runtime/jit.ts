import type { NdArray } from "../array.js";
import { isNdArray } from "../array.js";
import { ShapeError } from "../errors.js";
import type { Tensor } from "../graph/tensor.js";
import { requireTraceable, type SpecLeaf, type TensorsOf, trace } from "../graph/trace.js";
import { requireKnown } from "../options.js";
import { flatten, type MapLeaves, sameTreeDef, unflatten } from "../tree.js";
import { type CompileOptions, compile } from "./compile.js";
import type { Executable } from "./executable.js";
import { Lifetime } from "./lifetime.js";

/** A tree of specs as the arrays that are passed at run time; a number where a scalar is. */
export type ArraysOf<T> = MapLeaves<T, SpecLeaf, NdArray | number>;

const isValue = (value: unknown): value is NdArray | number => isNdArray(value) || typeof value === "number";

/** A compiled function of trees of arrays. */
export interface Compiled<Args extends readonly unknown[], R> {
  (...args: { [K in keyof Args]: ArraysOf<Args[K]> }): Promise<MapLeaves<R, Tensor, NdArray>>;
  readonly executable: Executable;
  dispose(): Promise<void>;
}

/**
 * Traces and compiles a function for arguments of the given shapes.
 *
 * @param f a function of trees of tensors that returns a tree of tensors
 * @param args example arguments: trees of arrays or {@link spec}s
 * @throws ShapeError where `f` does not fit the shapes, or a call does not fit the arguments
 *
 * @example
 * const step = await jit((w) => valueAndGrad((v) => sum(square(v)))(w), [spec([3])]);
 * const [loss, g] = await step(array([1, 2, 3]));
 */
export async function jit<Args extends readonly unknown[], R>(
  f: (...args: { [K in keyof Args]: TensorsOf<Args[K]> }) => R,
  args: readonly [...Args],
  options: Omit<CompileOptions, "scan"> & { readonly names?: readonly string[] } = {},
): Promise<Compiled<Args, R>> {
  const known = ["runtime", "provider", "threads", "dtype", "names"] as const;
  requireKnown("jit", options, known, 'jit(f, [x], { runtime: "javascript" })');
  requireTraceable("jit", f, args);
  const { names, ...compileOptions } = options;
  const { graph, argsDef, resultDef } = trace<Args, R>(f, args, names ? { names } : {});
  const executable = await compile(graph, compileOptions);
  const lifetime = new Lifetime("compiled function", "jit");
  const call = async (...values: unknown[]) => {
    lifetime.requireOpen();
    const { leaves, paths, def } = flatten(values, isValue);
    if (!sameTreeDef(def, argsDef)) {
      throw new ShapeError(
        `A compiled function must be called with the trees it was compiled for: inputs ${graph.inputs.map((p) => p.name).join(", ")}; got ${paths.join(", ") || "none"}.`,
      );
    }
    const results = await executable.run(
      Object.fromEntries(graph.inputs.map(({ name }, i) => [name, leaves[i]])),
    );
    return unflatten(
      resultDef,
      graph.outputs.map(({ name }) => results[name]),
    );
  };
  return Object.assign(call, { executable, dispose: () => lifetime.end(executable.dispose) }) as Compiled<
    Args,
    R
  >;
}
