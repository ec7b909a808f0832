import { DataError } from "../../errors.js";
import {
  type AttributeValue,
  graph as graphAttribute,
  int,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from "./schema.js";

/**
 * Sizes of a batch at which a model is written to find where the size enters: primes, so that a size in the file
 * that is a multiple of one is hardly a coincidence.
 */
export const probeSizes = [101, 103, 107] as const;

const [first, second, third] = probeSizes;

/**
 * One model for all sizes of a batch, from models of the same function at the three {@link probeSizes}. Their nodes
 * must be the same. A constant c(n) of integers that differs must be p + q n, one of floats p n or p / n; it is then
 * computed from the size n that an input has at run time, and the third model confirms the rule of the other two.
 *
 * @throws DataError when the models differ elsewhere: the message names where
 */
export function withOpenBatch(models: readonly OnnxModel[]): OnnxModel {
  const graphs = models.map(({ graph }) => graph);
  const [graph] = graphs;
  const common = commonGraph(graphs);
  const batch = new BatchSize(graph);
  const initializers: OnnxTensor[] = [];
  graph.initializers.forEach((tensor, k) => {
    const forms = graphs.map((g) => g.initializers[k]);
    if (forms.every((form) => isSame(form, tensor))) initializers.push(tensor);
    else batch.compute(forms);
  });
  return {
    ...models[0],
    graph: {
      ...common,
      initializers: [...initializers, ...batch.initializers],
      nodes: [...batch.nodes, ...common.nodes],
    },
  };
}

/** The nodes of all the graphs, which must be the same but for the sizes of values. */
function commonGraph(graphs: readonly OnnxGraph[]): OnnxGraph {
  const [graph] = graphs;
  const nodes = graph.nodes.map((node, k) =>
    commonNode(
      node,
      graphs.map((g) => g.nodes[k]),
    ),
  );
  if (graphs.some((g) => g.nodes.length !== nodes.length)) throw differs(nodes[0]);
  const infos = (list: "inputs" | "outputs") =>
    graph[list].map((info, k) =>
      opened(
        info,
        graphs.map((g) => g[list][k]),
      ),
    );
  return { ...graph, inputs: infos("inputs"), outputs: infos("outputs"), nodes };
}

function commonNode(node: OnnxNode, forms: readonly (OnnxNode | undefined)[]): OnnxNode {
  if (!forms.every((form) => form && isSame(plain(form), plain(node)))) throw differs(node);
  const attributes = Object.entries(node.attributes).map(([name, value]) => {
    const bodies = forms.flatMap((form) => bodyOf(form?.attributes[name]) ?? []);
    return [name, bodies.length > 0 ? graphAttribute(commonGraph(bodies)) : value];
  });
  return { ...node, attributes: Object.fromEntries(attributes) };
}

const bodyOf = (value: AttributeValue | undefined): OnnxGraph | undefined =>
  value?.kind === "graph" ? value.value : undefined;

/** A node without the graphs inside it. */
const plain = ({ attributes, ...node }: OnnxNode) => ({
  ...node,
  attributes: Object.entries(attributes).map(([name, value]) => [name, bodyOf(value) ? "graph" : value]),
});

const differs = ({ opType, outputs }: OnnxNode): DataError =>
  fixed(`${opType} "${outputs[0]}" is another operator, or has other attributes, for another size`);

const fixed = (why: string): DataError =>
  new DataError(
    `toOnnx: the size of the batch cannot stay open: ${why}. Write the model for one size: toOnnx(graph).`,
  );

const isSame = (a: unknown, b: unknown): boolean => text(a) === text(b);

const text = (value: unknown): string =>
  JSON.stringify(value, (_key, x) => {
    if (ArrayBuffer.isView(x)) return Array.from(x as unknown as ArrayLike<number | bigint>, String).join();
    return typeof x === "number" && !Number.isFinite(x) ? String(x) : x;
  });

/** A size that is the batch's becomes open; one that depends on it has no name. */
function opened(info: OnnxValueInfo, forms: readonly OnnxValueInfo[]): OnnxValueInfo {
  if (info.shape === undefined) return info;
  const shape = info.shape.map((size, d) => {
    if (forms.every(({ shape: other }) => other?.[d] === size)) return size;
    return size === first ? "batch" : "";
  });
  return { ...info, shape };
}

/** The nodes that compute constants from the size of the batch. */
class BatchSize {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];

  constructor(private readonly graph: OnnxGraph) {}

  /** Computes a constant of which the three sizes' values are given. */
  compute([a, b, c]: readonly OnnxTensor[]): void {
    const { name, dtype } = a;
    if (!isSame(a.shape, b.shape)) throw fixed(`a constant has the shape [${a.shape}] for ${first} examples`);
    const values = [a, b, c].map(({ data }) => Array.from<number | bigint, number>(data, Number));
    if (dtype === "int64") this.line(a, values);
    else if (dtype === "float32" || dtype === "float64") this.proportion(a, values);
    else throw fixed(`the constant "${name}" of ${dtype} depends on it`);
  }

  /** p + q n. */
  private line({ name, shape }: OnnxTensor, [a, b, c]: readonly (readonly number[])[]): void {
    const q = a.map((x, i) => (b[i] - x) / (second - first));
    const p = a.map((x, i) => x - q[i] * first);
    if (!c.every((x, i) => Number.isInteger(q[i]) && x === p[i] + q[i] * third)) {
      throw fixed(`the numbers ${a} of a constant are no linear function of it`);
    }
    const integers = (what: string, values: readonly number[]) =>
      this.constant({
        name: `${name}:${what}`,
        dtype: "int64",
        shape,
        data: BigInt64Array.from(values, BigInt),
      });
    const scaled = this.node("Mul", [this.size(), integers("factors", q)], `${name}:scaled`);
    this.node("Add", [scaled, integers("offsets", p)], name);
  }

  /** p n or p / n. */
  private proportion({ name, shape, dtype }: OnnxTensor, [a, b, c]: readonly (readonly number[])[]): void {
    const isClose = (x: number, y: number) => Math.abs(x - y) <= 1e-6 * Math.abs(y);
    const follows = (power: number) =>
      a.every(
        (x, i) => isClose(b[i], x * (second / first) ** power) && isClose(c[i], x * (third / first) ** power),
      );
    const power = [1, -1].find(follows);
    if (power === undefined)
      throw fixed(`the numbers ${a} of a constant are not proportional to it or its inverse`);
    const numbers = a.map((x) => x / first ** power);
    const data = dtype === "float32" ? Float32Array.from(numbers) : Float64Array.from(numbers);
    const factor = this.constant({ name: `${name}:factors`, dtype, shape, data });
    const size = this.node("Cast", [this.size()], `batch:${dtype}`, {
      to: int(dtype === "float32" ? 1 : 11),
    });
    this.node(power > 0 ? "Mul" : "Div", [factor, size], name);
  }

  /** The number of examples, as a scalar. */
  private size(): string {
    for (const { name, shape = [] } of this.graph.inputs) {
      const axis = shape.indexOf(first);
      if (axis < 0) continue;
      const place = this.constant({
        name: "batch:axis",
        dtype: "int64",
        shape: [],
        data: BigInt64Array.of(BigInt(axis)),
      });
      return this.node("Gather", [this.node("Shape", [name], "batch:shape"), place], "batch:size");
    }
    throw fixed("no input has it");
  }

  private constant(tensor: OnnxTensor): string {
    if (!this.initializers.some(({ name }) => name === tensor.name)) this.initializers.push(tensor);
    return tensor.name;
  }

  private node(
    opType: string,
    inputs: readonly string[],
    output: string,
    attributes: OnnxNode["attributes"] = {},
  ): string {
    const isThere = this.nodes.some(({ outputs }) => outputs[0] === output);
    if (!isThere) this.nodes.push({ opType, inputs, outputs: [output], attributes });
    return output;
  }
}
