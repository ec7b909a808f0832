import {
  type Activation,
  type BatchLoss,
  type MlpParams,
  type NdArray,
  type Optimizer,
  OptionError,
  positiveScaling,
  type Symmetries,
  type Symmetry,
  symmetriesOf,
} from "isoloss";
import {
  type DiscreteSymmetry,
  discreteSymmetries,
  foundSymmetries,
  hiddenAction,
  mlpSymmetries,
  product,
} from "isoloss/symmetry";
import type { SearchProblem } from "isoloss/teleport";
import { type Entry, makeNamed, type Named, namedSchema, ownOption, type Registry } from "./named.js";
import type { Tree } from "./problems.js";
import type { OwnOption } from "./schema-of.js";

/** The parts of a run that its teleports need. */
export interface TeleportContext {
  readonly seed: number;
  readonly optimizer: Optimizer;
  readonly learningRate: number | ((step: number) => number);
  /** Of a problem. */
  readonly loss?: BatchLoss<Tree>;
  /** Of a problem: a group that keeps its loss. */
  readonly ownSymmetry?: () => Symmetry<Tree>;
  /** Of a quadratic. */
  readonly quadratic?: { readonly matrix: NdArray; readonly center: readonly number[] };
  /** Of a multilayer perceptron. */
  readonly activation?: { readonly activation: Activation; readonly slope?: number };
}

export type Subject = Pick<SearchProblem<Tree>, "loss" | "params" | "batch">;

type MakeSymmetry = (subject: Subject) => Symmetry<Tree>;
type Row<T> = T[keyof T];
type Options = Readonly<Record<string, unknown>>;

const noOptions = (name: string) => ({ name, rows: {} });

function needMlp({ activation }: TeleportContext, name: string): NonNullable<TeleportContext["activation"]> {
  if (activation) return activation;
  throw new OptionError(
    `The symmetry "${name}" acts on multilayer perceptrons: choose model mlp or problem mlpRegression, or another search, such as levelSet.`,
  );
}

/** A symmetry of multilayer perceptrons, with the activation of the run's network unless another is asked for. */
function ofMlp(
  name: string,
  { make, ...row }: Row<typeof mlpSymmetries>,
): Entry<TeleportContext, MakeSymmetry> {
  const create = make as (params: MlpParams, options: Options) => unknown;
  const { kind, summary } = row.options.rows.activation;
  return {
    ...row,
    options: {
      ...row.options,
      rows: { ...row.options.rows, activation: kind.otherwise("the network's", summary) },
    },
    make: (options, context) => {
      const network = needMlp(context, name);
      return ({ params }) => create(params as MlpParams, { ...network, ...options }) as Symmetry<Tree>;
    },
  };
}

const discoveryOf = ({ loss, params, batch }: Subject): Symmetries<Tree> => symmetriesOf(loss, params, batch);

const showsNo = (what: string): OptionError =>
  new OptionError(
    `The graph of this loss shows no ${what}: choose another symmetry, or a search without one, such as levelSet.`,
  );

const shown = {
  scaling: "scalings",
  generalLinear: "spaces that linear maps alone touch",
  orthogonal: "spaces that linear maps and lengths alone read, nor planes of rotary positions",
} satisfies Record<keyof typeof foundSymmetries, string>;

/** A symmetry that is found in the graph of any loss. */
function found(
  what: string,
  { make, ...row }: Row<typeof foundSymmetries>,
): Entry<TeleportContext, MakeSymmetry> {
  return {
    ...row,
    make: (options) => (subject) => {
      const symmetry = make<Tree>(discoveryOf(subject).found, options as never);
      if (symmetry) return symmetry;
      throw showsNo(what);
    },
  };
}

/** Symmetries by name: all those that the library has, and products of them. */
export const symmetryRegistry: Registry<TeleportContext, MakeSymmetry> = {
  own: {
    summary: "the problem's own: rotations of a quadratic or of residuals; hiddenAction for mlpRegression",
    options: noOptions("own"),
    make: (_, { ownSymmetry }) => {
      if (ownSymmetry === undefined) {
        throw new OptionError(
          'The symmetry "own" is that of a problem, and a model has none: choose positiveScaling or hiddenAction.',
        );
      }
      return () => ownSymmetry();
    },
  },
  ...Object.fromEntries(Object.entries(mlpSymmetries).map(([name, row]) => [name, ofMlp(name, row)])),
  scalingAndAction: {
    summary: "positiveScaling, then hiddenAction: the product of the two groups",
    options: noOptions("scalingAndAction"),
    make: (_, context) => {
      const activation = needMlp(context, "scalingAndAction");
      return ({ params }) => {
        const p = params as MlpParams;
        return product([
          positiveScaling(p, activation),
          hiddenAction(p, activation),
        ]) as unknown as Symmetry<Tree>;
      };
    },
  },
  ...Object.fromEntries(
    Object.entries(foundSymmetries).map(([name, row]) => [
      name,
      found(shown[name as keyof typeof shown], row),
    ]),
  ),
  scalingAndLinear: {
    summary: "scaling, then generalLinear: the product of the two groups",
    options: noOptions("scalingAndLinear"),
    make: () => (subject) => {
      const { scaling, linear } = discoveryOf(subject);
      if (scaling && linear) return product([scaling, linear]);
      throw showsNo("scalings and spaces that linear maps alone touch");
    },
  },
};

const symmetrySchema = namedSchema("symmetry", symmetryRegistry);

/** The symmetry option of searches and objectives on an orbit. */
export const ownSymmetryOption: Readonly<Record<"symmetry", OwnOption>> = {
  symmetry: ownOption(symmetrySchema, "a symmetry, or { name, ... }")(
    "What moves the parameters.",
    "the problem's own, or positiveScaling of a network",
  ),
};

/** The symmetry of a config; by default the problem's own, or positive scaling of a network. */
export function makeSymmetry(named: Named | undefined, context: TeleportContext): MakeSymmetry {
  const fallback = { name: context.ownSymmetry ? "own" : "positiveScaling" };
  return makeNamed(symmetryRegistry, named ?? fallback, context);
}

type MakeDiscrete = (subject: Subject) => DiscreteSymmetry<Tree>;

const units = {
  permutations: "interchangeable units",
  signFlips: "units that are odd",
} satisfies Record<keyof typeof discreteSymmetries, string>;

export const discreteRegistry: Registry<undefined, MakeDiscrete> = Object.fromEntries(
  Object.entries(discreteSymmetries).map(([name, { make, ...row }]) => [
    name,
    {
      ...row,
      make: () => (subject) => {
        const symmetry = make<Tree>(subject.params as Tree, discoveryOf(subject).found);
        if (symmetry) return symmetry;
        throw showsNo(units[name as keyof typeof units]);
      },
    } satisfies Entry<undefined, MakeDiscrete>,
  ]),
);

export const discreteSchema = namedSchema("discrete symmetry", discreteRegistry);

export const makeDiscreteSymmetry = (named: Named = { name: "permutations" }): MakeDiscrete =>
  makeNamed(discreteRegistry, named, undefined);
