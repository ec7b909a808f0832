import type { NdArray } from "../array.js";
import { foldConstant } from "./constant-folding.js";
import type { Graph } from "./graph.js";
import { requireGraph, topologicalOrder } from "./graph.js";
import { rewrite } from "./rewrite-rules.js";
import { type Attributes, apply, type Tensor } from "./tensor.js";

/**
 * An equal graph with fewer operations: common sub-expressions are computed once, constants are folded,
 * identities (x * 1, x + 0, transposes of transposes, ...) are removed, and nodes that no output needs are
 * dropped.
 *
 * Run it last: it drops the marks that differentiation needs (stopGradient, alias). A product with the constant
 * zero becomes zero even where the other factor would be infinite or NaN.
 */
export function simplify(graph: Graph): Graph {
  requireGraph("simplify", graph);
  const canonical = new Canonical(graph);
  const once = canonical.graph(graph);
  // An expression that a rule did not find may have been added later.
  return canonical.hasMissed ? canonical.graph(once) : once;
}

/** Hash-consing: one node for every distinct expression. */
class Canonical {
  private forms = new Map<Tensor, Tensor>();
  private readonly table = new Map<string, Tensor>();
  private readonly ids = new Map<Tensor, number>();
  private readonly arrays = new Map<NdArray["data"], number>();

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
    const same = inputs.every((x, i) => x === node.inputs[i]);
    const rebuilt = same ? node : apply(node.op, inputs, node.attrs);
    const better = foldConstant(rebuilt) ?? rewrite(rebuilt, (x) => this.isKnown(x));
    const form = better ? this.of(better) : this.intern(rebuilt);
    this.forms.set(node, form);
    return form;
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

  private key({ op, inputs, attrs }: Tensor): string {
    const ids = inputs.map((x) => this.ids.get(x) as number);
    if (op.name === "add" || op.name === "mul") ids.sort((a, b) => a - b);
    return `${op.name}(${ids.join()})${this.attributesKey(attrs)}`;
  }

  private attributesKey(attrs: Attributes): string {
    return JSON.stringify(attrs, (_key, value) => {
      if (ArrayBuffer.isView(value)) {
        const data = value as NdArray["data"];
        if (!this.arrays.has(data)) this.arrays.set(data, this.arrays.size);
        return `array ${this.arrays.get(data)}`;
      }
      // JSON represents neither NaN nor infinities nor the sign of zero.
      if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
        return `number ${Object.is(value, -0) ? "-0" : value}`;
      }
      return value;
    });
  }
}
