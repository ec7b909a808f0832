// Elements of the groups that keep a model's outputs, group by group.
import { compileJavaScript, type NdArray, type Symmetries, spec, trace, zeros } from "isoloss";
import { groupsOf } from "isoloss/internal";
import { type Mt19937, torchGenerator, torchRandn } from "isoloss/nn";
import { expm } from "isoloss/ops";
import {
  type GroupGenerator,
  generalLinear,
  isRefusal,
  orthogonal,
  permutations,
  type Symmetry,
  scaling,
  signFlips,
} from "isoloss/symmetry";

export type Params = Readonly<Record<string, NdArray>>;

/** What can be done to the units of a group. */
export type Act =
  /** Goes to `t` along the group's direction, from where t is 0. */
  | { readonly kind: "slide"; readonly t: number }
  /** Another order of units, or other signs of them. */
  | { readonly kind: "shuffle"; readonly seed: number }
  | { readonly kind: "reverse" | "flipAll" }
  | { readonly kind: "swap"; readonly units: readonly [number, number] }
  | { readonly kind: "flip"; readonly unit: number };

/** A group that can be acted with. */
export interface MovableGroup {
  /** The kind of its elements: those along a direction, orders of units, signs; or why there is no move by hand. */
  readonly moves: "slide" | "order" | "sign" | "none";
  act(params: Params, act: Act, seed: number): Promise<Params>;
}

/** The groups in the order of `describeDiscovery`. */
export function movableGroups(symmetries: Symmetries<Params>, example: Params): readonly MovableGroup[] {
  return groupsOf(symmetries.found).map((generator, index) => movable(generator, index, symmetries, example));
}

function movable(
  generator: GroupGenerator,
  index: number,
  { shifts, found }: Symmetries<Params>,
  example: Params,
): MovableGroup {
  switch (generator.kind) {
    case "scaling":
      return along(scaling<Params>([generator]), index);
    case "linear":
      return along(generalLinear<Params>([generator]), index);
    case "orthogonal":
      return along(orthogonal<Params>([generator]), index);
    case "shift":
      return along(shifts as Symmetry<Params>, index, found.shifts.indexOf(generator));
    case "bijection":
      // Eq. 8 keeps one batch of data, not the function.
      return { moves: "none", act: async (params) => params };
    case "permutation": {
      const symmetry = permutations(example, [generator]);
      const act = async (params: Params, by: Act) => symmetry.act(params, [orderOf(by, generator.size)]);
      return { moves: "order", act };
    }
    case "sign": {
      const symmetry = signFlips(example, [generator]);
      const act = async (params: Params, by: Act) => symmetry.act(params, [signsOf(by, generator.size)]);
      return { moves: "sign", act };
    }
  }
}

/** A continuous group along a direction that the seed decides. */
function along(symmetry: Symmetry<Params>, index: number, block = 0): MovableGroup {
  return {
    moves: "slide",
    async act(params, by, seed) {
      if (by.kind !== "slide" || by.t === 0) return params;
      const T = elementOf(symmetry, by.t, torchGenerator(1000 * seed + index));
      const only = T.map((own, k) => (k === block ? own : zeros(own.shape, "float64")));
      return acted(symmetry, params, only);
    },
  };
}

/** A random element of every group that is exact, a kind after another. */
export async function randomMove(
  {
    scaling: scalings,
    linear,
    orthogonal: turns,
    shifts,
    permutations: orders,
    signFlips: signs,
  }: Symmetries<Params>,
  params: Params,
  seed: number,
): Promise<Params> {
  const rng = torchGenerator(seed);
  let moved = params;
  for (const symmetry of [scalings, linear, turns, shifts]) {
    if (symmetry !== undefined) moved = await acted(symmetry, moved, elementOf(symmetry, 1, rng));
  }
  const sizes = (symmetry: { readonly generators?: readonly { readonly size: number }[] | undefined }) =>
    (symmetry.generators ?? []).map(({ size }, k) => [{ kind: "shuffle", seed: seed + k }, size] as const);
  if (orders)
    moved = orders.act(
      moved,
      sizes(orders).map(([act, size]) => orderOf(act, size)),
    );
  if (signs)
    moved = signs.act(
      moved,
      sizes(signs).map(([act, size]) => signsOf(act, size)),
    );
  return moved;
}

async function acted(symmetry: Symmetry<Params>, params: Params, T: readonly NdArray[]): Promise<Params> {
  const moved = await symmetry.act(params, T, {});
  if (isRefusal(moved)) throw new Error(`The move was refused: ${moved.refused}.`);
  return Object.fromEntries(
    Object.entries(moved).map(([name, array]) => [name, isSame(array, params[name]) ? params[name] : array]),
  );
}

/** T of a random element: t X with X of standard normal numbers. */
const elementOf = ({ algebra, bound }: Symmetry<Params>, t: number, rng: Mt19937): readonly NdArray[] =>
  algebra.map((shape) => elementAt(t, shape, bound.kind === "norm" && shape.length === 3, rng));

const isSame = (a: NdArray, b: NdArray): boolean =>
  a === b || (a.data as Float32Array).every((x, i) => x === b.data[i]);

/** t X with X of standard normal numbers; of matrices g - 1 for g = exp(t X), where X has norms near 1. */
function elementAt(t: number, shape: readonly number[], areMatrices: boolean, rng: Mt19937): NdArray {
  const normals = Float64Array.from(torchRandn(rng, shape, { dtype: "float64" }).data as Float64Array);
  if (!areMatrices) return { shape, data: normals.map((x) => t * x) };
  const [copies, n] = shape;
  const data = new Float64Array(normals.length);
  for (let c = 0; c < copies; c++) {
    const X = normals.subarray(c * n * n, (c + 1) * n * n).map((x) => (t * x) / (2 * Math.sqrt(n)));
    const g = matrixExponential(X, n);
    for (let i = 0; i < n; i++) g[i * n + i] -= 1;
    data.set(g, c * n * n);
  }
  return { shape, data };
}

function orderOf(act: Act, size: number): readonly number[] {
  const units = Array.from({ length: size }, (_, i) => i);
  if (act.kind === "reverse") return units.reverse();
  if (act.kind === "swap") {
    const [a, b] = act.units;
    return units.map((i) => (i === a ? b : i === b ? a : i));
  }
  if (act.kind !== "shuffle") return units;
  const keys = torchRandn(torchGenerator(act.seed), [size], { dtype: "float64" }).data as Float64Array;
  return units.sort((i, k) => keys[i] - keys[k]);
}

function signsOf(act: Act, size: number): readonly number[] {
  const ones = new Array<number>(size).fill(1);
  if (act.kind === "flipAll") return ones.map(() => -1);
  if (act.kind === "flip") return ones.map((one, i) => (i === act.unit ? -one : one));
  if (act.kind !== "shuffle") return ones;
  const keys = torchRandn(torchGenerator(act.seed), [size], { dtype: "float64" }).data as Float64Array;
  return ones.map((_, i) => (keys[i] < 0 ? -1 : 1));
}

/** Of the size that was wanted last. */
let exponential: { readonly n: number; readonly run: ReturnType<typeof compileJavaScript> } | undefined;

/** The exponential of an n x n matrix, row by row. */
export function matrixExponential(A: Float64Array, n: number): Float64Array {
  if (exponential?.n !== n) {
    const { graph } = trace(({ a }) => expm(a), { a: spec([n, n], "float64") });
    exponential = { n, run: compileJavaScript(graph) };
  }
  const [result] = Object.values(exponential.run.runSync({ a: { shape: [n, n], data: A } }));
  return result.data as Float64Array;
}
