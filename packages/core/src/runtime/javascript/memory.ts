import { sizeOf } from "../../array.js";
import { isResult } from "../../graph/control/result.js";
import type { Graph } from "../../graph/graph.js";
import { Affine, type Index } from "../../graph/index-expression.js";
import type { Loop } from "../../graph/javascript-rule.js";
import type { Tensor } from "../../graph/tensor.js";
import { invariantsOf } from "../loop-invariants.js";
import { isArray, isInput, type Placement, placeNodes } from "./layout.js";

type Values = ArrayLike<number | bigint>;

/**
 * The names of the values of a generated program: inputs `x0`, results `y0`, buffers `b0`, and the variables of what is not
 * in an array.
 */
export class Memory {
  readonly order: readonly Tensor[];
  /** Sizes of the buffers, and the values of those that are constant. */
  readonly buffers: { readonly size: number; readonly values?: Values | undefined }[] = [];
  /** Nodes that no step of a loop changes. */
  readonly invariant: ReadonlySet<Tensor>;
  private readonly placement: ReadonlyMap<Tensor, Placement>;
  private readonly ids = new Map<Tensor, number>();
  private readonly names = new Map<Tensor, string>();
  /** Names of the results of each operation that has several. */
  private readonly namesOfResults = new Map<Tensor, readonly string[]>();

  constructor(
    private readonly graph: Graph,
    private readonly loop: Loop | undefined,
    /** Whether small values may be kept in variables, and results be computed in the caller's arrays. */
    readonly inVariables: boolean,
  ) {
    this.invariant = loop ? invariantsOf(graph, loop) : new Set();
    const outputs = graph.outputs.map((o) => o.tensor);
    const { order, placement } = placeNodes(outputs, new Set(outputs), { variables: inVariables });
    this.order = order;
    this.placement = placement;
    for (const [i, node] of order.entries()) this.ids.set(node, i);
    for (const [i, { tensor }] of graph.inputs.entries()) this.names.set(tensor, `x${i}`);
    for (const node of order) {
      if (isResult(node)) {
        this.names.set(node, this.results(node.inputs[0])[node.attrs.index]);
      } else if (node.results) {
        const names = node.results.map(({ shape }) => this.buffer(sizeOf(shape)));
        this.namesOfResults.set(node, names);
      } else if (placement.get(node) === "buffer" && !isInput(node)) {
        const values = isArray(node) ? (node.attrs.value as { data: Values }).data : undefined;
        this.names.set(node, this.amongResults(node) ?? this.buffer(node.size, values));
      }
    }
  }

  placeOf(node: Tensor): Placement | undefined {
    return this.placement.get(node);
  }

  /** The array of a node. */
  array(node: Tensor): string {
    return this.names.get(node) as string;
  }

  /** The arrays of an operation with several results. */
  results(node: Tensor): readonly string[] {
    return this.namesOfResults.get(node) as readonly string[];
  }

  /** The variable of an element. */
  variable(node: Tensor, k: number): string {
    return `v${this.ids.get(node)}_${k}`;
  }

  /** An element of a node that has an array; of a sequence, an element of the step's part. */
  element(node: Tensor, { flat }: Index): string {
    const place = this.isSequence(node) ? flat.plus(Affine.variable("t").times(node.size)) : flat;
    return `${this.array(node)}[${place}]`;
  }

  /** The array of a node, or the step's part of a sequence. */
  whole(node: Tensor): string {
    const name = this.array(node);
    return this.isSequence(node) ? `${name}.subarray(t*${node.size},(t+1)*${node.size})` : name;
  }

  /** The caller's array of a result serves a node whose values it does not round, and that is written once. */
  private amongResults(node: Tensor): string | undefined {
    const places = this.graph.outputs.flatMap(({ tensor }, i) => (tensor === node ? [i] : []));
    const isOwn = this.inVariables && !this.loop && !isArray(node) && node.dtype === "float64";
    return isOwn && places.length === 1 ? `y${places[0]}` : undefined;
  }

  private buffer(size: number, values?: Values): string {
    this.buffers.push({ size, values });
    return `b${this.buffers.length - 1}`;
  }

  private isSequence(node: Tensor): boolean {
    const port = this.graph.inputs.find((p) => p.tensor === node);
    return port !== undefined && (this.loop?.sequences?.includes(port.name) ?? false);
  }
}
