import { costOf } from "../../graph/graph.js";
import { simplify } from "../../graph/simplify.js";
import { traceLosses } from "./measure-graph.js";
import type { TaskGradients } from "./task-gradients.js";

/** Maximum size of kept rows: 256 MB in float32. */
const mostKept = 2 ** 26;

/** Number of floating-point operations in the time that moving one number out of a runtime and back takes. */
const operationsPerNumber = 80;

/** Cost of a forward and a backward pass, in units of a forward pass. */
const passes = 3;

/**
 * Whether a step should keep the K gradients for the update or differentiate the weighted loss again.
 * Keeping costs the transfer of K P numbers, differentiating again a forward and a backward pass.
 */
export function keepsRows<P>(
  strategy: "auto" | "keep" | "recompute",
  { parts, tasks, width }: TaskGradients<P>,
): boolean {
  if (parts.representation !== undefined) return false;
  if (strategy !== "auto") return strategy === "keep";
  const numbers = tasks.length * width;
  if (numbers > mostKept) return false;
  return (
    numbers * operationsPerNumber <= passes * costOf(simplify(traceLosses(parts))).flops || numbers < 1000
  );
}
