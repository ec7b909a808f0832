// What a model is made of, as model summaries of Keras and torchinfo show it, but from the traced graph.
import { isNdArray, type NdArray } from "../../array.js";
import { describeValue, isPlainObject, OptionError } from "../../errors.js";
import { backward } from "../../graph/autodiff.js";
import type { Graph } from "../../graph/graph.js";
import { fillLike } from "../../graph/ops/leaf.js";
import { sum } from "../../graph/ops/reduce.js";
import { peakBytes } from "../../graph/peak-bytes.js";
import { simplify } from "../../graph/simplify.js";
import { bytesOf, isFloat, type Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type SpecLeaf, spec, trace } from "../../graph/trace.js";
import { torchGenerator } from "../../math/mt19937.js";
import { flatten } from "../../tree.js";
import type { ImportedModel, Model } from "../model.js";
import { requireModel } from "../require-model.js";
import { type LayerSummary, layersOf } from "./layers.js";

/** What a model is made of and costs, for inputs of given shapes. */
export interface Summary {
  /** In the order of computation. */
  readonly layers: readonly LayerSummary[];
  /** Shapes of the model's outputs, by their paths; that of a single tensor is `result`. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
  /** Numbers that are trained. */
  readonly parameters: number;
  /** Numbers that are carried from step to step without training, such as running statistics. */
  readonly state: number;
  /** Of one evaluation of these inputs. */
  readonly multiplyAdds: number;
  /** Of one evaluation of these inputs: two a multiply-add, and those of all other operations. */
  readonly flops: number;
  /** Bytes of a training step on these inputs. */
  readonly memory: StepMemory;
}

/**
 * Bytes of a training step. What an optimizer carries comes on top, such as once the parameters for momentum and twice for
 * Adam.
 */
export interface StepMemory {
  /** Bytes of the parameters. */
  readonly parameters: number;
  /**
   * The most that the results of the forward and backward pass take at once, the gradients among them, if each is freed
   * after its last use.
   */
  readonly results: number;
}

/**
 * Layers, shapes, parameters, operations and memory of any model that can be traced: of the library, of one's own, or read
 * from an ONNX file.
 *
 * A layer is what is computed with the parameters of one path, such as `layers.0.weight` and `layers.0.bias`, and what
 * follows it without parameters. Multiply-adds are those of matrix products and convolutions; those of a loop count for all
 * of its steps. FLOPs are two a multiply-add, one an element for sums and products, and the some ten operations that
 * exponentials and their like take.
 *
 * @param model a model, or what `fromOnnx` returns
 * @param input shape of the input or its spec (`spec([8, 20], "int64")`), an array; for an imported model, these by name
 * @throws ShapeError, DTypeError when the model does not take the input; OptionError for another value in its place
 *
 * @example
 * const { parameters, multiplyAdds, layers } = summary(mlp({ sizes: [784, 16, 10] }), [1, 784]);
 * parameters; // 12730
 * multiplyAdds; // 12704
 * layers.length; // 2
 */
export function summary<P, S, O>(model: Model<P, S, O>, input: SummaryInput): Summary;
export function summary(model: ImportedModel, input: Readonly<Record<string, SummaryInput>>): Summary;
export function summary(
  model: Model<unknown, unknown, unknown> | ImportedModel,
  input: SummaryInput | Readonly<Record<string, SummaryInput>>,
): Summary {
  const { apply, params, state, inputs } = isImported(model)
    ? ofImported(model, input)
    : ofModel(model, input);
  const given = { p: params, s: state, x: inputs, seed: spec([], "int64") };
  const traced = (training: boolean) =>
    trace(
      ({ p, s, x, seed }) => apply(p as never, s as never, x as never, training ? seed : undefined),
      given,
    );

  const { graph, outputs } = evaluation(traced(false).graph);
  const owned = new Map(
    graph.inputs.flatMap(({ name }) => {
      const [first] = name.split(".", 1);
      if (first !== "p" && first !== "s") return [];
      return [[name, { path: name.slice(2), trained: first === "p" }] as const];
    }),
  );
  const layers = layersOf(graph, owned);
  const total = (of: (layer: LayerSummary) => number) => layers.reduce((n, layer) => n + of(layer), 0);
  const sizes = (tree: unknown) => flatten<NdArray>(tree, isNdArray).leaves;
  const count = (tree: unknown) => sizes(tree).reduce((n, { data }) => n + data.length, 0);
  return {
    layers,
    outputs,
    parameters: count(params),
    state: count(state),
    multiplyAdds: total((layer) => layer.multiplyAdds),
    flops: total((layer) => layer.flops),
    memory: memoryOf(traced(true).graph),
  };
}

/** Where an input's values do not count: its shape, its spec, or an array. */
export type SummaryInput = readonly number[] | SpecLeaf;

const specOf = (input: SummaryInput): SpecLeaf => (isSpecLeaf(input) ? input : spec(input));

const isImported = (model: unknown): model is ImportedModel =>
  typeof (model as Partial<ImportedModel> | null)?.applyWithState === "function";

/** A model in one form: what it owns, and a function of that and its inputs. */
interface Subject {
  readonly params: unknown;
  readonly state: unknown;
  readonly inputs: unknown;
  /** The outputs and the next state; with a seed, in training. */
  apply(params: never, state: never, inputs: never, seed: Tensor | undefined): unknown;
}

function ofModel(model: Model<unknown, unknown, unknown>, input: unknown): Subject {
  requireModel("summary", model);
  if (!Array.isArray(input) && !isSpecLeaf(input)) {
    throw new OptionError(
      `summary: the input must be a shape, such as [8, 784], or a spec; got ${describeValue(input)}.`,
    );
  }
  const { params, state } = initialOf(model);
  return {
    params,
    state,
    inputs: specOf(input as SummaryInput),
    apply(p, s, x, seed) {
      const training = seed !== undefined;
      const result = model.apply(p, x, { state: s, training, ...(training ? { seed } : {}) });
      return { outputs: result.output, ...(training ? { state: result.state } : {}) };
    },
  };
}

/** @throws OptionError for a model of several tasks whose `init` returns its parameters alone */
function initialOf(model: Model<unknown, unknown, unknown>): { params: unknown; state: unknown } {
  const made = model.init(torchGenerator(0));
  if (isPlainObject(made) && "params" in made) return made;
  throw new OptionError(
    `summary: the model's init must return { params, state }; got ${describeValue(made)}. Write ` +
      "{ init: (rng) => ({ params: model.init(rng), state: {} }), " +
      "apply: (params, x, context) => ({ output: model.apply(params, x, context), state: {} }) }.",
  );
}

function ofImported(model: ImportedModel, given: unknown): Subject {
  const names = model.inputs.map(({ name }) => name);
  const values = isPlainObject(given) ? (given as Readonly<Record<string, SummaryInput>>) : {};
  if (names.some((name) => values[name] === undefined)) {
    throw new OptionError(
      `summary: an imported model takes its inputs' shapes by name, { ${names.join(", ")} }; got ${describeValue(given)}.`,
    );
  }
  // Names of a file may hold dots and colons; those of a graph's inputs are paths.
  const inputs = model.inputs.map(({ name, dtype }) => {
    const value = values[name];
    return isSpecLeaf(value) ? value : spec(value, dtype);
  });
  return {
    params: model.params,
    state: model.state,
    inputs,
    apply(p, s, x: readonly Tensor[], seed) {
      const training = seed !== undefined;
      const byName = Object.fromEntries(names.map((name, k) => [name, x[k]]));
      const result = model.applyWithState(p, byName, { state: s, training });
      return { outputs: result.output, ...(training ? { state: result.state } : {}) };
    },
  };
}

/** The simplified graph, and the shapes of its outputs. */
function evaluation(traced: Graph): { graph: Graph; outputs: Summary["outputs"] } {
  const graph = simplify(traced);
  const path = (name: string) => name.replace(/^outputs\.?/, "") || "result";
  return {
    graph,
    outputs: Object.fromEntries(graph.outputs.map(({ name, tensor }) => [path(name), tensor.shape])),
  };
}

/** Memory of the pass that computes gradients of the outputs' sum in the parameters. */
function memoryOf({ inputs, outputs }: Graph): StepMemory {
  const parameters = inputs.filter(({ name, tensor }) => /^p(\.|$)/.test(name) && isFloat(tensor.dtype));
  const bytes = parameters.reduce((n, { tensor }) => n + bytesOf(tensor), 0);
  const isResult = ({ name }: { readonly name: string }) => /^outputs(\.|$)/.test(name);
  const results = outputs.filter((port) => isResult(port) && isFloat(port.tensor.dtype));
  const losses = results.map(({ tensor }) => sum(tensor));
  const gradients = backward(
    losses,
    losses.map((loss) => fillLike(loss, 1)),
    parameters.map(({ tensor }) => tensor),
  );
  const ports = [...losses, ...gradients].map((tensor, k) => ({ name: `${k}`, tensor }));
  const graph = simplify({ inputs, outputs: [...outputs.filter((port) => !isResult(port)), ...ports] });
  return { parameters: bytes, results: peakBytes(graph) };
}

const grouped = (n: number): string => n.toLocaleString("en-US");
const shapeText = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

const units = ["B", "kB", "MB", "GB", "TB"];

function bytesText(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toPrecision(3)} ${units[power]}`;
}

const columns: readonly (readonly [string, (layer: LayerSummary) => string, "left" | "right"])[] = [
  ["layer", ({ name }) => name, "left"],
  ["operations", ({ operations }) => operations.join(" "), "left"],
  ["output", ({ output }) => shapeText(output), "left"],
  ["parameters", ({ parameters }) => grouped(parameters), "right"],
  ["multiply-adds", ({ multiplyAdds }) => grouped(multiplyAdds), "right"],
];

/**
 * A summary as a table: a line a layer, and the sums below.
 *
 * @example
 * const text = summaryText(summary(mlp({ sizes: [784, 16, 10] }), [1, 784]));
 * text.includes("12,730 parameters"); // true
 */
export function summaryText(summary: Summary): string {
  const rows = [
    columns.map(([title]) => title),
    ...summary.layers.map((layer) => columns.map(([, of]) => of(layer))),
  ];
  const widths = columns.map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const table = rows.map((row) =>
    row
      .map((cell, c) => (columns[c][2] === "left" ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join("  ")
      .trimEnd(),
  );
  const { parameters, state, multiplyAdds, flops, memory, outputs } = summary;
  const carried = state > 0 ? `, and ${grouped(state)} numbers of state` : "";
  const results = Object.entries(outputs).map(([name, shape]) =>
    name === "result" ? shapeText(shape) : `${name} ${shapeText(shape)}`,
  );
  const parts = `${bytesText(memory.parameters)} of parameters, ${bytesText(memory.results)} of results and gradients`;
  return [
    ...table,
    "",
    `${grouped(parameters)} parameters${carried}; output ${results.join(", ")}`,
    `${grouped(multiplyAdds)} multiply-adds, ${grouped(flops)} FLOPs`,
    `a training step needs ${bytesText(memory.parameters + memory.results)}: ${parts}`,
  ].join("\n");
}
