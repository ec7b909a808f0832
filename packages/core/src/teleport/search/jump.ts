import type { Refusal } from "../../symmetry/symmetry.js";
import type { Stop, Walk } from "./search.js";

/** A walk of one step to a point that was computed: there is no smaller step toward it. */
export function jump<P>(
  point: () => Promise<P | Refusal | Stop>,
  pushForward?: Walk<P>["pushForward"],
): Walk<P> {
  return {
    propose: async (scale) =>
      scale < 1 ? { stopped: "the computed point was not taken, and there is no smaller step" } : point(),
    accept() {},
    pushForward,
  };
}
