// Accept, or halve and try again, on the host: for searches with `walk` (best angle, quadratic optimum) where their program
// does not decide, and for COST's moves.
import { isNdArray } from "../array.js";
import { isRefusal, type Refusal } from "../symmetry/symmetry.js";
import { stepsTaken } from "./report.js";
import { isStop, type Stop } from "./search/search.js";

/**
 * Proposes points, one after another.
 *
 * @typeParam P tree of parameters
 */
export interface Proposals<P> {
  /** The next point; `scale` is 1, and is halved after each refused proposal. */
  propose(scale: number): Promise<P | Refusal | Stop>;
  /** Called when the last proposal is accepted: the next one continues from there. */
  accept?(): void;
}

/**
 * What is measured at a point, and which conditions a point has to meet.
 *
 * @typeParam Q what is measured at a point
 */
export interface Criterion<P, Q> {
  measure(params: P): Promise<Q>;
  /** Why a point may not replace the one before it, or undefined if it may. */
  objection(start: Q, before: Q, after: Q): string | undefined;
  /** Maximum number of halvings of refused proposals before the walk ends. */
  readonly halvings: number;
}

/** The result of a walk. */
export interface Walked<P, Q> {
  /** The given parameters, the same arrays, if no proposal was accepted. */
  readonly params: P;
  readonly point: Q;
  /** Why the walk ended. */
  readonly reason: string;
  /** Number of accepted proposals, and of refused ones that were halved. */
  readonly steps: number;
  readonly halvings: number;
  /** Scale of the last proposal. */
  readonly scale: number;
  /** The last point that was measured and refused. */
  readonly refused?: Q | undefined;
}

/**
 * Accepts proposals as long as they are finite and the criterion has no objection; a refused one is halved.
 * Parameters are never modified in place, so a walk without an accepted step changes nothing.
 *
 * @param start measurement at the point from which drift is counted
 * @param from where the walk begins: the start, or another point of its level set
 */
export async function walkGuarded<P, Q>(
  proposals: Proposals<P>,
  criterion: Criterion<P, Q>,
  {
    start,
    from,
    steps: most,
  }: { readonly start: Q; readonly from: Pick<Walked<P, Q>, "params" | "point">; readonly steps: number },
): Promise<Walked<P, Q>> {
  let { params, point } = from;
  let [steps, halvings, scale] = [0, 0, 1];
  let refused: { readonly refused?: Q | undefined } = {};
  /** Why the last proposal was refused. */
  let refusal: string | undefined;
  const ended = (reason: string): Walked<P, Q> => ({
    params,
    point,
    reason,
    steps,
    halvings,
    scale,
    ...refused,
  });
  while (steps < most) {
    const candidate = await proposals.propose(scale);
    if (isStop(candidate)) return ended(refusal ?? candidate.stopped);
    let reason: string | undefined;
    let measured: { readonly refused?: Q | undefined } = {};
    if (isRefusal(candidate)) reason = candidate.refused;
    else if (!isFiniteTree(candidate)) reason = "a parameter of the new point is not finite";
    else {
      const next = await criterion.measure(candidate);
      reason = criterion.objection(start, point, next);
      if (reason === undefined) {
        [params, point] = [candidate, next];
        proposals.accept?.();
        steps++;
        refusal = undefined;
        continue;
      }
      measured = { refused: next };
    }
    [refusal, refused] = [reason, measured];
    if (halvings === criterion.halvings) return ended(reason);
    halvings++;
    scale /= 2;
  }
  return ended(stepsTaken(most));
}

/** Whether every element of a tree of floats is finite. */
export function isFiniteTree(tree: unknown): boolean {
  if (!isNdArray(tree))
    return typeof tree === "object" && tree !== null && Object.values(tree).every(isFiniteTree);
  const { data } = tree;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}
