import { conjugateDirections, type DirectionRule, lbfgs, steepestDescent } from "isoloss";
import { z } from "zod";
import { count, makeNamed, type Named, namedSchema, type Registry } from "./named.js";
import { optimiserRegistry } from "./optimisers.js";

const none = z.strictObject({});

/** Optimisers of full-batch runs that search along lines; their learning rate is the step length tried first. */
export const lineSearchRegistry: Registry<undefined, DirectionRule> = {
  steepestDescent: {
    summary: "steepest descent with a line search for every step; full batches only",
    options: none,
    make: () => steepestDescent,
  },
  conjugateGradients: {
    summary: "nonlinear conjugate gradients (Polak, Ribiere) with line searches; full batches only",
    options: none,
    make: () => conjugateDirections,
  },
  lbfgs: {
    summary: "L-BFGS with line searches; full batches only",
    options: z.strictObject({ memory: count.optional() }),
    make: (o) => lbfgs(o),
  },
};

/** Optimisers of full-batch runs. */
export const descentSchema = namedSchema("optimiser", { ...optimiserRegistry, ...lineSearchRegistry });

/** The directions of a choice; undefined where it is an optimiser with a learning rate. */
export const makeDirections = (named: Named): DirectionRule | undefined =>
  named.name in lineSearchRegistry ? makeNamed(lineSearchRegistry, named, undefined) : undefined;
