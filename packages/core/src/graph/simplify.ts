import type { NdArray } from "../array.js";
import { specialFunctions } from "../math/special.js";
import { isResult, resultOf } from "./control/result.js";
import { type Graph, isGraph, mapBodies, requireGraph, topologicalOrder } from "./graph.js";
import { attributesText, numberText } from "./graph-text.js";
import { Affine, Index } from "./index-expression.js";
import { comparedByValue, constantValue, fill } from "./ops/leaf.js";
import { rewrite } from "./rewrite-rules.js";
import { type Attributes, apply, formatType, type KeptResults, type Tensor } from "./tensor.js";

/**
 * An equal graph with fewer operations: common sub-expressions are computed once, constants are folded,
 * identities (x * 1, x + 0, transposes of transposes, ...) are removed, and nodes that no output needs are
 * dropped.
 *
 * Run it last: it drops the marks that differentiation needs (stopGradient, alias). A product with the constant
 * zero becomes zero even where the other factor, if it is no constant, would be infinite or NaN.
 */
export function simplify(graph: Graph): Graph {
  requireGraph("simplify", graph);
  return known.get(graph) ?? simplified(graph, new Expressions()).graph;
}

interface Simplified {
  readonly graph: Graph;
  /** See {@link Expressions}. */
  readonly number: number;
}

/** Simplified forms, their own included: loops are simplified before they are compiled, bodies with each graph in which they are. */
const known = new WeakMap<Graph, Graph>();

function simplified(graph: Graph, expressions: Expressions): Simplified {
  const canonical = new Canonical(graph, expressions);
  const form = known.get(graph) ?? canonical.simplest(graph);
  known.set(graph, form);
  known.set(form, form);
  return { graph: form, number: canonical.numberOf(form) };
}

/** What one simplification knows: a number for each distinct expression, and for each distinct body. */
class Expressions {
  /** Nodes that no rule changes, whatever else is in a graph. */
  readonly settled = new Set<Tensor>();
  private readonly numbers = new Map<string, number>();
  private readonly bodies = new Map<Graph, Simplified>();
  private readonly texts = new Map<Attributes, string>();
  /** Numbers of large constants, by their memory. */
  private readonly arrays = new Map<NdArray["data"], number>();
  private readonly functions = new Map<string, (...values: number[]) => unknown>();

  /** The number of what a text describes, in which numbers stand for other expressions. */
  number(text: string): number {
    const number = this.numbers.get(text) ?? this.numbers.size;
    this.numbers.set(text, number);
    return number;
  }

  body(body: Graph): Simplified {
    const form = this.bodies.get(body) ?? simplified(body, this);
    this.bodies.set(body, form);
    this.bodies.set(form.graph, form);
    return form;
  }

  attributesText(attrs: Attributes): string {
    const text = this.texts.get(attrs) ?? this.textOf(attrs);
    this.texts.set(attrs, text);
    return text;
  }

  private textOf(attrs: Attributes): string {
    const arrayText = (data: NdArray["data"]) => {
      if (data.length <= comparedByValue) {
        return `${data.constructor.name} ${Array.from<number | bigint, string>(data, numberText)}`;
      }
      const number = this.arrays.get(data) ?? this.arrays.size;
      this.arrays.set(data, number);
      return `array ${number}`;
    };
    const bodies = Object.values(attrs).filter(isGraph);
    return `${attributesText(attrs, arrayText, () => undefined)}${bodies.map((body) => `{${this.body(body).number}}`)}`;
  }

  /** A function of numbers `x0`, `x1`, ... that an expression of JavaScript gives. */
  function(code: string, names: readonly string[]): (...values: number[]) => unknown {
    const known = this.functions.get(code);
    if (known) return known;
    const make = new Function(...Object.keys(specialFunctions), `return (${names})=>${code};`);
    const made = make(...Object.values(specialFunctions));
    this.functions.set(code, made);
    return made;
  }
}

/** Hash-consing: one node for every distinct expression. */
class Canonical {
  private forms = new Map<Tensor, Tensor>();
  private readonly table = new Map<number, Tensor>();
  private readonly numbers = new Map<Tensor, number>();

  /** How often a rule asked whether an expression is in the graph, and whether one was not. */
  private asked = 0;
  private hasMissed = false;

  /** The inputs are expressions by their place, the same ones in all bodies. */
  constructor(
    { inputs }: Graph,
    private readonly expressions: Expressions,
  ) {
    for (const { tensor } of inputs) {
      const place = `input ${this.numbers.size} ${formatType(tensor)}`;
      this.numbers.set(tensor, expressions.number(place));
    }
  }

  simplest(graph: Graph): Graph {
    // First all results, so that equal loops are found to be equal, of which one needs more results than the other.
    const once = this.graph(graph);
    const needed = dropUnusedResults(once);
    // An expression that a rule did not find may have been added later.
    return this.hasMissed || needed !== once ? this.graph(needed) : once;
  }

  /** A number for the computation of a simplified graph. */
  numberOf({ inputs, outputs }: Graph): number {
    const tensors = outputs.map(({ tensor }) => tensor);
    for (const node of topologicalOrder(tensors, (x) => this.numbers.has(x))) this.intern(node);
    const types = inputs.map(({ tensor }) => formatType(tensor)).join(";");
    return this.expressions.number(`${types}->${tensors.map((x) => this.numbers.get(x))}`);
  }

  private graph({ inputs, outputs }: Graph): Graph {
    this.forms = new Map(inputs.map(({ tensor }) => [tensor, tensor]));
    for (const node of topologicalOrder(outputs.map((o) => o.tensor))) this.of(node);
    return { inputs, outputs: outputs.map(({ name, tensor }) => ({ name, tensor: this.of(tensor) })) };
  }

  private of(node: Tensor): Tensor {
    const known = this.forms.get(node);
    if (known) return known;
    const inputs = node.inputs.map((x) => this.of(x));
    const isSame = inputs.every((x, i) => x === node.inputs[i]);
    const form =
      isSame && this.expressions.settled.has(node) ? this.intern(node) : this.made(node, inputs, isSame);
    this.forms.set(node, form);
    return form;
  }

  private made(node: Tensor, inputs: readonly Tensor[], isSame: boolean): Tensor {
    const attrs = mapBodies(node.attrs, (body) => this.expressions.body(body).graph);
    const rebuilt = isSame && attrs === node.attrs ? node : apply(node.op, inputs, attrs);
    const { asked } = this;
    const better = foldConstant(rebuilt, this.expressions) ?? rewrite(rebuilt, this.isKnown);
    if (better) return this.of(better);
    if (asked === this.asked) this.expressions.settled.add(rebuilt);
    return this.intern(rebuilt);
  }

  private intern(node: Tensor): Tensor {
    const number = this.expressions.number(this.text(node));
    const known = this.table.get(number);
    this.numbers.set(node, number);
    if (known) return known;
    this.table.set(number, node);
    this.forms.set(node, node);
    return node;
  }

  private readonly isKnown = (node: Tensor): boolean => {
    const known = this.table.has(this.expressions.number(this.text(node)));
    this.hasMissed ||= !known;
    this.asked++;
    return known;
  };

  /** A node as text, in which numbers stand for its inputs. */
  private text({ op, inputs, attrs }: Tensor): string {
    const numbers = inputs.map((x) => this.numbers.get(x) as number);
    if (op.name === "add" || op.name === "mul") numbers.sort((a, b) => a - b);
    return `${op.name}(${numbers})${this.expressions.attributesText(attrs)}`;
  }
}

/** Operations whose result is zero when one of the listed operands is. */
const zeroWith: Readonly<Record<string, readonly number[]>> = {
  mul: [0, 1],
  div: [0],
  matmul: [0, 1],
  conv2d: [0, 1],
  conv2dInputGradient: [0, 1],
  conv2dWeightGradient: [0, 1],
  poolPut: [0],
  poolTake: [0],
  gather: [0],
  scatterAdd: [0],
  cumsum: [0],
};

/** Operations that only move elements: a constant stays the same constant. */
const moves = new Set(["reshape", "transpose", "slice"]);

/** The constant that a node equals, if it follows from the inputs; else undefined. */
function foldConstant(node: Tensor, expressions: Expressions): Tensor | undefined {
  const { op, inputs, shape, dtype } = node;
  if (inputs.length === 0) return undefined;
  // ONNX Runtime's kernels fail on some empty arrays, or return what was in memory.
  const isEmpty = node.size === 0 && node.results === undefined;
  if (isEmpty) return constantValue(node) === undefined ? fill(shape, 0, dtype) : undefined;
  const values = inputs.map(constantValue);
  const isKnown = !values.includes(undefined);
  // The mean of nothing, 0 times 1 / 0, stays NaN.
  if (isKnown && op.js.flat && op.js.readsOnce)
    return fill(shape, evaluate(node, values as number[], expressions), dtype);
  const isZero = (x: Tensor) => constantValue(x) === 0 || (x.size === 0 && op.name !== "gather");
  if (zeroWith[op.name]?.some((k) => isZero(inputs[k]))) return fill(shape, 0, dtype);
  if (!isKnown) return undefined;
  if (moves.has(op.name)) return fill(shape, values[0] as number, dtype);
  if (op.name === "broadcast" && inputs[0].op.name !== "constant")
    return fill(shape, values[0] as number, dtype);
  if (op.name === "place" && values[0] === node.attrs.value) return fill(shape, values[0] as number, dtype);
  if (op.name === "concat" && values.every((v) => v === values[0]))
    return fill(shape, values[0] as number, dtype);
  return op.name === "sum"
    ? fill(shape, ((values[0] as number) * inputs[0].size) / node.size, dtype)
    : undefined;
}

/** Computes one element of an element-wise operation with the code of the JavaScript runtime. */
function evaluate(node: Tensor, values: readonly number[], expressions: Expressions): number {
  const names = values.map((_, k) => `x${k}`);
  const at = Index.flat(node.shape, Affine.zero);
  const code = node.op.js.pull?.(at, (k) => names[k], node, node.attrs) as string;
  return Number(expressions.function(code, names)(...values));
}

/** The same graph, in which loops and branches compute only those of their results that something uses. */
function dropUnusedResults(graph: Graph): Graph {
  const { inputs, outputs } = graph;
  const order = topologicalOrder(outputs.map(({ tensor }) => tensor));
  if (!order.some(({ results }) => results)) return graph;
  const reduced = new Map<Tensor, KeptResults>();
  const used = new Set<Tensor>(outputs.map(({ tensor }) => tensor));
  const usedResults = new Map<Tensor, Set<number>>();
  // Users come before what they use: an operation that leaves out a result may leave out an input, too.
  for (const node of [...order].reverse()) {
    if (!used.has(node)) continue;
    if (isResult(node)) {
      const [source] = node.inputs;
      usedResults.set(source, (usedResults.get(source) ?? new Set()).add(node.attrs.index));
    }
    if (node.op.keepResults) reduced.set(node, reduce(node, usedResults.get(node) ?? new Set()));
    for (const x of (reduced.get(node)?.node ?? node).inputs) used.add(x);
  }
  if ([...reduced].every(([node, kept]) => kept.node === node)) return graph;
  const forms = new Map<Tensor, Tensor>();
  const formOf = (x: Tensor): Tensor => forms.get(x) as Tensor;
  for (const node of order) if (used.has(node)) forms.set(node, rebuilt(node, reduced, formOf));
  return { inputs, outputs: outputs.map(({ name, tensor }) => ({ name, tensor: formOf(tensor) })) };
}

function reduce(node: Tensor, usedResults: ReadonlySet<number>): KeptResults {
  const all = (node.results ?? []).map((_, k) => k);
  if (usedResults.size === all.length) return { node, kept: all };
  return node.op.keepResults?.(node, (k) => usedResults.has(k), node.attrs) as KeptResults;
}

function rebuilt(
  node: Tensor,
  reduced: ReadonlyMap<Tensor, KeptResults>,
  formOf: (x: Tensor) => Tensor,
): Tensor {
  if (isResult(node)) {
    const [source] = node.inputs;
    return resultOf(formOf(source), (reduced.get(source) as KeptResults).kept.indexOf(node.attrs.index));
  }
  const { op, inputs, attrs } = reduced.get(node)?.node ?? node;
  const forms = inputs.map(formOf);
  return forms.every((x, k) => x === node.inputs[k]) && attrs === node.attrs ? node : apply(op, forms, attrs);
}
