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
  type Symmetry,
  type TensorsOf,
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
  readonly loss?: BatchLoss<TensorsOf<Tree>>;
  /** Of a problem: a group that keeps its loss. */
  readonly ownSymmetry?: () => Symmetry<Tree>;
  /** Of a quadratic. */
  readonly quadratic?: { readonly matrix: NdArray; readonly centre: readonly number[] };
  /** Of a multilayer perceptron. */
  readonly activation?: { readonly activation: Activation; readonly slope?: number };
}

type MakeSymmetry = (params: Tree) => Symmetry<Tree>;

const none = z.strictObject({});

function needMlp({ activation }: Ground, name: string): NonNullable<Ground["activation"]> {
  if (activation) return activation;
  throw new OptionError(
    `The symmetry "${name}" acts on multilayer perceptrons: choose model mlp or problem mlpRegression, or another search, such as levelSet.`,
  );
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
      return (params) => positiveScaling(params as MlpParams, { activation }) as unknown as Symmetry<Tree>;
    },
  },
  hiddenAction: {
    summary:
      "hidden units mixed by g and taken back in the next layer (NeurIPS 2022, eq. 8); exact on the batch",
    options: z.strictObject({ allowInexact: z.boolean().optional() }),
    make: (o, ground) => {
      const activation = needMlp(ground, "hiddenAction");
      return (params) =>
        hiddenAction(params as MlpParams, { ...activation, ...o }) as unknown as Symmetry<Tree>;
    },
  },
  scalingAndAction: {
    summary: "positiveScaling, then hiddenAction: the product of the two groups",
    options: none,
    make: (_, ground) => {
      const activation = needMlp(ground, "scalingAndAction");
      return (params) => {
        const p = params as MlpParams;
        return product([
          positiveScaling(p, activation),
          hiddenAction(p, activation),
        ]) as unknown as Symmetry<Tree>;
      };
    },
  },
};

export const symmetrySchema = namedSchema("symmetry", symmetryRegistry);

/** The symmetry of a config; by default the problem's own, or positive scaling of a network. */
export function makeSymmetry(named: Named | undefined, ground: Ground): MakeSymmetry {
  const fallback = { name: ground.ownSymmetry ? "own" : "positiveScaling" };
  return makeNamed(symmetryRegistry, named ?? fallback, ground);
}
