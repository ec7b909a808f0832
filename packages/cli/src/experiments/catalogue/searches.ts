import { OptionError, type Symmetry } from "isoloss";
import {
  discreteSearch,
  levelSet,
  nullSpace,
  orbitSearches,
  ownMove,
  quadraticOptimum,
  type ReferenceMlpOptions,
  referenceAngleTeleport,
  referenceMlpTeleport,
  type SearchFactory,
  searches,
} from "isoloss/teleport";
import { type Entry, makeNamed, type Named, namedSchema, ownOption } from "./named.js";
import type { Tree } from "./problems.js";
import {
  discreteSchema,
  makeDiscreteSymmetry,
  makeSymmetry,
  ownSymmetryOption,
  type TeleportContext,
} from "./symmetries.js";

type Factory = SearchFactory<Tree>;
type SearchEntry = Entry<TeleportContext, Factory>;
type SearchOptions = Readonly<Record<string, unknown>>;

/** How each search without a continuous symmetry is made for a run. */
const makers: { readonly [K in keyof typeof searches]: Pick<SearchEntry, "own" | "make"> } = {
  discreteSearch: {
    own: {
      symmetry: ownOption(discreteSchema, "permutations or signFlips")(
        "What moves the parameters, as the graph of the loss shows it.",
        "permutations",
      ),
    },
    make({ symmetry, ...options }) {
      const create = makeDiscreteSymmetry(symmetry as Named | undefined);
      return async (problem) => discreteSearch(create(problem), options)(problem);
    },
  },
  levelSet: { make: (options) => levelSet(options) },
  nullSpace: { make: (options) => nullSpace(options) },
  quadraticOptimum: {
    make(_, { quadratic }) {
      if (quadratic === undefined) {
        throw new OptionError(
          "The search quadraticOptimum needs a quadratic: the problem quadratic or booth.",
        );
      }
      return quadraticOptimum(quadratic.matrix, { center: quadratic.center }) as unknown as Factory;
    },
  },
  referenceAngle: {
    own: ownSymmetryOption,
    make({ symmetry, ...options }, context) {
      const create = makeSymmetry(symmetry as Named | undefined, context);
      return async (problem) => {
        const { seed = context.seed, ...rest } = options as { readonly seed?: number };
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
    make(given, { activation }) {
      return async (problem) => {
        const { slope } = activation ?? {};
        const options: ReferenceMlpOptions = { ...(slope === undefined ? {} : { slope }), ...given };
        const move = ownMove<Tree>("released teleport of a network", (params, batch) =>
          referenceMlpTeleport(params as never, batch, problem.loss as never, options),
        );
        return move(problem);
      };
    },
  },
};

/** A search on the orbit of a symmetry, which is made for the run's parameters. */
function onOrbit({ make, ...row }: (typeof orbitSearches)[keyof typeof orbitSearches]): SearchEntry {
  const search = make as (symmetry: Symmetry<Tree>, options: SearchOptions) => Factory;
  return {
    ...row,
    own: ownSymmetryOption,
    make({ symmetry, ...options }, context) {
      const create = makeSymmetry(symmetry as Named | undefined, context);
      return async (problem) => search(create(problem), options)(problem);
    },
  };
}

/** Searches by name, all those that the library has: how points of the level set are proposed. */
export const searchRegistry: Readonly<Record<string, SearchEntry>> = {
  ...Object.fromEntries(Object.entries(orbitSearches).map(([name, row]) => [name, onOrbit(row)])),
  ...Object.fromEntries(
    Object.entries(searches).map(([name, { summary, options }]) => [
      name,
      { summary, options, ...makers[name as keyof typeof searches] },
    ]),
  ),
};

export const searchSchema = namedSchema("search", searchRegistry);

export const makeSearch = (named: Named, context: TeleportContext): Factory =>
  makeNamed(searchRegistry, named, context);
