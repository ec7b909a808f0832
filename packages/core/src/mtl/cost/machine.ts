import { isNdArray, type NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { namedArrays } from "../../named-arrays.js";
import { flatten } from "../../tree.js";
import type { RunSetup } from "../train/step-hook.js";
import { adapterMove, randomMove } from "./adapter/adapter-move.js";
import { type ConflictMeter, compileConflict } from "./conflict-meter.js";
import { compileLosses, type LossMeter } from "./drift-guard.js";
import type { Mover } from "./move.js";
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
export interface CostMachines<P> {
  for(setup: RunSetup<P>, parts: Parts, batch: Batch): Promise<CostMachine>;
  dispose(): Promise<void>;
}

export function costMachines<P, S>(settings: ResolvedCost<S>): CostMachines<P> {
  const machines = new Map<RunSetup<P>, Map<string, CostMachine>>();
  return {
    async for(setup, parts, batch) {
      const key = JSON.stringify(Object.entries(namedArrays({ batch })).map(([name, a]) => [name, a.shape]));
      const own = machines.get(setup) ?? new Map<string, CostMachine>();
      machines.set(setup, own);
      const known = own.get(key);
      if (known) return known;
      const made = await build(settings, setup, parts, batch);
      own.set(key, made);
      return made;
    },
    async dispose() {
      for (const own of machines.values()) for (const machine of own.values()) await machine.dispose();
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
  const mover =
    move === "adapter"
      ? await adapterMove(problem)
      : move === "random"
        ? await randomMove(problem)
        : await searchMove(move, problem);
  const conflict = await compileConflict(losses, parts, batch, compileOptions, trained);
  const meter = await compileLosses(losses, parts, batch, compileOptions);
  return {
    mover,
    conflict,
    losses: meter,
    async dispose() {
      await mover.dispose();
      await conflict.dispose();
      await meter.dispose();
    },
  };
}
