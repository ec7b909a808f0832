import type { DType, NdArray, Shape } from "../array.js";
import { dtypeOf, isNdArray, requireDType, requireSizes } from "../array.js";
import { describeValue, OptionError, ShapeError } from "../errors.js";
import { flatten, type MapLeaves, type TreeDef, unflatten } from "../tree.js";
import { type Graph, nodesOf, type Port } from "./graph.js";
import { input } from "./ops/leaf.js";
import { formatType, isTensor, type Tensor } from "./tensor.js";
import { whileTracing } from "./tracing.js";

/** The type of an input that has no values yet. */
export interface Spec {
  readonly kind: "spec";
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A leaf of an example argument: a spec, or an array, of which only shape and dtype matter. */
export type SpecLeaf = NdArray | Spec;

/** A tree of arguments as the traced function receives it. */
export type TensorsOf<T> = MapLeaves<T, SpecLeaf, Tensor>;

/** The graph of a traced function, with the structure of its arguments and of its result. */
export interface Traced {
  readonly graph: Graph;
  readonly argsDef: TreeDef;
  readonly resultDef: TreeDef;
}

/** Shape and dtype of an input, in the place of an example array. */
export function spec(shape: Shape, dtype: DType = "float32"): Spec {
  requireSizes("spec", shape);
  requireDType("spec", dtype);
  return { kind: "spec", shape: [...shape], dtype };
}

function isSpec(value: unknown): value is Spec {
  return typeof value === "object" && value !== null && (value as Spec).kind === "spec";
}

export function isSpecLeaf(value: unknown): value is SpecLeaf {
  return isNdArray(value) || isSpec(value);
}

/** Throws unless `f` is a function and `args` a list or an object of example arguments. */
export function requireTraceable(op: string, f: unknown, args: unknown): void {
  if (typeof f !== "function") {
    throw new OptionError(
      `${op} takes a function of tensors, then a list of its arguments; got ${describeValue(f)}. Write ${op}((x) => relu(x), [x]), say.`,
    );
  }
  const isNamed =
    typeof args === "object" && args !== null && !isSpecLeaf(args) && !(args instanceof Promise);
  if (!Array.isArray(args) && !isNamed) {
    const write = isSpecLeaf(args) ? ` Write ${op}(f, [x]).` : ` Write ${op}(f, [spec([3])]), say.`;
    throw new OptionError(
      `${op}: the arguments must be a list of examples, arrays or specs, one for each parameter of the function, or an object of them by name; got ${describeValue(args)}.${write}`,
    );
  }
}

/** Throws if two inputs or two outputs have the same name. */
function requireDistinct(ports: readonly Port[], what: string): void {
  const seen = new Set<string>();
  for (const { name } of ports) {
    if (seen.has(name)) {
      throw new OptionError(
        `trace: two ${what} are named "${name}"; give arguments names and keys that differ.`,
      );
    }
    seen.add(name);
  }
}

/** Throws if the outputs depend on a tensor that is not derived from the inputs. */
function requireClosed(graph: Graph): void {
  const known = new Set(graph.inputs.map((i) => i.tensor));
  const foreign = nodesOf(graph).find((x) => x.op.name === "input" && !known.has(x));
  if (foreign) {
    throw new ShapeError(
      `trace: the function uses a tensor ${formatType(foreign)} from outside, which has no value here; pass it as an argument.`,
    );
  }
}

/** Arguments of a traced function by name; each is a tree. */
export type NamedArguments = Readonly<Record<string, unknown>>;

/**
 * Runs a function once on symbols and records what it does.
 *
 * Arguments are an object of trees, which the function takes as one object, or a list of trees, which it takes one by one.
 * Inputs are named by their path in `args` (`params.weight`, or `0.weight` in a list), outputs by their path in the result.
 *
 * @param args example arguments or {@link spec}s: trees
 * @throws ShapeError, DTypeError at the line of the function whose operands do not fit
 *
 * @example
 * const { graph } = trace(({ x, w }) => matmul(x, w), { x: spec([2, 3]), w: spec([3, 4]) });
 */
export function trace<Args extends readonly unknown[], R>(
  f: (...args: { [K in keyof Args]: TensorsOf<Args[K]> }) => R,
  args: readonly [...Args],
): Traced;
export function trace<Args extends NamedArguments, R>(
  f: (args: { [K in keyof Args]: TensorsOf<Args[K]> }) => R,
  args: Args,
): Traced;
export function trace(
  f: (...args: never[]) => unknown,
  args: readonly unknown[] | NamedArguments,
  ...more: never[]
): Traced {
  if (more.length > 0) {
    throw new OptionError(
      `trace takes a function and its arguments, and no options; got ${describeValue(more[0])}, too. To name inputs, write trace(({ x, w }) => matmul(x, w), { x, w }).`,
    );
  }
  requireTraceable("trace", f, args);
  const { leaves, paths, def } = flatten<SpecLeaf>(args, isSpecLeaf);
  const inputs = leaves.map(
    (leaf, i): Port => ({
      name: paths[i],
      tensor: input(leaf.shape, isSpec(leaf) ? leaf.dtype : dtypeOf(leaf)),
    }),
  );
  requireDistinct(inputs, "inputs");
  const symbols = unflatten(
    def,
    inputs.map((i) => i.tensor),
  );
  const result = whileTracing(() => f(...((Array.isArray(symbols) ? symbols : [symbols]) as never[])));
  if (result instanceof Promise) {
    throw new ShapeError(
      "trace: the function must not be async; it is run once, on symbols that have no values.",
    );
  }
  const out = flatten(result, isTensor);
  if (out.leaves.length === 0) {
    throw new ShapeError(
      "trace: the function returned no tensor; it must return a tensor or a tree of tensors.",
    );
  }
  const outputs = out.leaves.map((tensor, i): Port => ({ name: out.paths[i] || "result", tensor }));
  requireDistinct(outputs, "outputs");
  requireClosed({ inputs, outputs });
  return { graph: { inputs, outputs }, argsDef: def, resultDef: out.def };
}
