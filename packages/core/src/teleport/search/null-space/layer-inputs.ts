// Which parameters multiply which inputs, read off the graph of a loss: Wu, Dong, Aloui, Tarokh, arXiv 2502.11362,
// section 4, for whatever a network is made of.
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { add, cast } from "../../../graph/ops/arithmetic.js";
import { fill } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { reshape, transpose } from "../../../graph/ops/reshape.js";
import { concat, slice } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import {
  type Addition,
  attachBias,
  type Origins,
  productsOf,
  viewOrigins,
  type WeightProduct,
  withSameRows,
} from "./weight-products.js";

/** Vectors of parameters that only ever appear in inner products with the same inputs: the rows of a weight. */
export interface LinearMap {
  /** Dotted path of the parameter that holds them. */
  readonly path: string;
  /**
   * Positions in the vector of all parameters, one row after another; the last column is that of the bias, if
   * there is one.
   */
  readonly rows: Int32Array;
  readonly columns: number;
  /** The inputs that the rows are multiplied by: [samples, columns], with a column of ones for a bias. */
  readonly inputs: Tensor;
  /** A part of the inputs that most likely has full rank, if a small part suffices. */
  readonly head?: Tensor | undefined;
  /** The products themselves, with the bias if the map has one. */
  readonly products: readonly Tensor[];
  /** (H q)' H q in float64 for columns q, without H. */
  readonly gramIn: (q: Tensor) => Tensor;
}

/** The maps of a loss, and why other parameters have no map. */
export interface LinearMaps {
  readonly maps: readonly LinearMap[];
  /** By path. */
  readonly excluded: ReadonlyMap<string, string>;
}

/**
 * Finds every matrix product and convolution of parameters, possibly transposed, cut or reshaped, with a
 * tensor that is not a parameter. Examples are the rows of the queries, keys and values of an attention. A
 * bias that is added to a whole product counts as one more weight. Parameters that are also used in any other
 * way have no map.
 *
 * @param graph of a loss; its inputs named `params.*` are the parameters
 */
export function linearMaps(graph: Graph): LinearMaps {
  const parameters = graph.inputs.filter(({ name }) => name === "params" || name.startsWith("params."));
  const starts: number[] = [];
  let count = 0;
  for (const { tensor } of parameters) {
    starts.push(count);
    count += tensor.size;
  }
  const pathAt = (place: number): string => {
    const next = starts.findIndex((start) => start > place);
    return parameters[(next < 0 ? starts.length : next) - 1].name.slice("params.".length);
  };
  const tracked = new Map<Tensor, Origins>();
  parameters.forEach(({ tensor }, k) => {
    tracked.set(
      tensor,
      Int32Array.from({ length: tensor.size }, (_, i) => starts[k] + i),
    );
  });
  const nodes = nodesOf(graph);
  const products: WeightProduct[] = [];
  const additions: Addition[] = [];
  const excluded = new Map<string, string>();
  /** How often each element of the parameters is used. */
  const uses = new Int32Array(count);
  const lastUse = new Int32Array(count);
  let useNumber = 0;
  const useOnce = (origins: Origins) => {
    useNumber++;
    for (const place of origins) {
      if (lastUse[place] !== useNumber) uses[place]++;
      lastUse[place] = useNumber;
    }
  };
  const exclude = (origins: Origins, reason: string) => {
    for (const path of new Set(Array.from(new Set(origins), pathAt))) excluded.set(path, reason);
  };

  for (const node of nodes) {
    const known = node.inputs.map((x) => tracked.get(x));
    const origins = known.filter((o) => o !== undefined);
    if (origins.length === 0) continue;
    const view = viewOrigins(node, origins[0]);
    if (view) {
      tracked.set(node, view);
      continue;
    }
    const found = origins.length === 1 ? productsOf(node, known) : [];
    origins.forEach(useOnce);
    if (found.length > 0) products.push(...found);
    else if (node.op.name === "add" && origins.length === 1) {
      additions.push({ node, biases: origins[0], other: node.inputs[known[0] ? 1 : 0] });
    } else for (const o of origins) exclude(o, `is used in ${node.op.name}`);
  }

  const users = countUsers(nodes, graph);
  for (const addition of additions) {
    if (!attachBias(products, addition, users)) exclude(addition.biases, "is used in add");
  }
  const maps: LinearMap[] = [];
  for (const same of withSameRows(products)) {
    const [{ weights, columns, bias }] = same;
    const repeated = new Set(weights).size < weights.length;
    const elsewhere = weights.some((place) => uses[place] !== same.length);
    const path = pathAt(weights[0]);
    if (repeated || elsewhere) {
      if (!excluded.has(path)) excluded.set(path, "is multiplied in more than one way");
      continue;
    }
    const isOwn = (place: number, i: number) =>
      uses[place] === same.length && same.every((p) => p.bias?.[i] === place);
    const inputs = concat(same.map((p) => p.inputs));
    const { head } = same[0];
    const ownBias = bias?.every(isOwn) ? bias : undefined;
    const completed = (h: Tensor) => (ownBias ? withOnes(h) : h);
    maps.push({
      path,
      columns: ownBias ? columns + 1 : columns,
      rows: ownBias ? withColumn(weights, columns, ownBias) : weights,
      inputs: completed(inputs),
      head: head ? completed(head) : undefined,
      products: same.map((p) => (ownBias && p.sum) || p.node),
      gramIn: (q) => same.map((p) => gramOf(timesAll(p, q))).reduce(add),
    });
  }
  for (const { path } of maps) excluded.delete(path);
  return { maps, excluded };
}

/** Inner products of two operands over their last axis. */
function gramOf(x: Tensor): Tensor {
  const order = [1, 0, ...x.shape.keys()].filter((axis, i) => i < 2 || axis > 1);
  const rows = cast(reshape(transpose(x, order), [x.shape[1], x.size / x.shape[1]]), "float64");
  return matmul(rows, rows, { transposeB: true });
}

/** The product with columns; if these have one more entry, the last one belongs to a bias. */
function timesAll({ columns, times }: WeightProduct, q: Tensor): Tensor {
  if (q.shape[0] === columns) return times(q);
  const product = times(slice(q, { ends: [columns] }));
  const shape = product.shape.map((size, axis) => (axis === 1 ? size : 1));
  return add(product, reshape(slice(q, { starts: [columns] }), shape));
}

const withOnes = (inputs: Tensor): Tensor =>
  concat([inputs, fill([inputs.shape[0], 1], 1, inputs.dtype)], { axis: 1 });

function withColumn(weights: Int32Array, columns: number, bias: Int32Array): Int32Array {
  const rows = weights.length / columns;
  return Int32Array.from({ length: rows * (columns + 1) }, (_, at) => {
    const [i, j] = [Math.floor(at / (columns + 1)), at % (columns + 1)];
    return j === columns ? bias[i] : weights[i * columns + j];
  });
}

/** The number of nodes and outputs that read each node. */
function countUsers(nodes: readonly Tensor[], { outputs }: Graph): Map<Tensor, number> {
  const users = new Map<Tensor, number>();
  const use = (x: Tensor) => users.set(x, (users.get(x) ?? 0) + 1);
  for (const node of nodes) node.inputs.forEach(use);
  for (const { tensor } of outputs) use(tensor);
  return users;
}
