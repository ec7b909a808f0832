import {
  bestAngle,
  gradientAscent,
  levelSet,
  lineSearch,
  nullSpace,
  OptionError,
  ownMove,
  quadraticOptimum,
  type ReferenceMlpOptions,
  randomSearch,
  referenceAngleTeleport,
  referenceMlpTeleport,
  type SearchFactory,
  type Symmetry,
  scalingCorner,
} from "isoloss";
import { z } from "zod";
import {
  count,
  type Entry,
  fromZero,
  makeNamed,
  type Named,
  namedSchema,
  nonNegative,
  positive,
  smoothing,
} from "./named.js";
import type { Tree } from "./problems.js";
import { type Ground, makeSymmetry, symmetrySchema } from "./symmetries.js";

type Factory = SearchFactory<Tree>;
type SearchEntry = Entry<Ground, Factory>;

const symmetry = symmetrySchema.optional();

/** A search on the orbit of a symmetry, which is made for the run's parameters. */
function onOrbit(
  summary: string,
  shape: z.ZodRawShape,
  search: (symmetry: Symmetry<Tree>, options: never, ground: Ground) => Factory,
): SearchEntry {
  return {
    summary,
    options: z.strictObject({ symmetry, ...shape }),
    make: ({ symmetry: named, ...options }, ground) => {
      const create = makeSymmetry(named as Named | undefined, ground);
      return async (problem) => search(create(problem), options as never, ground)(problem);
    },
  };
}

const ascent = {
  steps: count.optional(),
  stepSize: positive.optional(),
  bound: positive.optional(),
  momentum: smoothing.optional(),
  normalised: z.boolean().optional(),
  starts: count.optional(),
  seed: fromZero.optional(),
};

/** Searches by name: how points of the level set are proposed. */
export const searchRegistry: Readonly<Record<string, SearchEntry>> = {
  gradientAscent: onOrbit("gradient ascent on the orbit of a symmetry", ascent, gradientAscent),
  lineSearch: onOrbit(
    "golden section along the direction of steepest ascent on the orbit",
    {
      steps: count.optional(),
      stepSize: positive.optional(),
      bound: positive.optional(),
      evaluations: count.optional(),
    },
    lineSearch,
  ),
  randomSearch: onOrbit(
    "the best of random elements of the symmetry",
    { samples: count.optional(), seed: fromZero.optional(), bound: positive.optional() },
    randomSearch,
  ),
  bestAngle: onOrbit(
    "the best angle of a whole turn, for rotations of a plane",
    { samples: count.optional() },
    bestAngle,
  ),
  scalingCorner: onOrbit(
    "the best corner of the box of scalings",
    { bound: positive.optional(), sweeps: count.optional() },
    scalingCorner,
  ),
  quadraticOptimum: {
    summary: "the largest gradient on a quadratic's level set, in closed form",
    options: z.strictObject({}),
    make: (_, { quadratic }) => {
      if (quadratic === undefined) {
        throw new OptionError(
          "The search quadraticOptimum needs a quadratic: the problem quadratic or booth.",
        );
      }
      return quadraticOptimum(quadratic.matrix, { centre: quadratic.centre }) as unknown as Factory;
    },
  },
  levelSet: {
    summary: "normalised steps on the loss' level set, without a symmetry (Mishkin et al. 2024)",
    options: z.strictObject({
      steps: count.optional(),
      rho: positive.optional(),
      lineSearch: z.boolean().optional(),
      tolerance: nonNegative.optional(),
      sublevel: z.boolean().optional(),
      project: z.boolean().optional(),
    }),
    make: (o) => levelSet(o),
  },
  nullSpace: {
    summary: "ascent in the null space of every layer's inputs, without a symmetry (Wu et al. 2025)",
    options: z.strictObject({
      steps: count.optional(),
      stepSize: positive.optional(),
      normalised: z.boolean().optional(),
      threshold: z.number().gt(0).max(1).optional(),
      layers: z.array(z.string()).min(1).optional(),
    }),
    make: (o) => nullSpace(o),
  },
  referenceAngle: {
    summary: "the released teleport of functions of two variables, with its defects; use guard: false",
    options: z.strictObject({
      symmetry,
      learningRate: nonNegative.optional(),
      steps: count.optional(),
      angle: z.number().optional(),
      seed: fromZero.optional(),
    }),
    make: ({ symmetry: named, ...options }, ground) => {
      const create = makeSymmetry(named as Named | undefined, ground);
      return async (problem) => {
        const { seed = ground.seed, ...rest } = options as { readonly seed?: number };
        const group = create(problem);
        let calls = 0;
        const move = ownMove<Tree>("released teleport by an angle", (params, batch) =>
          // Each teleport of a run has its own random angle.
          referenceAngleTeleport(params, batch, problem.loss, group, {
            ...rest,
            seed: seed + 7919 * calls++,
          }),
        );
        return move(problem);
      };
    },
  },
  referenceMlp: {
    summary: "the released teleport of multilayer perceptrons, with its defects; use guard: false",
    options: z.strictObject({
      steps: count.optional(),
      learningRate: positive.optional(),
      exactAction: z.boolean().optional(),
    }),
    make:
      (o, { activation }) =>
      async (problem) => {
        const { slope } = activation ?? {};
        const options: ReferenceMlpOptions = { ...(slope === undefined ? {} : { slope }), ...o };
        const move = ownMove<Tree>("released teleport of a network", (params, batch) =>
          referenceMlpTeleport(params as never, batch, problem.loss as never, options),
        );
        return move(problem);
      },
  },
};

export const searchSchema = namedSchema("search", searchRegistry);

export const makeSearch = (named: Named, ground: Ground): Factory => makeNamed(searchRegistry, named, ground);
