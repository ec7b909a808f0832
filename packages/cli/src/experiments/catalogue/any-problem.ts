import { z } from "zod";
import type { Named } from "./named.js";
import { isOwnModule, type OwnModule, ownModuleSchema, ownProblem } from "./own/problem.js";
import { type MadeProblem, makeProblem, type ProblemInput, problemSchema } from "./problems.js";

/** A problem of the library, or a module with a loss of one's own. */
export type ProblemChoice = Named | OwnModule;

export const anyProblemSchema = z.union([problemSchema, ownModuleSchema]).meta({ title: "problem" });

export const makeAnyProblem = (
  choice: ProblemChoice,
  input: Pick<ProblemInput, "seed" | "dtype">,
): Promise<MadeProblem> =>
  isOwnModule(choice) ? ownProblem(choice, input) : makeProblem(choice as Named, input);
