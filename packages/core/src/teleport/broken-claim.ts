import { astype, dtypeOf, isNdArray, item, type NdArray, sizeOf } from "../array.js";
import type { Batch, BatchLoss, BatchSpec } from "../batch.js";
import type { Graph } from "../graph/graph.js";
import { isFloat } from "../graph/tensor.js";
import { type SpecLeaf, trace } from "../graph/trace.js";
import { createRng, type Rng } from "../math/rng.js";
import { compile } from "../runtime/compile.js";
import { isRefusal } from "../symmetry/symmetry.js";
import { flatten, mapValues, namedArrays, unflatten } from "../tree.js";
import type { BrokenClaim, ClaimProblem } from "./analyzed-claim.js";
import { relativeDrift } from "./guard.js";
import type { Search } from "./search/search.js";
import type { Claim } from "./search/trust-region.js";

/** Largest relative change of a loss that is said to be kept, or to be kept up to the constant of a normalization. */
const tolerances = { everywhere: 1e-6, batch: 1e-6, nearly: 1e-2 };
/** Tolerance for moves that return float32, whatever their input. */
const tolerance32 = 1e-4;
/** Maximum number of examples to try: a move that changes the loss does so on a few examples, too. */
const examples = 8;

/**
 * Checks the claim of a search that its moves keep the loss.
 *
 * Where generators describe the moves and the analysis of the loss's graph finds them, nothing is computed.
 * Otherwise the loss is computed in float64 on the JavaScript runtime before and after a random move: on the
 * batch and, if the claim covers all data, also on random inputs drawn from the batch's values. That takes an
 * eighth of the batch, between two and eight examples, so it costs less than a teleport with its
 * Hessian-vector products on the whole batch: on a network 784-512-512-10 and 1024 images 0.16 s of processor
 * time against 0.92 s, with 128 images 0.11 s against 0.11 s. The analysis of the graph alone takes 7 ms
 * there. A claim about the batch only is tried on the whole batch. A move that is refused, such as one on too
 * large a batch, proves nothing.
 *
 * @param problem `params` and `batch`: their values are used where they are arrays; zeros become small random numbers
 * @returns undefined if the loss does not change
 */
export async function brokenClaim<P>(
  { exact, claim }: Pick<Search<P>, "exact" | "claim">,
  problem: ClaimProblem<P>,
): Promise<BrokenClaim | undefined> {
  if (claim === undefined || exact === "no") return undefined;
  const isShown = claim.generators && (await analysis()).isShown(claim.generators, problem);
  if (isShown) return undefined;
  const change = await changeBy(claim, exact, problem);
  return change === undefined ? undefined : (await analysis()).explained(claim, problem, change);
}

/** The analysis of the loss's graph, loaded when it is used: it is a fifth of what a small page needs. */
const analysis = () => import("./analyzed-claim.js");

/** Describes the change of the loss by a random move; undefined if it is within the tolerance. */
async function changeBy<P>(
  claim: Claim<P>,
  exact: keyof typeof tolerances,
  { loss, params, batch }: ClaimProblem<P>,
): Promise<string | undefined> {
  const rng = createRng(0).fork("claim");
  const { graph, batch: small } =
    exact === "batch" ? traced(loss, params, batch) : fewer(loss, params, batch);
  const start = doubled(params, rng);
  const isGiven = Object.values(small).every(isNdArray);
  const batches = [
    ...(isGiven ? [doubledBatch(small as Batch)] : []),
    ...(isGiven && exact === "batch" ? [] : [randomBatch(small, rng)]),
  ];
  const executable = await compile(graph, { runtime: "javascript", dtype: "float64" });
  const lossAt = async (p: P, b: Batch) =>
    item((await executable.run(namedArrays({ params: p, batch: b }))).result);
  try {
    for (const at of batches) {
      const before = await lossAt(start, at);
      const moved = Number.isFinite(before) ? await movedBy(claim, start, at, rng) : undefined;
      if (moved === undefined) continue;
      const after = await lossAt(moved, at);
      const change = changeOf(before, after);
      const allowed = isDouble(moved) ? tolerances[exact] : Math.max(tolerances[exact], tolerance32);
      if (change <= allowed) continue;
      return (
        `a random element changed it by ${change.toExponential(1)} of its size, ` +
        `from ${before.toPrecision(6)} to ${after.toPrecision(6)}`
      );
    }
    return undefined;
  } finally {
    await executable.dispose();
  }
}

const changeOf = (before: number, after: number): number =>
  Number.isFinite(after) ? relativeDrift(before, after) : Infinity;

/** A random move, or a smaller one if it is refused; undefined if all are refused. */
async function movedBy<P>(claim: Claim<P>, start: P, batch: Batch, rng: Rng): Promise<P | undefined> {
  for (const scale of [1, 0.1, 0.01]) {
    const moved = await claim.move(start, batch, rng, scale);
    if (!isRefusal(moved)) return moved;
  }
  return undefined;
}

interface Sample {
  readonly graph: Graph;
  readonly batch: BatchSpec;
}

const traced = <P>(loss: BatchLoss<P>, params: P, batch: BatchSpec): Sample => ({
  graph: trace(({ params: p, batch: b }) => loss(p, b), { params, batch }).graph,
  batch,
});

/** The loss on some of a batch's examples, or on all of them if it cannot be traced on fewer. */
function fewer<P>(loss: BatchLoss<P>, params: P, batch: BatchSpec): Sample {
  const total = Object.values(batch).find(({ shape }) => shape.length > 0)?.shape[0] ?? 1;
  const count = Math.min(examples, Math.max(2, Math.ceil(total / 8)));
  if (count >= total) return traced(loss, params, batch);
  const cut = (leaf: SpecLeaf, name: string): SpecLeaf => {
    const { shape } = leaf;
    // An array from a tree, such as a model's state, is not data, even if it has as many rows by chance.
    if (shape[0] !== total || name.includes(".")) return leaf;
    const rows = [count, ...shape.slice(1)];
    return isNdArray(leaf)
      ? { shape: rows, data: leaf.data.slice(0, sizeOf(rows)) as Float64Array }
      : { ...leaf, shape: rows };
  };
  try {
    return traced(loss, params, mapValues(batch, cut));
  } catch {
    return traced(loss, params, batch);
  }
}

/** Parameters in float64. Zeros, which scaling does not change, become small random numbers. */
function doubled<P>(params: P, rng: Rng): P {
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  return unflatten(
    def,
    leaves.map((leaf): NdArray => {
      const { shape, data } = leaf;
      if (!isFloat(dtypeOf(leaf)) || (data as Float64Array).some((v) => v !== 0)) return inDouble(leaf);
      return { shape, data: Float64Array.from(data as Float64Array, () => 0.1 * rng.normal()) };
    }),
  ) as P;
}

const inDouble = (array: NdArray): NdArray => (isFloat(dtypeOf(array)) ? astype(array, "float64") : array);

const doubledBatch = (batch: Batch): Batch => mapValues(batch, inDouble);

/**
 * Random inputs of a batch's shapes: floats drawn from its own values, so that they are in the valid range,
 * or normal ones where the values are unknown or all the same. Integers, and arrays from a tree, keep their
 * values, or are zero.
 */
function randomBatch(batch: BatchSpec, rng: Rng): Batch {
  return mapValues(batch, (leaf, name): NdArray => {
    const { shape } = leaf;
    const length = sizeOf(shape);
    const values = isNdArray(leaf) ? inDouble(leaf) : undefined;
    if (values && (name.includes(".") || !(values.data instanceof Float64Array))) return values;
    if (!isNdArray(leaf) && !isFloat(leaf.dtype)) {
      return astype({ shape, data: new Float64Array(length) }, leaf.dtype);
    }
    const known = values?.data as Float64Array | undefined;
    const isVaried = known?.some((v) => v !== known[0]);
    const data = Float64Array.from({ length }, () =>
      known && isVaried ? known[rng.int(length)] : rng.normal(),
    );
    return { shape, data };
  });
}

const isDouble = (params: unknown): boolean =>
  flatten<NdArray>(params, isNdArray).leaves.every((leaf) => dtypeOf(leaf) !== "float32");
