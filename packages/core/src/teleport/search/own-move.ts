import type { Batch } from "../../batch.js";
import { isRefusal, type Refusal } from "../../symmetry/symmetry.js";
import { hostedJumps } from "./jump.js";
import type { SearchFactory } from "./search.js";

/**
 * A search that makes one custom move, such as a released algorithm whose results are to be reproduced. The
 * guard judges it like any other move; with `guard: false` every finite point is accepted.
 *
 * @param name name in reports
 * @param move maps parameters and batch to other parameters, or to a refusal
 *
 * @example
 * const released = ownMove<MlpParams>("released", (p, b) => referenceMlpTeleport(p, b, loss, { steps: 8 }));
 * const teleport = { when: atSteps([5]), search: released, guard: false as const };
 */
export function ownMove<P>(
  name: string,
  move: (params: P, batch: Batch) => Promise<P | Refusal> | P | Refusal,
): SearchFactory<P> {
  return async (problem) => {
    const { run, dispose } = hostedJumps(problem, async (start, { batch }) => {
      const params = await move(start, batch);
      return isRefusal(params) ? params : { params };
    });
    return { name, exact: "no", steps: 1, races: true, run, dispose };
  };
}
