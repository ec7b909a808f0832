import { sizeOf } from "../../array.js";
import { type Graph, nodesOf } from "../../graph/graph.js";
import type { Tensor } from "../../graph/tensor.js";
import { matchActivation } from "./activations.js";
import {
  type Discovery,
  type GroupGenerator,
  groupsOf,
  type OrthogonalSpace,
  type ParameterAxis,
} from "./descriptors.js";

/**
 * The first generator that the analysis of a loss's graph does not find, or undefined where it finds all of
 * them. A generator that is found is valid; one that is not may still be, as the analysis does not find
 * everything.
 */
export function firstUnshown(
  generators: readonly GroupGenerator[],
  found: Discovery,
): GroupGenerator | undefined {
  const shown = new Set(groupsOf(found).flatMap(keysOf));
  return generators.find((generator) => !shown.has(keysOf(generator)[0]));
}

/** Keys that are equal for generators of the same group; an exact scaling also has the key of an inexact one. */
function keysOf(generator: GroupGenerator): readonly string[] {
  if (generator.kind === "bijection") {
    const { activation, attributes, size, weight, bias, next } = generator;
    const places = [weight, next].map(({ path, out }) => [path, out]);
    return [JSON.stringify([activation, attributes.slope, size, ...places, bias])];
  }
  if (generator.kind === "shift") {
    const { size, path, part, along, absorbing } = generator;
    return [JSON.stringify(["shift", size, path, part, along, absorbing])];
  }
  const { kind, size, axes } = generator;
  const rated = (
    axes as readonly (ParameterAxis & {
      readonly power?: number | undefined;
      readonly variance?: number | undefined;
    })[]
  )
    .map((parameterAxis) => ({
      place: placeOf(parameterAxis, size),
      rate: parameterAxis.power ?? parameterAxis.variance ?? 1,
    }))
    .sort((a, b) => (a.place < b.place ? -1 : 1));
  // A scaling by T and one by -T or 2 T are the same group, and so are g and its inverse transpose.
  const parts = rated.map(({ place, rate }) => `${place} * ${rate / rated[0].rate}`);
  const copies = "copies" in generator ? generator.copies : 1;
  const keeps = "keeps" in generator ? generator.keeps : undefined;
  const key = [kind, size, copies, keeps, ...parts].join("; ");
  if (generator.kind !== "scaling") return [key];
  return generator.exact ? [`exact ${key}`, `near ${key}`] : [`near ${key}`];
}

/**
 * Which elements of a parameter have which index along a parameter axis, and behind which gains; views that differ only in other
 * axes give the same text.
 */
function placeOf(
  parameterAxis: ParameterAxis & Pick<OrthogonalSpace["axes"][number], "gains">,
  size: number,
): string {
  const { path, part, view, axis, copyAxes, gains = [] } = parameterAxis;
  const around = [sizeOf(view.slice(0, axis)), view[axis], sizeOf(view.slice(axis + 1))];
  return JSON.stringify([
    path,
    part,
    size === 1 ? [] : copyAxes === undefined ? around : [view, axis, copyAxes],
    gains.map((gain) => [gain.path, gain.power]).sort(),
  ]);
}

/** Operations that are not homogeneous. */
const nonlinear: ReadonlySet<string> = new Set([
  ...["relu6", "tanh", "asinh", "sinh", "cosh", "sigmoid", "softplus", "erf", "exp", "log", "sin", "cos"],
]);

/** The name of the activation that consists of such an operation. */
const activationOf = ({ op: { name } }: Tensor): string | undefined =>
  nonlinear.has(name) ? (name === "erf" ? "gelu" : name) : undefined;

/**
 * The name of the first activation after a weight or bias that is not homogeneous, if there is one before the
 * next product with a weight.
 */
export function activationBehind(graph: Graph, path: string): string | undefined {
  const start = graph.inputs.find(({ name }) => name === path)?.tensor;
  if (start === undefined) return undefined;
  /** Number of products between the parameter and a node. */
  const products = new Map<Tensor, number>([[start, 0]]);
  const nodes = nodesOf(graph);
  const composed = composedNames(nodes);
  for (const node of nodes) {
    const counts = node.inputs.flatMap((x) => products.get(x) ?? []);
    if (counts.length === 0) continue;
    const name = composed.get(node) ?? activationOf(node);
    if (name !== undefined && name !== "leakyRelu") return name;
    const count = Math.min(...counts) + (isProduct(node) ? 1 : 0);
    if (count < 2) products.set(node, count);
  }
  return undefined;
}

const isProduct = ({ op }: Tensor): boolean => op.name === "matmul" || op.name.startsWith("conv");

/** Names of activations that consist of several operations, by their nodes. */
function composedNames(nodes: readonly Tensor[]): ReadonlyMap<Tensor, string> {
  const names = new Map<Tensor, string>();
  for (const node of nodes) {
    const matched = matchActivation(node);
    for (const part of matched?.nodes ?? []) names.set(part, matched?.name as string);
    const gate = node.op.name === "mul" && node.inputs.find(({ op }) => op.name === "sigmoid");
    if (gate && node.inputs.includes(gate.inputs[0])) names.set(gate, "silu");
  }
  return names;
}
