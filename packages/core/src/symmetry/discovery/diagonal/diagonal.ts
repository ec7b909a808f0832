// Diagonal symmetries by linear algebra: each parameter is multiplied along each of its axes by an unknown vector of
// factors. Their logarithms (or signs) add up through products and must agree in sums.
import { constantValue } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { Response } from "../graph/rules.js";
import type { Flow, Layout } from "../layout.js";
import { combine, Equations, type Form } from "./elimination.js";
import type { Field } from "./field.js";

/** The logarithm of a tensor's factor: a number, and for each slot a vector along it that is zero at its first index. */
interface Factor<T> {
  readonly scalar: Form<T>;
  readonly parts: readonly Form<T>[];
}

/** The equations that the parameters' factors satisfy. */
export interface DiagonalSystem<T> {
  /** Equations in one number per parameter, numbered as in the layout. */
  readonly scalars: Equations<T>;
  /** Equations in one vector per slot of each parameter, numbered as `parameterSlots` lists them. */
  readonly vectors: Equations<T>;
  /** What must vanish as well for a symmetry to be exact. */
  readonly soft: readonly Factor<T>[];
}

const none: Form<never> = new Map<number, never>();

/**
 * Collects the equations that the factors of the parameters must satisfy so that the outputs do not change.
 *
 * A factor f(i, j, ...) that is a product over the axes is kept as f = s u(i) v(j) ... with u = v = ... = 1 at their first
 * index. Then two factors are equal exactly if s, u, v, ... are, and the numbers s can be solved for separately.
 *
 * @param respond how a node's factor follows from those of its inputs
 * @param isSoft whether the summands' factors may agree only approximately: then the first summand that is
 *   not constant counts
 */
export function diagonalSystem<T>(
  layout: Layout,
  field: Field<T>,
  respond: (node: Tensor) => Response,
  isSoft: (node: Tensor) => boolean = () => false,
): DiagonalSystem<T> {
  const scalars = new Equations(field);
  const vectors = new Equations(field);
  const soft: Factor<T>[] = [];
  const factors = new Map<Tensor, Factor<T>>();
  let next = 0;
  layout.parameters.forEach(({ tensor }, k) => {
    const parts = layout.slotsOf(tensor).map((): Form<T> => new Map([[next++, field.one]]));
    factors.set(tensor, { scalar: new Map([[k, field.one]]), parts });
  });
  const unit = (x: Tensor): Factor<T> => ({ scalar: none, parts: layout.slotsOf(x).map(() => none) });
  const factorOf = (x: Tensor): Factor<T> => factors.get(x) ?? unit(x);
  const minus = field.negate(field.one);
  const requireEqual = (a: Factor<T>, b: Factor<T>) => {
    scalars.add(combine(field, a.scalar, b.scalar, minus));
    for (const [i, part] of a.parts.entries()) vectors.add(combine(field, part, b.parts[i], minus));
  };

  /** The factor of input k along the slots of the result; along other slots it must be one. */
  const lifted = (node: Tensor, flow: Flow, k: number, contracted: ReadonlySet<number>): Factor<T> => {
    const { scalar, parts } = factorOf(node.inputs[k]);
    const seen: Form<T>[] = layout.slotsOf(node).map(() => none);
    parts.forEach((part, slot) => {
      const to = flow.to[k][slot];
      if (to !== undefined) seen[to] = combine(field, seen[to], part);
      else if (!contracted.has(slot)) vectors.add(part);
    });
    return { scalar, parts: seen };
  };

  const through = (node: Tensor): Factor<T> => {
    const flow = layout.flowOf(node);
    const response = respond(node);
    const contracted = node.inputs.map(() => new Set<number>());
    for (const [[k, i], [l, j]] of flow.contracted) {
      contracted[k].add(i);
      contracted[l].add(j);
      vectors.add(combine(field, factorOf(node.inputs[k]).parts[i], factorOf(node.inputs[l]).parts[j]));
    }
    const inputs = node.inputs.map((x, k) =>
      layout.isZero(x) ? undefined : lifted(node, flow, k, contracted[k]),
    );
    const one = unit(node);
    const times = (a: Factor<T>, b: Factor<T>, power: number): Factor<T> => {
      const p = field.of(power);
      return {
        scalar: scalars.reduce(combine(field, a.scalar, b.scalar, p)),
        parts: a.parts.map((part, i) => vectors.reduce(combine(field, part, b.parts[i], p))),
      };
    };
    if (response.kind === "product") {
      return inputs.reduce<Factor<T>>((result, factor, k) => {
        const power = response.powers[k];
        if (power !== undefined) return factor ? times(result, factor, power) : result;
        if (factor) requireEqual(factor, one);
        return result;
      }, one);
    }
    const members = response.members.flatMap((k) => inputs[k] ?? []);
    inputs.forEach((factor, k) => {
      if (factor && !response.members.includes(k)) requireEqual(factor, one);
    });
    if (members.length === 0) return one;
    if (isSoft(node)) {
      const varying = members.find((_, k) => constantValue(node.inputs[k]) === undefined) ?? members[0];
      soft.push(varying);
      return times(one, varying, response.power);
    }
    for (const other of members.slice(1)) requireEqual(members[0], other);
    return times(one, members[0], response.power);
  };

  for (const node of layout.nodes) {
    if (node.inputs.length > 0 && !layout.isZero(node)) factors.set(node, through(node));
  }
  for (const { tensor } of layout.graph.outputs) requireEqual(factorOf(tensor), unit(tensor));
  return { scalars, vectors, soft };
}
