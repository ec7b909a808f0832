import type { Graph } from "../../../graph/graph.js";
import { nodesOf } from "../../../graph/graph.js";
import { mul } from "../../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { sum } from "../../../graph/ops/reduce.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { concat, slice } from "../../../graph/ops/slice.js";
import { apply, type Tensor } from "../../../graph/tensor.js";
import { firstLargest, putInputs } from "./pool.js";

/** Largest number of elements in the rows of one product: 32 MB in float32. */
const mostNumbers = 2 ** 23;

/**
 * A product dY X', summed over the parts of the batch; dY are the gradients g of pooled images, put back into
 * tiles.
 */
interface Product {
  readonly node: Tensor;
  readonly columns: Tensor;
  readonly g: Tensor;
  readonly y: Tensor;
  /** 1 + the largest level among the products that it depends on. */
  readonly level: number;
}

/**
 * Joins products of several gradients of the same pooled images with the same columns X into one product, so
 * that X is packed for the kernel only once. Applies to gradients that do not depend on each other's
 * products, such as those of several tasks.
 */
export function stackProducts(graph: Graph): Graph {
  const levels = new Map<Tensor, number>();
  const groups = new Map<string, Product[]>();
  const ids = new Map<Tensor, number>();
  for (const node of nodesOf(graph)) {
    ids.set(node, ids.size);
    const below = node.inputs.reduce((most, x) => Math.max(most, levels.get(x) as number), 0);
    const product = productOf(node, below + 1);
    levels.set(node, product ? product.level : below);
    if (!product) continue;
    const key = [product.columns, product.y].map((x) => ids.get(x)).join();
    const group = groups.get(`${key} ${product.level}`);
    if (group) group.push(product);
    else groups.set(`${key} ${product.level}`, [product]);
  }
  const stacks = new Map<Tensor, readonly Product[]>();
  for (const group of groups.values()) {
    const count = Math.floor(mostNumbers / group[0].y.size);
    for (let k = 0; count > 1 && k + 1 < group.length; k += count) {
      const stack = group.slice(k, k + count);
      for (const { node } of stack) stacks.set(node, stack);
    }
  }
  return stacks.size === 0 ? graph : rebuilt(graph, stacks, levels);
}

function productOf(node: Tensor, level: number): Product | undefined {
  const isSum = node.op.name === "sum" && String(node.attrs.axes) === "0";
  const product = isSum ? node.inputs[0] : node;
  if (product.op.name !== "matmul" || !product.attrs.transposeB) return undefined;
  // A single part needs no sum.
  if (isSum !== product.shape[0] > 1) return undefined;
  const [rows, columns] = product.inputs;
  const inputs = rows.op.name === "reshape" ? putInputs(rows.inputs[0]) : undefined;
  return inputs && { node, columns, g: inputs[0], y: inputs[1], level };
}

function rebuilt(
  graph: Graph,
  stacks: ReadonlyMap<Tensor, readonly Product[]>,
  levels: ReadonlyMap<Tensor, number>,
): Graph {
  const forms = new Map<Tensor, Tensor>(graph.inputs.map(({ tensor }) => [tensor, tensor]));
  const of = (x: Tensor) => forms.get(x) as Tensor;
  // In order of levels, all inputs of a stack come before the first of its products.
  const order = nodesOf(graph).sort((a, b) => (levels.get(a) as number) - (levels.get(b) as number));
  for (const node of order) {
    if (forms.has(node)) continue;
    const stack = stacks.get(node);
    if (!stack) forms.set(node, apply(node.op, node.inputs.map(of), node.attrs));
    else for (const [product, form] of stackedForms(stack, of)) forms.set(product, form);
  }
  return {
    inputs: graph.inputs,
    outputs: graph.outputs.map(({ name, tensor }) => ({ name, tensor: of(tensor) })),
  };
}

function stackedForms(stack: readonly Product[], of: (x: Tensor) => Tensor): [Tensor, Tensor][] {
  const [{ columns: x, y }] = stack;
  const [s, c, p, columns] = y.shape;
  const shape = [s, stack.length, c, p, columns];
  const gradients = stack.map(({ g }) => reshape(of(g), [s, 1, c, 1, columns]));
  const put = mul(
    broadcastTo(reshape(firstLargest(of(y)), [s, 1, c, p, columns]), shape),
    broadcastTo(concat(gradients, { axis: 1 }), shape),
  );
  const rows = reshape(put, [s, stack.length * c * p, columns]);
  const products = matmul(rows, of(x), { transposeB: true });
  const added = sum(products, { axes: 0 });
  return stack.map(({ node }, k) => {
    const part = slice(added, { starts: [k * c * p], ends: [(k + 1) * c * p] });
    return [node, reshape(part, node.shape)];
  });
}
