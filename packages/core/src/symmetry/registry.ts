import { optionTable } from "../options.js";
import { type Choice, choice } from "../registry.js";
import type { Discovery } from "./discovery/descriptors.js";
import { permutations } from "./discrete/permutations.js";
import { signFlips } from "./discrete/sign-flips.js";
import { type GeneralLinearOptions, generalLinear, generalLinearOptions } from "./general-linear.js";
import { hiddenAction, hiddenActionOptions } from "./hidden/hidden-action.js";
import { pseudoInverseAction, pseudoInverseActionOptions } from "./hidden/pseudo-inverse-action.js";
import { positiveScaling, positiveScalingOptions } from "./positive-scaling.js";
import { type OrthogonalOptions, orthogonal, orthogonalOptions } from "./rotation/orthogonal.js";
import { type ScalingOptions, scaling, scalingOptions } from "./scaling.js";

/** Every symmetry of multilayer perceptrons by name; each is built for given parameters. */
export const mlpSymmetries = {
  positiveScaling: choice(
    positiveScaling,
    positiveScalingOptions,
    "hidden units scaled by positive factors, undone in the next layer; exact on all data",
  ),
  hiddenAction: choice(
    hiddenAction,
    hiddenActionOptions,
    "hidden units mixed by g, undone in the next layer (NeurIPS 2022, eq. 8); exact on the batch",
  ),
  pseudoInverseAction: choice(
    pseudoInverseAction,
    pseudoInverseActionOptions,
    "inputs of hidden units mixed by g, undone by a pseudo-inverse, for any activation; exact on the batch",
  ),
} satisfies Record<string, Choice<(params: never, options: never) => unknown>>;

/** The options without the name in reports: in configurations `name` chooses the symmetry. */
const boundOf = <B>({
  name,
  rows: { bound },
}: {
  readonly name: string;
  readonly rows: { readonly bound: B };
}) => ({
  name,
  rows: { bound },
});

/**
 * Every symmetry that is built from what `symmetriesOf` finds in a graph, by name; undefined where the graph
 * has none.
 */
export const foundSymmetries = {
  scaling: {
    make<P>({ scalings }: Discovery, options?: ScalingOptions) {
      const exact = scalings.filter((generator) => generator.exact);
      return exact.length === 0 ? undefined : scaling<P>(exact, options);
    },
    options: boundOf(scalingOptions),
    summary:
      "all scalings by positive factors found in the graph of a loss, for any model; exact on all data",
  },
  generalLinear: {
    make: <P>({ linear }: Discovery, options?: GeneralLinearOptions) =>
      linear.length === 0 ? undefined : generalLinear<P>(linear, options),
    options: boundOf(generalLinearOptions),
    summary:
      "GL of all spaces found in the graph that only linear maps touch, attention heads included; exact on all data",
  },
  orthogonal: {
    make: <P>({ orthogonal: spaces }: Discovery, options?: OrthogonalOptions) =>
      spaces.length === 0 ? undefined : orthogonal<P>(spaces, options),
    options: boundOf(orthogonalOptions),
    summary:
      "rotations of all spaces found in the graph that only linear maps and lengths read, such as a residual stream; exact on all data",
  },
} satisfies Record<string, Choice<(found: Discovery, options?: never) => unknown>>;

/**
 * Every discrete symmetry that is built from what `symmetriesOf` finds in a graph, by name; undefined where
 * the graph has none.
 */
export const discreteSymmetries = {
  permutations: {
    make: <P>(params: P, { permutations: spaces }: Discovery) =>
      spaces.length === 0 ? undefined : permutations(params, spaces),
    options: optionTable("permutations", {}),
    summary: "permutations of interchangeable units found in the graph; exact on all data",
  },
  signFlips: choice(
    <P>(params: P, { signs }: Discovery) => (signs.length === 0 ? undefined : signFlips(params, signs)),
    optionTable("signFlips", {}),
    "sign flips of units with an odd activation, found in the graph; exact on all data",
  ),
} satisfies Record<string, Choice<(params: never, found: Discovery) => unknown>>;
