import type { NdArray } from "../array.js";
import { specialFunctions } from "../math/special.js";
import { isResult, resultOf } from "./control/result.js";
import { type Graph, isGraph, mapBodies, requireGraph, topologicalOrder } from "./graph.js";
import { attributesText, numberText } from "./graph-text.js";
import { Affine, Index } from "./index-expression.js";
import { constantValue, fill } from "./ops/leaf.js";
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
  return simplified(graph).graph;
}

interface Simplified {
  readonly graph: Graph;
  /** Equal for equal computations. */
  readonly text: string;
}

/** Bodies of loops and branches are simplified whenever a graph is in which they are. */
const known = new WeakMap<Graph, Simplified>();

function simplified(graph: Graph): Simplified {
  const canonical = new Canonical(graph);
  // First all results, so that equal loops are found to be equal, of which one needs more results than the other.
  const once = canonical.graph(graph);
  const needed = dropUnusedResults(once);
  // An expression that a rule did not find may have been added later.
  const form = canonical.hasMissed || needed !== once ? canonical.graph(needed) : once;
  return { graph: form, text: canonical.text(form) };
}

function simplifiedBody(body: Graph): Simplified {
  const form = known.get(body) ?? simplified(body);
  known.set(body, form);
  known.set(form.graph, form);
  return form;
}

/** Constants of at most this many elements are compared by value, larger ones by their memory. */
const comparedByValue = 1024;

/** Numbers of large constants, by their memory. */
const arrays = new WeakMap<NdArray["data"], number>();
let arrayCount = 0;

/** Attributes as text, which is asked for several times for each node that has them. */
const plainKeys = new WeakMap<Attributes, string>();

/** Hash-consing: one node for every distinct expression. */
class Canonical {
  private forms = new Map<Tensor, Tensor>();
  private readonly table = new Map<string, Tensor>();
  private readonly ids = new Map<Tensor, number>();

  /** Whether a rule asked for an expression that was not in the graph. */
  hasMissed = false;

  constructor({ inputs }: Graph) {
    for (const { tensor } of inputs) this.ids.set(tensor, this.ids.size);
  }

  graph({ inputs, outputs }: Graph): Graph {
    this.forms = new Map(inputs.map(({ tensor }) => [tensor, tensor]));
    for (const node of topologicalOrder(outputs.map((o) => o.tensor))) this.of(node);
    return { inputs, outputs: outputs.map(({ name, tensor }) => ({ name, tensor: this.of(tensor) })) };
  }

  private of(node: Tensor): Tensor {
    const known = this.forms.get(node);
    if (known) return known;
    const inputs = node.inputs.map((x) => this.of(x));
    const attrs = mapBodies(node.attrs, (body) => simplifiedBody(body).graph);
    const same = attrs === node.attrs && inputs.every((x, i) => x === node.inputs[i]);
    const rebuilt = same ? node : apply(node.op, inputs, attrs);
    const better = foldConstant(rebuilt) ?? rewrite(rebuilt, (x) => this.isKnown(x));
    const form = better ? this.of(better) : this.intern(rebuilt);
    this.forms.set(node, form);
    return form;
  }

  /** The computation as text, in which nodes are numbers. */
  text({ inputs, outputs }: Graph): string {
    const names = new Map(inputs.map(({ tensor }, k) => [tensor, k]));
    const lines = inputs.map(({ tensor }) => formatType(tensor));
    for (const node of topologicalOrder(outputs.map(({ tensor }) => tensor))) {
      if (names.has(node)) continue;
      names.set(node, names.size);
      lines.push(this.line(node, (x) => names.get(x) as number));
    }
    return `${lines.join(";")}->${outputs.map(({ tensor }) => names.get(tensor))}`;
  }

  private intern(node: Tensor): Tensor {
    const key = this.key(node);
    const known = this.table.get(key);
    if (known) return known;
    this.table.set(key, node);
    this.forms.set(node, node);
    this.ids.set(node, this.ids.size);
    return node;
  }

  private isKnown(node: Tensor): boolean {
    const known = this.table.has(this.key(node));
    this.hasMissed ||= !known;
    return known;
  }

  private key(node: Tensor): string {
    return this.line(node, (x) => this.ids.get(x) as number);
  }

  private line({ op, inputs, attrs }: Tensor, idOf: (x: Tensor) => number): string {
    const ids = inputs.map(idOf);
    if (op.name === "add" || op.name === "mul") ids.sort((a, b) => a - b);
    return `${op.name}(${ids.join()})${this.attributesKey(attrs)}`;
  }

  private attributesKey(attrs: Attributes): string {
    // Beside the text of the others, not inside: JSON's escapes would double with each level of nesting.
    let key = this.plainKey(attrs);
    for (const body of Object.values(attrs)) if (isGraph(body)) key += `{${simplifiedBody(body).text}}`;
    return key;
  }

  private plainKey(attrs: Attributes): string {
    const known = plainKeys.get(attrs);
    if (known !== undefined) return known;
    const arrayText = (data: NdArray["data"]) => {
      if (data.length <= comparedByValue) {
        return `${data.constructor.name} ${Array.from<number | bigint, string>(data, numberText)}`;
      }
      if (!arrays.has(data)) arrays.set(data, arrayCount++);
      return `array ${arrays.get(data)}`;
    };
    const key = attributesText(attrs, arrayText, () => undefined);
    plainKeys.set(attrs, key);
    return key;
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
function foldConstant(node: Tensor): Tensor | undefined {
  const { op, inputs, shape, dtype } = node;
  if (inputs.length === 0) return undefined;
  // ONNX Runtime's kernels fail on some empty arrays, or return what was in memory.
  const isEmpty = node.size === 0 && node.results === undefined;
  if (isEmpty) return constantValue(node) === undefined ? fill(shape, 0, dtype) : undefined;
  const values = inputs.map(constantValue);
  const isKnown = !values.includes(undefined);
  // The mean of nothing, 0 times 1 / 0, stays NaN.
  if (isKnown && op.js.flat && op.js.readsOnce) return fill(shape, evaluate(node, values as number[]), dtype);
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
function evaluate(node: Tensor, values: readonly number[]): number {
  const names = values.map((_, k) => `x${k}`);
  const at = Index.flat(node.shape, Affine.zero);
  const code = node.op.js.pull?.(at, (k) => names[k], node, node.attrs);
  const compute = new Function(...Object.keys(specialFunctions), ...names, `return ${code};`);
  return Number(compute(...Object.values(specialFunctions), ...values));
}

/** The same graph, in which loops and branches compute only those of their results that something uses. */
function dropUnusedResults(graph: Graph): Graph {
  const { inputs, outputs } = graph;
  const order = topologicalOrder(outputs.map(({ tensor }) => tensor));
  if (!order.some(({ results }) => results)) return graph;
  const reduced = new Map<Tensor, KeptResults>();
  const used = new Set<Tensor>(outputs.map(({ tensor }) => tensor));
  // Users come before what they use: an operation that leaves out a result may leave out an input, too.
  for (const node of [...order].reverse()) {
    if (!used.has(node)) continue;
    if (node.op.keepResults) reduced.set(node, reduce(node, order, used));
    for (const x of (reduced.get(node)?.node ?? node).inputs) used.add(x);
  }
  const forms = new Map<Tensor, Tensor>();
  const formOf = (x: Tensor): Tensor => forms.get(x) as Tensor;
  for (const node of order) if (used.has(node)) forms.set(node, rebuilt(node, reduced, formOf));
  return { inputs, outputs: outputs.map(({ name, tensor }) => ({ name, tensor: formOf(tensor) })) };
}

function reduce(node: Tensor, order: readonly Tensor[], used: ReadonlySet<Tensor>): KeptResults {
  const indices = new Set(
    order.flatMap((x) => (isResult(x) && x.inputs[0] === node && used.has(x) ? [x.attrs.index] : [])),
  );
  const all = (node.results ?? []).map((_, k) => k);
  if (indices.size === all.length) return { node, kept: all };
  return node.op.keepResults?.(node, (k) => indices.has(k), node.attrs) as KeptResults;
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
