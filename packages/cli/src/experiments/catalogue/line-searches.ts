import { type DirectionRule, lineSearches } from "isoloss/optim";
import { fromOptions, makeNamed, type Named, namedSchema } from "./named.js";
import { optimizerRegistry } from "./optimizers.js";

/** Optimizers of full-batch runs that search along lines; their learning rate is the step length tried first. */
export const lineSearchRegistry = fromOptions<DirectionRule>(lineSearches);

/** Optimizers of full-batch runs. */
export const descentSchema = namedSchema("optimizer", { ...optimizerRegistry, ...lineSearchRegistry });

/** The directions of a choice; undefined where it is an optimizer with a learning rate. */
export const makeDirections = (named: Named): DirectionRule | undefined =>
  named.name in lineSearchRegistry ? makeNamed(lineSearchRegistry, named, undefined) : undefined;
