import { costOf } from "../../graph/graph.js";
import { simplify } from "../../graph/simplify.js";
import { traceLosses } from "./measure-graph.js";
import type { TaskGradients } from "./task-gradients.js";

/** Numbers that kept rows may have: 256 MB in float32. */
const mostKept = 2 ** 26;

/** Floating-point operations in the time that a number of a row takes on its way out of a runtime and in again. */
const operationsPerNumber = 80;

/** Operations of a forward and a backward pass, in those of a forward pass. */
const passes = 3;

/**
 * Whether a step should keep the K gradients for the update, or differentiate the weighted loss anew.
 * Keeping costs the way of K P numbers, the second pass a forward and a backward pass.
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
