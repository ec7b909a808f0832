// How the factor of an operation's result follows from those of its inputs, on the original graph.
import { constantValue } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import { isGuarded } from "../diagonal/scalings.js";
import { type InputAxes, type Links, reshapeGroups } from "../graph/links.js";
import { namedUnpooling } from "../graph/prepare.js";
import { ruleOf } from "../graph/rules.js";
import { isZeroConstant } from "../layout.js";
import {
  added,
  agreed,
  axesOf,
  type Factor,
  joined,
  positions,
  raised,
  renamed,
  strides,
  unkept,
  without,
} from "./factors.js";

export type FactorOf = (x: Tensor) => Factor;

/** The factor of a node's result under scalings that are symmetries. */
export function through(original: Tensor, factorOf: FactorOf): Factor {
  const node = namedUnpooling(original);
  if (node.op.name === "concat") return throughConcat(node, factorOf);
  if (node.op.name === "slice") return throughSlice(node, factorOf);
  const response = ruleOf(node).scale(node);
  if (response.kind === "product") {
    const powers = node.inputs.map((_, k) => response.powers[k]);
    return combined(node, powers, factorOf);
  }
  const { members, power } = response;
  const only = (chosen: number) =>
    combined(
      node,
      node.inputs.map((_, k) => (k === chosen ? power : 0)),
      factorOf,
    );
  // Zeros may be multiplied by anything; a constant that guards a root is small beside what it is added to.
  const counted = members.filter((k) => !isZeroConstant(node.inputs[k]) && !isGuard(node, k));
  const factors = counted.map(only);
  return factors.slice(1).reduce((all, other) => agreed(all, other, node.shape), factors[0] ?? []);
}

const isGuard = (node: Tensor, k: number): boolean =>
  isGuarded(node) && constantValue(node.inputs[k]) !== undefined;

/**
 * The product of the inputs' factors to given powers, along the node's links. Inputs without a power change only where
 * nothing reads the result.
 */
function combined(node: Tensor, powers: readonly (number | undefined)[], factorOf: FactorOf): Factor {
  const { views, ...links } = ruleOf(node).links(node);
  const inputShapes = node.inputs.map((x, k) => views?.inputs[k] ?? x.shape);
  const result = views?.result ?? node.shape;
  const { targets, sizes } = targetsOf(links, inputShapes, result);
  const terms: Factor[] = [];
  for (const [k, x] of node.inputs.entries()) {
    const power = powers[k];
    if (power === 0) continue;
    const seen = renamed(factorOf(x), views ? reshapeGroups(x.shape, inputShapes[k]) : [], x.shape);
    const own = power === undefined ? unkept(seen, inputShapes[k]) : raised(seen, power);
    terms.push(renamed(own, targets[k], inputShapes[k]));
  }
  const total = added(terms.flat(), sizes);
  const inner = new Set(axesOf(total).filter((axis) => axis >= result.length));
  const outer = without(total, inner, sizes);
  return renamed(outer, views ? reshapeGroups(result, node.shape) : [], result);
}

/** For each input, what its axes become: axes of the result, or further ones, on which the result does not depend. */
function targetsOf(
  { aligned = [], contracted = [] }: Links,
  inputs: readonly (readonly number[])[],
  result: readonly number[],
) {
  const sizes = new Map(result.map((n, d): [number, number] => [d, n]));
  const targets = inputs.map((): { axes: readonly number[]; to: readonly number[] }[] => []);
  const loose = inputs.map((shape) => new Set(shape.keys()));
  const name = ({ input, axes }: InputAxes, to: readonly number[]) => {
    targets[input].push({ axes, to });
    for (const d of axes) loose[input].delete(d);
  };
  const further = (size: number): number => {
    const axis = result.length + sizes.size;
    sizes.set(axis, size);
    return axis;
  };
  for (const link of aligned) name(link, link.to);
  for (const [a, b] of contracted) {
    const to = a.axes.map((d) => further(inputs[a.input][d]));
    name(a, to);
    name(b, to);
  }
  loose.forEach((axes, input) => {
    for (const d of axes) name({ input, axes: [d] }, [further(inputs[input][d])]);
  });
  return { targets, sizes };
}

function throughSlice(node: Tensor, factorOf: FactorOf): Factor {
  const [x] = node.inputs;
  const { starts, steps } = node.attrs as { starts: readonly number[]; steps: readonly number[] };
  return factorOf(x).map(({ axes, forms }) => {
    const stride = strides(axes, x.shape);
    const origin = axes.reduce((at, axis) => at + starts[axis] * stride(axis), 0);
    const places = positions(axes, node.shape, (axis) => steps[axis] * stride(axis));
    return { axes, forms: places.map((at) => forms[origin + at]) };
  });
}

function throughConcat(node: Tensor, factorOf: FactorOf): Factor {
  const axis = node.attrs.axis as number;
  const factors = node.inputs.map(factorOf);
  if (factors.every((f) => f.length === 0)) return [];
  const axes = [axis, ...axesOf(factors.flat()).filter((d) => d !== axis)];
  // With the joined axis first, the pieces' forms follow each other.
  const pieces = factors.map((f, k) => joined(f, axes, node.inputs[k].shape));
  return [{ axes, forms: pieces.flatMap(({ forms }) => forms) }];
}
