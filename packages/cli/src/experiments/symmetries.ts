import {
  type Activation,
  type BatchLoss,
  hiddenAction,
  type MlpParams,
  type NdArray,
  type Optimizer,
  OptionError,
  positiveScaling,
  product,
  type SearchProblem,
  type Symmetries,
  type Symmetry,
  symmetriesOf,
} from "isoloss";
import { z } from "zod";
import { type Entry, makeNamed, type Named, namedSchema } from "./named.js";
import type { Tree } from "./problems.js";

/** What a run is, as far as its teleports have to know. */
export interface Ground {
  readonly seed: number;
  readonly optimizer: Optimizer;
  readonly learningRate: number | ((step: number) => number);
  /** Of a problem. */
  readonly loss?: BatchLoss<Tree>;
  /** Of a problem: a group that keeps its loss. */
  readonly ownSymmetry?: () => Symmetry<Tree>;
  /** Of a quadratic. */
  readonly quadratic?: { readonly matrix: NdArray; readonly centre: readonly number[] };
  /** Of a multilayer perceptron. */
  readonly activation?: { readonly activation: Activation; readonly slope?: number };
}

/** What a symmetry is made for. */
export type Subject = Pick<SearchProblem<Tree>, "loss" | "params" | "batch">;

type MakeSymmetry = (subject: Subject) => Symmetry<Tree>;

const none = z.strictObject({});

function needMlp({ activation }: Ground, name: string): NonNullable<Ground["activation"]> {
  if (activation) return activation;
  throw new OptionError(
    `The symmetry "${name}" acts on multilayer perceptrons: choose model mlp or problem mlpRegression, or another search, such as levelSet.`,
  );
}

/** A symmetry that is found in the graph of whatever loss. */
function found(
  summary: string,
  what: string,
  pick: (all: Symmetries<Tree>) => Symmetry<Tree> | undefined,
): Entry<Ground, MakeSymmetry> {
  return {
    summary,
    options: none,
    make: () => (subject) => {
      const { loss, params, batch } = subject;
      const symmetry = pick(symmetriesOf(loss, params, batch));
      if (symmetry) return symmetry;
      throw new OptionError(
        `The graph of this loss shows no ${what}: choose another symmetry, or a search without one, such as levelSet.`,
      );
    },
  };
}

/** Symmetries by name. */
export const symmetryRegistry: Readonly<Record<string, Entry<Ground, MakeSymmetry>>> = {
  own: {
    summary: "the problem's own: rotations of a quadratic or of residuals; hiddenAction for mlpRegression",
    options: none,
    make: (_, { ownSymmetry }) => {
      if (ownSymmetry === undefined) {
        throw new OptionError(
          'The symmetry "own" is that of a problem, and a model has none: choose positiveScaling or hiddenAction.',
        );
      }
      return () => ownSymmetry();
    },
  },
  positiveScaling: {
    summary: "hidden units scaled by positive factors, taken back in the next layer; exact on all data",
    options: none,
    make: (_, ground) => {
      const { activation } = needMlp(ground, "positiveScaling");
      return ({ params }) =>
        positiveScaling(params as MlpParams, { activation }) as unknown as Symmetry<Tree>;
    },
  },
  hiddenAction: {
    summary:
      "hidden units mixed by g and taken back in the next layer (NeurIPS 2022, eq. 8); exact on the batch",
    options: z.strictObject({ allowInexact: z.boolean().optional() }),
    make: (o, ground) => {
      const activation = needMlp(ground, "hiddenAction");
      return ({ params }) =>
        hiddenAction(params as MlpParams, { ...activation, ...o }) as unknown as Symmetry<Tree>;
    },
  },
  scalingAndAction: {
    summary: "positiveScaling, then hiddenAction: the product of the two groups",
    options: none,
    make: (_, ground) => {
      const activation = needMlp(ground, "scalingAndAction");
      return ({ params }) => {
        const p = params as MlpParams;
        return product([
          positiveScaling(p, activation),
          hiddenAction(p, activation),
        ]) as unknown as Symmetry<Tree>;
      };
    },
  },
  scaling: found(
    "all scalings by positive factors that the graph of a loss shows, whatever the model; exact on all data",
    "scalings",
    (all) => all.scaling,
  ),
  generalLinear: found(
    "GL of all spaces that the graph shows to be touched by linear maps alone, attention heads included; exact on all data",
    "spaces that linear maps alone touch",
    (all) => all.linear,
  ),
  scalingAndLinear: found(
    "scaling, then generalLinear: the product of the two groups",
    "scalings and spaces that linear maps alone touch",
    ({ scaling, linear }) => (scaling && linear ? product([scaling, linear]) : undefined),
  ),
};

export const symmetrySchema = namedSchema("symmetry", symmetryRegistry);

/** The symmetry of a config; by default the problem's own, or positive scaling of a network. */
export function makeSymmetry(named: Named | undefined, ground: Ground): MakeSymmetry {
  const fallback = { name: ground.ownSymmetry ? "own" : "positiveScaling" };
  return makeNamed(symmetryRegistry, named ?? fallback, ground);
}
