// Shifts of added parameters that other added parameters undo, or that the operations between do not see.
import { sizeOf } from "../../../array.js";
import { type Graph, nodesOf } from "../../../graph/graph.js";
import { readersOf } from "../../../graph/readers.js";
import type { Tensor } from "../../../graph/tensor.js";
import { groupBy } from "../../../group-by.js";
import type { ShiftGenerator } from "../descriptors.js";
import type { ParameterRef } from "../layout.js";
import { type Absorber, absorberOf } from "./absorb.js";
import { isAverage, passed, type Signal } from "./signal.js";
import { allAxes, Variations } from "./variation.js";

/** A shift, and how it goes through the graph. */
export interface ShiftSite {
  readonly generator: ShiftGenerator;
  readonly giver: ParameterRef;
  readonly signals: ReadonlyMap<Tensor, Signal>;
  readonly ends: readonly ShiftEnd[];
}

/** A sum in which an absorber undoes the shift of one operand. */
export interface ShiftEnd {
  readonly node: Tensor;
  /** Which operand is shifted. */
  readonly input: number;
  readonly absorber: Absorber;
}

/**
 * Finds shifts in a graph whose parameters may be parts of others. No parameter that one shift moves is a
 * factor of another's changes, so that all of them together are a commutative group.
 */
export function findShifts(graph: Graph, parameters: readonly ParameterRef[]): ShiftSite[] {
  const search = new Search(graph, parameters);
  // Vectors first: where not all shifts commute, those of biases are kept.
  const order = groupBy(parameters, ({ tensor }) => allAxes(tensor).size > 1);
  return [...(order.get(false) ?? []), ...(order.get(true) ?? [])].flatMap((parameter) =>
    search.sitesOf(parameter),
  );
}

/**
 * For parameters whose elements can be shifted alike along one axis, differently at each index of the others, without any
 * effect: that axis. It is that of a residual stream whose mean every reader subtracts.
 */
export function unseenAxes(graph: Graph, parameters: readonly ParameterRef[]): Map<ParameterRef, number> {
  const search = new Search(graph, parameters);
  return new Map(
    parameters.flatMap((parameter): [ParameterRef, number][] => {
      const axis = search.unseenAxis(parameter);
      return axis === undefined ? [] : [[parameter, axis]];
    }),
  );
}

class Search {
  private readonly nodes: readonly Tensor[];
  private readonly parameters: ReadonlyMap<Tensor, ParameterRef>;
  /** Places in the order of the nodes that read a tensor; an output is read once more, from outside. */
  private readonly users: ReadonlyMap<Tensor, readonly number[]>;
  private readonly variations: Variations;
  /** Parameters that the shifts found so far move, and those that their changes depend on. */
  private readonly moved = new Set<Tensor>();
  private readonly read = new Set<Tensor>();

  constructor(graph: Graph, parameters: readonly ParameterRef[]) {
    this.nodes = nodesOf(graph);
    this.parameters = new Map(parameters.map((ref) => [ref.tensor, ref]));
    const places = new Map<Tensor | undefined, number>(this.nodes.map((node, place) => [node, place]));
    const placeOf = (reader: Tensor | undefined) => places.get(reader) ?? Infinity;
    this.users = new Map([...readersOf(graph, this.nodes)].map(([x, own]) => [x, own.map(placeOf)]));
    this.variations = new Variations(this.nodes, new Set(this.parameters.keys()));
  }

  unseenAxis(giver: ParameterRef): number | undefined {
    const axes = [...allAxes(giver.tensor)];
    if (!this.users.has(giver.tensor)) return undefined;
    const others = (axis: number) => axes.filter((d) => d !== axis);
    return axes.find((axis) => this.walk(giver, others(axis), false) !== undefined);
  }

  /** The shifts of one parameter: along all of its axes, or else along some of them. */
  sitesOf(giver: ParameterRef): ShiftSite[] {
    const found: ShiftSite[] = [];
    // Where equal shifts of all elements are seen, so are any others.
    if (!this.users.has(giver.tensor) || !this.walk(giver, [])) return found;
    for (const along of subsets([...allAxes(giver.tensor)])) {
      if (found.some(({ generator }) => along.every((d) => generator.along.includes(d)))) continue;
      const site = this.siteAt(giver, along);
      if (site) found.push(site);
    }
    return found;
  }

  private siteAt(giver: ParameterRef, along: readonly number[]): ShiftSite | undefined {
    const walked = this.walk(giver, along);
    if (!walked) return undefined;
    const { signals, ends } = walked;
    const moved = [giver, ...ends.map(({ absorber }) => absorber.parameter)];
    // Changes of pieces of pieces have no generator.
    if (moved.some(({ part }) => part?.within !== undefined)) return undefined;
    const read = this.factorsOf(signals);
    const isFree = moved.every(({ tensor }) => !this.read.has(tensor) && !read.has(tensor));
    if (!isFree || [...read].some((x) => this.moved.has(x))) return undefined;
    for (const { tensor } of moved) this.moved.add(tensor);
    for (const tensor of read) this.read.add(tensor);
    const named = ({ path, part }: ParameterRef) => (part ? { path, part } : { path });
    const size = sizeOf(along.map((d) => giver.tensor.shape[d]));
    const [giving, ...absorbing] = moved.map(named);
    const generator: ShiftGenerator = { kind: "shift", size, ...giving, along, absorbing };
    return { generator, giver, signals, ends };
  }

  /** Follows a shift, which other parameters may undo; undefined where it reaches an output or an operation that does not keep it. */
  private walk(giver: ParameterRef, along: readonly number[], canEnd = true) {
    const signals = new Map<Tensor, Signal>([
      [giver.tensor, { base: {}, factor: 1, varies: new Set(along), isData: false }],
    ]);
    const ends: ShiftEnd[] = [];
    const pending = new Set(this.users.get(giver.tensor));
    for (let place = Math.min(...pending); pending.size > 0; place++) {
      if (pending.has(Infinity)) return undefined;
      if (!pending.delete(place)) continue;
      const node = this.nodes[place];
      const reached = [...node.inputs.keys()].filter((k) => signals.has(node.inputs[k]));
      const end = canEnd && reached.length === 1 ? this.endAt(node, reached[0], signals, ends) : undefined;
      if (end) {
        ends.push(end);
        continue;
      }
      const signal = passed(node, (x) => signals.get(x), this.variations);
      if (signal === "broken") return undefined;
      if (signal === "gone") continue;
      signals.set(node, signal);
      for (const user of this.users.get(node) ?? []) pending.add(user);
    }
    return { signals, ends };
  }

  private endAt(
    node: Tensor,
    input: number,
    signals: ReadonlyMap<Tensor, Signal>,
    ends: readonly ShiftEnd[],
  ): ShiftEnd | undefined {
    if (node.op.name !== "add" && node.op.name !== "sub") return undefined;
    const { varies, isData } = signals.get(node.inputs[input]) as Signal;
    if (isData) return undefined;
    const absorber = absorberOf(node.inputs[1 - input], varies, {
      parameters: this.parameters,
      userCount: (x) => this.users.get(x)?.length ?? 0,
    });
    const isTaken = ends.some((end) => end.absorber.parameter === absorber?.parameter);
    return absorber && !isTaken ? { node, input, absorber } : undefined;
  }

  /** The parameters that a shift is multiplied by on its way. */
  private factorsOf(signals: ReadonlyMap<Tensor, Signal>): Set<Tensor> {
    const found = new Set<Tensor>();
    const pending = [...signals]
      .flatMap(([node, { isData }]) => (isData ? [] : [node]))
      .filter((node) => !isSum(node) && !node.inputs.some((x, k) => signals.has(x) && isAverage(node, k)))
      .flatMap((node) => node.inputs.filter((x) => !signals.has(x)));
    const seen = new Set<Tensor>();
    for (let x = pending.pop(); x !== undefined; x = pending.pop()) {
      if (seen.has(x)) continue;
      seen.add(x);
      if (this.parameters.has(x)) found.add(x);
      pending.push(...x.inputs);
    }
    return found;
  }
}

/** Whether an operand that is not shifted counts as zero in a node's change. */
export const isSum = ({ op }: Tensor): boolean => ["add", "sub", "concat"].includes(op.name);

/** Some subsets of a list, the largest first: all of a list of up to three entries. */
function subsets(list: readonly number[]): (readonly number[])[] {
  const without = list.map((_, i) => list.filter((_, j) => j !== i));
  return [list, ...without, ...(list.length > 2 ? list.map((x) => [x]) : []), []];
}
