import { dtypeOf, isNdArray, type NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { createRng } from "../../math/rng.js";
import { type Lazy, lazy } from "../../runtime/lazy.js";
import { Resources } from "../../runtime/resources.js";
import { flatten, namedArrays } from "../../tree.js";
import type { RunSetup } from "../train/step-hook.js";
import { createAdapter } from "./adapter/adapter.js";
import { compileInnerLoop } from "./adapter/inner-loop.js";
import { type ConflictMeter, compileConflict, compileLosses, type LossMeter } from "./meters.js";
import { type MoveProblem, type Mover, squareOf } from "./move.js";
import { searchMove } from "./search-move.js";
import type { ResolvedCost } from "./settings.js";
import { type Parts, sharedLosses } from "./shared-losses.js";

/** The compiled parts of teleports on batches of one shape. */
export interface CostMachine {
  readonly mover: Mover;
  readonly conflict: ConflictMeter;
  readonly losses: LossMeter;
  dispose(): Promise<void>;
}

/** Machines by run and by the shapes of its batch. */
export function costMachines<P, S>(settings: ResolvedCost<S>) {
  const machines = new Map<RunSetup<P>, Lazy<CostMachine>>();
  return {
    for(setup: RunSetup<P>, parts: Parts, batch: Batch): Promise<CostMachine> {
      const key = JSON.stringify(Object.entries(namedArrays({ batch })).map(([name, a]) => [name, a.shape]));
      const own = machines.get(setup) ?? lazy<CostMachine>();
      machines.set(setup, own);
      return own.get(key, () => build(settings, setup, parts, batch));
    },
    async dispose(): Promise<void> {
      for (const own of machines.values()) await own.dispose();
      machines.clear();
    },
  };
}

async function build<P, S>(
  settings: ResolvedCost<S>,
  setup: RunSetup<P>,
  parts: Parts,
  batch: Batch,
): Promise<CostMachine> {
  const { move, adapter, improve, preserve, innerOptimizer: optimizer, trust } = settings;
  const { dtype, compileOptions, tasks, isFrozen } = setup;
  const losses = sharedLosses(setup);
  const { paths } = flatten<NdArray>({ shared: parts.shared }, isNdArray);
  const trained = [...paths.keys()].filter((leaf) => !isFrozen?.(paths[leaf]));
  const problem = {
    losses,
    tasks: tasks.length,
    parts,
    batch,
    trained,
    adapter,
    improve,
    weight: preserve.weight,
    reference: preserve.reference,
    optimizer,
    trust,
    dtype,
    compileOptions,
  };
  const made = { adapter: adapterMove, random: randomMove };
  const resources = new Resources();
  return resources.releasedOnError(async () => ({
    mover: resources.keep(await (typeof move === "string" ? made[move](problem) : searchMove(move, problem))),
    conflict: resources.keep(await compileConflict(losses, parts, batch, compileOptions, trained)),
    losses: resources.keep(await compileLosses(losses, parts, batch, compileOptions)),
    dispose: () => resources.release(),
  }));
}

/** A mover that trains an adapter. */
async function adapterMove(problem: MoveProblem): Promise<Mover> {
  const adapter = createAdapter(problem.parts.shared, problem.adapter, problem.trained);
  const loop = await compileInnerLoop({ ...problem, adapter });
  return {
    async propose(start) {
      const { displacement, first, last } = await loop.run(start);
      const { shared } = start.parts;
      return {
        name: "adapter",
        divisible: true,
        at: (fraction) => adapter.mergeArrays(shared, displacement, fraction),
        ...(first && last ? { first, last } : {}),
      };
    },
    dispose: loop.dispose,
  };
}

/**
 * A mover for the control experiment: at every site of the adapter a displacement in a random direction, with
 * the maximum length that the trust region allows.
 *
 * @throws OptionError without a trust region
 */
async function randomMove(problem: MoveProblem): Promise<Mover> {
  const { trust } = problem;
  const adapter = createAdapter(problem.parts.shared, problem.adapter, problem.trained);
  if (trust === false) {
    throw new OptionError(
      "COST: a random move has the trust region's length; give one, such as relative 0.1.",
    );
  }
  return {
    async propose({ parts: { shared }, seed }) {
      const { leaves } = flatten<NdArray>(shared, isNdArray);
      const rng = createRng(seed).fork("random move");
      const displacement = adapter.sites.map(({ leaf, shape }): NdArray => {
        const numbers = Float64Array.from({ length: leaves[leaf].data.length }, () => rng.normal());
        const size = Math.sqrt(squareOf(leaves[leaf].data as Float64Array));
        const radius = trust.kind === "relative" ? trust.value * size : trust.value;
        const factor = radius / Math.sqrt(squareOf(numbers));
        const data = numbers.map((v) => factor * v);
        return { shape, data: dtypeOf(leaves[leaf]) === "float64" ? data : Float32Array.from(data) };
      });
      return {
        name: "random",
        divisible: true,
        at: (fraction) => adapter.mergeArrays(shared, displacement, fraction),
      };
    },
    dispose: async () => {},
  };
}
