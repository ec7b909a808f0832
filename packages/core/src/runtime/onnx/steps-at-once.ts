import type { ScanAttributes } from "../../graph/control/scan-op.js";
import { nodesOf } from "../../graph/graph.js";
import { mul } from "../../graph/ops/arithmetic.js";
import { constantValue, fill, input } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { reshape } from "../../graph/ops/reshape.js";
import { isSlice } from "../../graph/ops/slice.js";
import { apply, type Port, type Tensor } from "../../graph/tensor.js";
import { isElementwise } from "./batch-last/plan.js";

/** Computing a larger value takes longer than calling its kernel: nothing is gained by one call for all steps. */
const largest = 2 ** 16;

/** A factor for all steps, and what it multiplies in each. */
interface Scaled {
  readonly x: Tensor;
  readonly factor: Tensor;
}

/**
 * A scan before which everything is computed for all steps in one operation that its steps compute from elements of sequences
 * alone, and the products of such factors. In the derivative of a recurrent net that is nearly all.
 *
 * @param outer forms of the node's inputs
 */
export function computedAtOnce(node: Tensor, outer: readonly Tensor[]): Tensor {
  const attrs = node.attrs as ScanAttributes;
  const { body, carries, sequences, length } = attrs;
  const own = carries + sequences;
  const order = nodesOf(body);
  const outputs = body.outputs.map(({ tensor }) => tensor);
  const uses = new Map<Tensor, number>();
  for (const x of [...order.flatMap(({ inputs }) => inputs), ...outputs]) uses.set(x, (uses.get(x) ?? 0) + 1);

  const bound = (from: number, to: number) =>
    new Map(body.inputs.slice(from, to).map(({ tensor }, k) => [tensor, outer[from + k]]));
  const all = bound(carries, own);
  const same = bound(own, body.inputs.length);
  const allOf = (x: Tensor): Tensor | undefined => {
    const value = constantValue(x);
    return value === undefined ? all.get(x) : fill([length, ...x.shape], value, x.dtype);
  };
  const scaled = new Map<Tensor, Scaled>();
  for (const x of order) {
    if (x.size > largest || !x.inputs.some((y) => all.has(y))) continue;
    const form = atOnce(x, { length, allOf, same });
    if (form) all.set(x, form);
    else if (x.op.name === "mul") scaled.set(x, scaledOf(x));
  }
  function scaledOf({ inputs: [a, b] }: Tensor): Scaled {
    const [x, factor] = all.has(b) ? [a, all.get(b) as Tensor] : [b, all.get(a) as Tensor];
    const inner = uses.get(x) === 1 ? scaled.get(x) : undefined;
    return inner ? { x: inner.x, factor: mul(inner.factor, factor) } : { x, factor };
  }

  const needed = new Set(outputs);
  for (const x of [...order].reverse()) {
    if (!needed.has(x) || all.has(x)) continue;
    for (const y of scaled.has(x) ? [(scaled.get(x) as Scaled).x] : x.inputs) needed.add(y);
  }
  const elements = new Map<Tensor, Tensor>();
  const elementOf = (values: Tensor): Tensor => {
    const element = elements.get(values) ?? input(values.shape.slice(1), values.dtype);
    elements.set(values, element);
    return element;
  };
  const forms = new Map(body.inputs.map(({ tensor }) => [tensor, tensor]));
  const formOf = (x: Tensor): Tensor => {
    const values = all.get(x);
    return values ? elementOf(values) : (forms.get(x) as Tensor);
  };
  for (const x of order) {
    if (!needed.has(x) || all.has(x) || forms.has(x)) continue;
    const parts = scaled.get(x);
    if (parts) forms.set(x, mul(formOf(parts.x), elementOf(parts.factor)));
    else forms.set(x, x.inputs.length === 0 ? x : apply(x.op, x.inputs.map(formOf), x.attrs));
  }
  const results = body.outputs.map(({ name, tensor }): Port => ({ name, tensor: formOf(tensor) }));
  const rows = [...elements.values()].map((tensor, k): Port => ({ name: `element.${k}`, tensor }));
  return apply(node.op, [...outer.slice(0, carries), ...elements.keys(), ...outer.slice(own)], {
    ...attrs,
    body: {
      inputs: [...body.inputs.slice(0, carries), ...rows, ...body.inputs.slice(own)],
      outputs: results,
    },
    sequences: rows.length,
  });
}

interface Steps {
  readonly length: number;
  /** Values of all steps; undefined where they depend on what is carried. */
  allOf(x: Tensor): Tensor | undefined;
  /** What stays the same. */
  readonly same: ReadonlyMap<Tensor, Tensor>;
}

/** A node's values in all steps as one operation; undefined where there is none. */
function atOnce(node: Tensor, { length, allOf, same }: Steps): Tensor | undefined {
  const { op, inputs, attrs, shape } = node;
  const operands = inputs.map(allOf);
  const [a] = operands;
  if (isSlice(node)) {
    const { starts, steps } = node.attrs;
    return a && apply(op, [a], { starts: [0, ...starts], steps: [1, ...steps], shape: [length, ...shape] });
  }
  if (op.name === "matmul") {
    const weight = same.get(inputs[1]);
    if (!a || !weight || node.rank !== 2 || attrs.transposeA) return undefined;
    const rows = reshape(a, [length * a.shape[1], a.shape[2]]);
    return reshape(matmul(rows, weight, { transposeB: attrs.transposeB === true }), [length, ...shape]);
  }
  if (!isElementwise(node) || !op.js.readsOnce) return undefined;
  return operands.includes(undefined) ? undefined : apply(op, operands as Tensor[], attrs);
}
