import type { Refusal } from "../../symmetry/symmetry.js";
import type { Stop, Walk } from "./search.js";

/** A walk of one step to a computed point; there is no smaller step toward it. */
export function jump<P>(
  point: () => Promise<P | Refusal | Stop>,
  pushForward?: Walk<P>["pushForward"],
): Walk<P> {
  return {
    propose: async (scale) =>
      scale < 1 ? { stopped: "the computed point was refused, and there is no smaller step" } : point(),
    accept() {},
    pushForward,
  };
}
