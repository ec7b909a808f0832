import { isNdArray, type NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { flatten } from "../../tree.js";
import { approvalOf, type Drift, type DriftGuard, driftOf, meanOf, objectionTo } from "./drift-guard.js";
import type { LossMeter } from "./meters.js";
import { differenceOf, lengthOf, type Proposal, squareOf } from "./move.js";
import type { CostReport } from "./report.js";
import type { Parts } from "./shared-losses.js";

/** The result of a proposal: the new point, or why it was rejected. */
export interface Landing {
  readonly told: Told;
  /** Shared parameters, and D, its leaves concatenated; left out if nothing was moved. */
  readonly to?: { readonly shared: unknown; readonly moved: Float64Array } | undefined;
}

/** The part of a report that describes a landing. */
type Told = Pick<CostReport, "outcome" | "reason" | "halvings" | "fraction" | "displacement" | "drift">;

/** What a proposal is judged by. */
export interface LandingContext {
  readonly losses: LossMeter;
  readonly guard: DriftGuard | false;
  /** Batches that the move does not use, and the mean losses on them before it. */
  readonly batches: readonly Batch[];
  readonly lossesBefore: Float64Array;
  /** Whether the gradients of the function that moves, without dropout and batch statistics, conflict at all. */
  readonly isTriggered: boolean;
  /** ||D|| / ||theta|| below which a move does not count. */
  readonly negligible: number;
}

export const rejected = (reason: string, halvings = 0): Told => ({
  outcome: "rejected",
  reason,
  halvings,
  fraction: 0,
  displacement: 0,
});

const nothingMoved = "D is zero: nothing was moved";
const nothingToGain =
  "D is zero: the gradients conflict only with dropout and batch statistics, as in training. Without them, as a teleport " +
  "keeps the losses, there was nothing to gain. This is so while running statistics differ much from those of a batch.";

/** Moves by the first of 1, 1/2, 1/4, ... of the proposed displacement that the guard accepts. */
export async function land(
  proposal: Proposal,
  here: Parts,
  { losses, guard, batches, lossesBefore, isTriggered, negligible }: LandingContext,
): Promise<Landing> {
  const { shared } = here;
  const most = guard === false || !proposal.divisible ? 0 : guard.halvings;
  let drift: Drift | undefined;
  for (let halvings = 0, fraction = 1, refusal: string | undefined; ; halvings++, fraction /= 2) {
    const there = proposal.at(fraction);
    const moved = differenceOf(there, shared);
    if (moved.every((v) => v === 0)) {
      // A search that does not move gives a reason; an adapter that does not move has found nothing to gain.
      if (proposal.note !== undefined) return { told: rejected(proposal.note) };
      const reason = isTriggered ? nothingMoved : nothingToGain;
      return { told: { ...rejected(reason, halvings), ...(drift && { drift }), outcome: "negligible" } };
    }
    drift = undefined;
    if (!moved.every(Number.isFinite)) refusal = "a parameter of the new point is not finite";
    else {
      drift = driftOf(lossesBefore, meanOf(await losses.each({ ...here, shared: there }, batches)));
      refusal = objectionTo(drift, guard);
    }
    if (drift && refusal === undefined) {
      const displacement = Math.sqrt(squareOf(moved)) / Math.max(lengthOf(shared), 1e-12);
      const verdict = verdictOf(displacement, negligible, [proposal.note, approvalOf(drift, guard)]);
      return {
        told: { ...verdict, halvings, fraction, displacement, drift },
        to: { shared: there, moved },
      };
    }
    if (halvings === most)
      return { told: { ...rejected(String(refusal), halvings), ...(drift && { drift }) } };
  }
}

function verdictOf(
  displacement: number,
  negligible: number,
  notes: readonly (string | undefined)[],
): Pick<Told, "outcome" | "reason"> {
  if (displacement >= negligible) {
    return { outcome: "accepted", reason: notes.filter((note) => note !== undefined).join("; ") };
  }
  return {
    outcome: "negligible",
    reason:
      `||D|| / ||theta|| is ${displacement.toPrecision(2)}, below ${negligible}: too little to matter. ` +
      "A larger inner learning rate or more inner steps move further.",
  };
}

/** ||D|| / ||W|| of every tensor that moved, by its path. */
export function displacementsOf(before: unknown, after: unknown): Record<string, number> {
  const from = flatten<NdArray>(before, isNdArray);
  const to = flatten<NdArray>(after, isNdArray).leaves;
  const entries = from.leaves.flatMap((leaf, i): [string, number][] => {
    const D = Math.sqrt(squareOf(differenceOf(to[i], leaf)));
    return D === 0 ? [] : [[from.paths[i] || "shared", D / Math.max(lengthOf(leaf), 1e-12)]];
  });
  return Object.fromEntries(entries);
}
