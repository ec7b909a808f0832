// A model file as a graph to be drawn: operators, inputs and outputs are nodes, weights are tags of the nodes that read them.
import { operandsOf } from "isoloss/internal";
import type { OnnxModel } from "isoloss/onnx";

/** A tensor of the file that a node reads. */
export interface WeightTag {
  /** As in `fromOnnx(bytes).params`. */
  readonly name: string;
  readonly shape: string;
  /** Whether it is a parameter; else a constant, which is not drawn. */
  readonly isParameter: boolean;
}

/** A value that a node reads or writes, and the nodes at its other end. */
export interface Port {
  readonly value: string;
  readonly nodes: readonly number[];
}

export interface GraphNode {
  readonly id: number;
  readonly kind: "input" | "output" | "operator";
  /** The operator, with its domain if it is not of the standard. */
  readonly op: string;
  readonly name: string;
  /** Type and shape of an input or an output, as far as the file says. */
  readonly type: string;
  /** False: `fromOnnx` does not read this operator. */
  readonly isKnown: boolean;
  readonly weights: readonly WeightTag[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly value: string;
}

export interface ModelGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

type Draft = Omit<GraphNode, "inputs" | "outputs"> & { readonly reads: string[]; readonly writes: string[] };
type Node = OnnxModel["graph"]["nodes"][number];

const isStandard = (domain = ""): boolean => domain === "" || domain === "ai.onnx";

/** An operator's name, with its domain if it is not of the standard: as `modelOperators` has it. */
const operatorOf = ({ opType, domain }: Node): string =>
  isStandard(domain) ? opType : `${domain}.${opType}`;

/**
 * @param unknown names of operators that `fromOnnx` does not read
 * @param isParameter whether a tensor is one of the model's parameters
 */
export function graphOf(
  { graph }: OnnxModel,
  unknown: ReadonlySet<string>,
  isParameter: (name: string) => boolean,
): ModelGraph {
  const stored = new Map<string, WeightTag>();
  const store = (name: string, shape: readonly number[]) => {
    const own = name.replaceAll(":", "_");
    stored.set(name, { name: own, shape: shape.join(" x ") || "1", isParameter: isParameter(own) });
  };
  for (const { name, shape } of graph.initializers) store(name, shape);
  for (const node of graph.nodes) {
    const value = Object.values(node.attributes).find(({ kind }) => kind === "tensor");
    if (node.opType === "Constant") store(node.outputs[0], value?.kind === "tensor" ? value.value.shape : []);
  }
  const drafts: Omit<Draft, "id">[] = [
    ...graph.inputs
      .filter(({ name }) => !stored.has(name))
      .map((port) => ({ ...outer(port, "input"), reads: [], writes: [port.name] })),
    ...graph.nodes
      .filter(({ opType }) => opType !== "Constant")
      .map((node) => ({
        kind: "operator" as const,
        op: operatorOf(node),
        name: node.name || node.outputs.find(Boolean) || "",
        type: "",
        isKnown: !unknown.has(operatorOf(node)),
        weights: [...new Set(operandsOf(node))].flatMap((name) => stored.get(name) ?? []),
        reads: [...new Set(operandsOf(node))].filter((name) => name !== "" && !stored.has(name)),
        writes: node.outputs.filter(Boolean),
      })),
    ...graph.outputs.map((port) => ({ ...outer(port, "output"), reads: [port.name], writes: [] })),
  ];
  return connected(drafts.map((draft, id) => ({ id, ...draft })));
}

function outer(
  { name, dtype, shape }: OnnxModel["graph"]["inputs"][number],
  kind: "input" | "output",
): Omit<Draft, "id" | "reads" | "writes"> {
  const sizes = shape?.map((size) => size || "?").join(", ");
  const type = `${dtype ?? ""}${sizes === undefined ? "" : `[${sizes}]`}`;
  return { kind, op: kind, name, type, isKnown: true, weights: [] };
}

function connected(drafts: readonly Draft[]): ModelGraph {
  const makers = new Map(drafts.flatMap(({ id, writes }) => writes.map((value) => [value, id] as const)));
  const readers = new Map<string, number[]>();
  for (const { id, reads } of drafts) {
    for (const value of reads) readers.set(value, [...(readers.get(value) ?? []), id]);
  }
  const at = (id: number | undefined) => (id === undefined ? [] : [id]);
  const nodes = drafts.map(
    ({ reads, writes, ...node }): GraphNode => ({
      ...node,
      inputs: reads.map((value) => ({ value, nodes: at(makers.get(value)) })),
      outputs: writes.map((value) => ({ value, nodes: readers.get(value) ?? [] })),
    }),
  );
  const edges = nodes.flatMap(({ id, inputs }) =>
    inputs.flatMap(({ value, nodes: from }) => from.map((maker) => ({ from: maker, to: id, value }))),
  );
  return { nodes, edges };
}
