import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { copyArray, isNdArray, item, type NdArray } from "../../src/array.js";
import type { Batch, BatchTensors } from "../../src/batch.js";
import type { Tensor } from "../../src/graph/tensor.js";
import type { TensorsOf } from "../../src/graph/trace.js";
import { createRng, type Rng } from "../../src/math/rng.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { rosenbrock } from "../../src/problems/rosenbrock.js";
import { jit } from "../../src/runtime/jit.js";
import { product } from "../../src/symmetry/product.js";
import type { VectorParams } from "../../src/symmetry/rotation/quadratic-rotation.js";
import { symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import { decrease } from "../../src/teleport/objective/decrease.js";
import { modelDecrease } from "../../src/teleport/objective/model-decrease.js";
import { gradNormSq, minimized, type Objective } from "../../src/teleport/objective/objective.js";
import { balance } from "../../src/teleport/search/balance.js";
import { bestAngle } from "../../src/teleport/search/best-angle.js";
import { discreteSearch } from "../../src/teleport/search/discrete.js";
import { gradientAscent } from "../../src/teleport/search/gradient-ascent.js";
import { ownMove } from "../../src/teleport/search/jump.js";
import { levelSet } from "../../src/teleport/search/level-set/level-set.js";
import { lineSearch } from "../../src/teleport/search/line-search.js";
import { nullSpace } from "../../src/teleport/search/null-space/null-space.js";
import { randomSearch } from "../../src/teleport/search/random.js";
import { scalingCorner } from "../../src/teleport/search/scaling-corner.js";
import type { SearchFactory } from "../../src/teleport/search/search.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import { flatten, unflatten } from "../../src/tree.js";

interface Subject<P> {
  readonly params: P;
  readonly batch: Batch;
  readonly loss: (params: TensorsOf<P>, batch: BatchTensors) => Tensor;
}

const sizes = [1e-300, 1e-9, 0.1, 3, 1e4, 1e150];
const pick = <T>(rng: Rng, list: readonly T[]): T => list[rng.int(list.length)];
const steps = (rng: Rng) => ({ steps: 1 + rng.int(4) });

const mlpKinds: Readonly<
  Record<string, (subject: Subject<MlpParams>, rng: Rng) => SearchFactory<MlpParams> | undefined>
> = {
  scaling: ({ loss, params, batch }, rng) => {
    const { scaling } = symmetriesOf(loss, params, batch);
    return scaling && gradientAscent(scaling, { ...steps(rng), bound: pick(rng, sizes), momentum: 0.9 });
  },
  "several starts": ({ loss, params, batch }, rng) => {
    const { scaling } = symmetriesOf(loss, params, batch);
    return scaling && gradientAscent(scaling, { ...steps(rng), bound: pick(rng, sizes), starts: 3 });
  },
  linear: ({ loss, params, batch }, rng) => {
    const { linear } = symmetriesOf(loss, params, batch);
    return linear && gradientAscent(linear, { ...steps(rng), bound: pick(rng, sizes) });
  },
  "eq. 8": ({ loss, params, batch }, rng) => {
    const { hidden } = symmetriesOf(loss, params, batch);
    return hidden && gradientAscent(hidden, { ...steps(rng), stepSize: pick(rng, sizes) });
  },
  "level set": (_, rng) => levelSet({ ...steps(rng), rho: pick(rng, sizes), project: rng.int(2) === 0 }),
  "null space": (_, rng) => nullSpace({ ...steps(rng), stepSize: pick(rng, sizes) }),
  "line search": ({ loss, params, batch }, rng) => {
    const { scaling } = symmetriesOf(loss, params, batch);
    return scaling && lineSearch(scaling, { ...steps(rng), bound: pick(rng, sizes) });
  },
  random: ({ loss, params, batch }, rng) => {
    const { scaling } = symmetriesOf(loss, params, batch);
    return scaling && randomSearch(scaling, { samples: 3, bound: pick(rng, sizes) });
  },
  corner: ({ loss, params, batch }) => {
    const { scaling } = symmetriesOf(loss, params, batch);
    return scaling && scalingCorner(scaling);
  },
  balance: ({ loss, params, batch }, rng) => {
    const { scaling, linear } = symmetriesOf(loss, params, batch);
    const groups = [scaling, linear].flatMap((group) => group ?? []);
    const by = pick(rng, ["norm", "gradient"] as const);
    return groups.length === 0 ? undefined : balance(product(groups), { by });
  },
  "balance of ranges": ({ loss, params, batch }, rng) => {
    const { scaling } = symmetriesOf(loss, params, batch);
    return scaling && balance(scaling, { by: "range", powersOfTwo: rng.int(2) === 0 });
  },
  permutations: ({ loss, params, batch }) => {
    const found = symmetriesOf(loss, params, batch).permutations;
    return found && discreteSearch(found, { tries: 3 });
  },
  "a move of one's own": (_, rng) => {
    const factor = pick(rng, [Number.NaN, Infinity, 0, 1, -1, 1e200]);
    return ownMove("spoiler", (params) => mapped(params, (v) => v * factor));
  },
};

const angle = (rng: Rng): SearchFactory<VectorParams> =>
  rng.int(2) === 0
    ? bestAngle(rosenbrock().symmetry())
    : gradientAscent(rosenbrock({ start: [1, 1] }).symmetry(), { ...steps(rng), bound: pick(rng, sizes) });

const mapped = <P>(tree: P, f: (v: number) => number): P => {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  return unflatten(
    def,
    leaves.map(({ shape, data }) => ({ shape, data: Float64Array.from(data as Float64Array, f) })),
  ) as P;
};

const leavesOf = (tree: unknown): NdArray[] => flatten<NdArray>(tree, isNdArray).leaves;

/** Numbers that no training would have, in one place or all over. */
const spoilers: readonly ((v: number, k: number) => number)[] = [
  (v) => v,
  (v) => v,
  () => 0,
  (v) => v * 1e150,
  (v) => v * 1e-200,
  (v, k) => (k === 0 ? Number.NaN : v),
  (v, k) => (k === 0 ? Infinity : v),
];

async function judge<P>(
  subject: Subject<P>,
  search: SearchFactory<P>,
  rng: Rng,
  label: string,
): Promise<boolean> {
  const { params, batch, loss } = subject;
  const objective = pick<Objective>(rng, [
    gradNormSq,
    minimized(gradNormSq),
    modelDecrease,
    decrease({ learningRate: pick(rng, [1e-3, 1e30]) }),
  ]);
  const before = leavesOf(params).map(copyArray);
  const guard = rng.int(4) === 0 ? false : { curvature: rng.int(2) * 3 };
  const teleporter = await createTeleporter({ search, loss, objective, params, batch, guard });
  const { params: after, report } = await teleporter.teleport(params, batch);
  await teleporter.dispose();
  expect(report.reason.length, label).toBeGreaterThan(5);
  expect(leavesOf(params), label).toEqual(before);
  if (!report.accepted) {
    expect(after, label).toBe(params);
    return false;
  }
  expect(
    leavesOf(after).every(({ data }) => (data as Float64Array).every(Number.isFinite)),
    label,
  ).toBe(true);
  expect(Number.isFinite(report.lossAfter), label).toBe(true);
  if (guard !== false) {
    const run = await jit(loss, [params, batch], { runtime: "javascript" });
    const lossAt = async (p: P) => item((await run(p as never, batch)) as unknown as NdArray);
    const [from, to] = [await lossAt(params), await lossAt(after)];
    // The last bits of the loss are computed by another executable.
    expect(Math.abs(to - from), label).toBeLessThanOrEqual((1e-6 + 1e-9) * Math.max(Math.abs(from), 1e-12));
  }
  return true;
}

describe("800 teleports by every search, with absurd settings", () => {
  it("never give parameters that are not finite, nor a loss beyond the guard's tolerance, and always say why", async () => {
    const accepted: Record<string, number> = {};
    const kinds = Object.keys(mlpKinds);
    for (let seed = 0; seed < 760; seed++) {
      const rng = createRng(seed).fork("searches");
      const kind = kinds[seed % kinds.length];
      const activation = { linear: "identity" as const, "eq. 8": "tanh" as const }[kind] ?? "leakyRelu";
      const problem = randomProblem(seed, {
        activations: [activation],
        ...(rng.int(2) === 0 ? { size: "narrow" as const } : {}),
      });
      const spoiler = pick(rng, spoilers);
      const subject = { ...problem, params: mapped(problem.params, (v) => v) };
      for (const { data } of leavesOf(subject.params)) {
        if (rng.int(3) === 0) data.set(Float64Array.from(data as Float64Array, spoiler) as never);
      }
      const search = mlpKinds[kind](subject, rng);
      if (search === undefined) continue;
      const isAccepted = await judge(subject, search, rng, `${kind} ${problem.label}`);
      accepted[kind] = (accepted[kind] ?? 0) + (isAccepted ? 1 : 0);
    }
    for (let seed = 0; seed < 40; seed++) {
      const rng = createRng(seed).fork("angles");
      const { loss, start, batch } = rosenbrock({
        start: [pick(rng, [1, -1, 1e9, 0]), pick(rng, [1, 0, -1e9])],
      });
      const subject = { params: start, loss, batch };
      const isAccepted = await judge(subject, angle(rng), rng, `angle ${seed}`);
      accepted.angle = (accepted.angle ?? 0) + (isAccepted ? 1 : 0);
    }
    // Absurd, but not hopeless: nearly every search is taken at times. Permutations change no gradient norm.
    const never = Object.keys(accepted).filter((kind) => accepted[kind] === 0);
    expect(never.filter((kind) => kind !== "permutations")).toEqual([]);
  });
});
