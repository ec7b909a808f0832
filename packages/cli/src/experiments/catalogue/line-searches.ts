import { type DirectionRule, lineSearches } from "isoloss/optim";
import { fromOptions, makeNamed, type Named, namedSchema } from "./named.js";
import { optimiserRegistry } from "./optimisers.js";

/** Optimisers of full-batch runs that search along lines; their learning rate is the step length tried first. */
export const lineSearchRegistry = fromOptions<DirectionRule>(lineSearches);

/** Optimisers of full-batch runs. */
export const descentSchema = namedSchema("optimiser", { ...optimiserRegistry, ...lineSearchRegistry });

/** The directions of a choice; undefined where it is an optimiser with a learning rate. */
export const makeDirections = (named: Named): DirectionRule | undefined =>
  named.name in lineSearchRegistry ? makeNamed(lineSearchRegistry, named, undefined) : undefined;
