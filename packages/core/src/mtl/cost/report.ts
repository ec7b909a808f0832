import type { ConflictTrigger } from "../conflict.js";
import type { InnerValue } from "./adapter/inner-loop.js";
import type { Drift, Judged } from "./drift-guard.js";
import type { TaskPoint } from "./meters.js";

/** A conflict as plain data. */
export interface ConflictMeasures extends Readonly<Record<ConflictTrigger, boolean>> {
  /** L_k on the batch with the conflict, without dropout. */
  readonly losses: readonly number[];
  /** ||g_k||. */
  readonly norms: readonly number[];
  /** cos(g_0, g_k). */
  readonly meanCosines: readonly number[];
  /** cos(g_i, g_j) of the pairs i < j, row by row. */
  readonly cosines: readonly number[];
}

/** The measured result of one attempt at a COST teleport; plain data. */
export interface CostReport {
  /** Number of steps and of epochs done before it. */
  readonly step: number;
  readonly epoch: number;
  readonly trigger: ConflictTrigger;
  /** How points were proposed. */
  readonly move: string;
  /**
   * `accepted`: the parameters were moved. `negligible`: they were moved too little to matter, or not at all,
   * which does not count as a teleport. `rejected`: parameters and optimizer are unchanged.
   */
  readonly outcome: "accepted" | "negligible" | "rejected";
  /** Why it was rejected or is negligible, or how it ended. */
  readonly reason: string;
  /** How often the displacement was halved, and the fraction of it that was applied; 0 if none. */
  readonly halvings: number;
  readonly fraction: number;
  /** ||D|| / ||theta|| over the shared parameters, and ||D|| / ||W|| of every tensor by its path. */
  readonly displacement: number;
  readonly displacements: Readonly<Record<string, number>>;
  /** On the guard's examples: the change of every task's loss, the mean change, and the largest one. */
  readonly drift?: Drift | undefined;
  /** The value that the guard compared with its bound; left out without a guard. */
  readonly judged?: Judged | undefined;
  readonly before?: ConflictMeasures | undefined;
  readonly after?: ConflictMeasures | undefined;
  /** Whether the conflict persists: the one that triggered the teleport, and a dominated one. */
  readonly stillTriggered?: boolean | undefined;
  readonly stillDominated?: boolean | undefined;
  /** Weighted objective and its terms before the first and the last inner step. */
  readonly inner?: { readonly first: InnerValue; readonly last: InnerValue } | undefined;
  /** sigma of historical trajectory reuse. */
  readonly sigma?: number | undefined;
  /** Why the optimizer's state was not transported as planned, if so. */
  readonly note?: string | undefined;
  readonly seconds: number;
  /** The same in units of this run's ordinary steps; left out before there were any. */
  readonly ordinarySteps?: number | undefined;
}

export function quantitiesOf({ losses, conflict }: TaskPoint): ConflictMeasures | undefined {
  if (conflict === undefined) return undefined;
  const { norms, meanCosines, cosines, dominated, weak, many, released } = conflict;
  const tasks = norms.length;
  const pairs: number[] = [];
  for (let i = 0; i < tasks; i++) {
    for (let j = i + 1; j < tasks; j++) pairs.push(cosines.data[i * tasks + j]);
  }
  return {
    losses: [...losses],
    norms: [...norms],
    meanCosines: [...meanCosines],
    cosines: pairs,
    dominated,
    weak,
    many,
    released,
  };
}
