import { optionTable } from "../options.js";
import type { Choice } from "../registry.js";
import type { Discovery } from "./discovery/descriptors.js";
import { permutations } from "./discrete/permutations.js";
import { signFlips } from "./discrete/sign-flips.js";
import { type GeneralLinearOptions, generalLinear, generalLinearOptions } from "./general-linear.js";
import { hiddenAction, hiddenActionOptions } from "./hidden/hidden-action.js";
import { pseudoInverseAction, pseudoInverseActionOptions } from "./hidden/pseudo-inverse-action.js";
import { positiveScaling, positiveScalingOptions } from "./positive-scaling.js";
import { type ScalingOptions, scaling, scalingOptions } from "./scaling.js";

/** Every symmetry of multilayer perceptrons by name, made for parameters. */
export const mlpSymmetries = {
  positiveScaling: {
    make: positiveScaling,
    options: positiveScalingOptions,
    summary: "hidden units scaled by positive factors, taken back in the next layer; exact on all data",
  },
  hiddenAction: {
    make: hiddenAction,
    options: hiddenActionOptions,
    summary:
      "hidden units mixed by g and taken back in the next layer (NeurIPS 2022, eq. 8); exact on the batch",
  },
  pseudoInverseAction: {
    make: pseudoInverseAction,
    options: pseudoInverseActionOptions,
    summary:
      "what goes into hidden units mixed by g, taken back by a pseudo-inverse, whatever the activation; exact on the batch",
  },
} satisfies Record<string, Choice<(params: never, options: never) => unknown>>;

/** Without the name in reports: in configurations `name` chooses. */
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

/** Every symmetry that is made of what is found in a graph, by name; undefined where the graph has none. */
export const foundSymmetries = {
  scaling: {
    make<P>({ scalings }: Discovery, options?: ScalingOptions) {
      const exact = scalings.filter((generator) => generator.exact);
      return exact.length === 0 ? undefined : scaling<P>(exact, options);
    },
    options: boundOf(scalingOptions),
    summary:
      "all scalings by positive factors that the graph of a loss shows, whatever the model; exact on all data",
  },
  generalLinear: {
    make: <P>({ linear }: Discovery, options?: GeneralLinearOptions) =>
      linear.length === 0 ? undefined : generalLinear<P>(linear, options),
    options: boundOf(generalLinearOptions),
    summary:
      "GL of all spaces that the graph shows to be touched by linear maps alone, attention heads included; exact on all data",
  },
} satisfies Record<string, Choice<(found: Discovery, options?: never) => unknown>>;

/** Every discrete symmetry that is made of what is found in a graph, by name; undefined where the graph has none. */
export const discreteSymmetries = {
  permutations: {
    make: <P>(params: P, { permutations: spaces }: Discovery) =>
      spaces.length === 0 ? undefined : permutations(params, spaces),
    options: optionTable("permutations", {}),
    summary: "permutations of the units that the graph shows to be interchangeable; exact on all data",
  },
  signFlips: {
    make: <P>(params: P, { signs }: Discovery) => (signs.length === 0 ? undefined : signFlips(params, signs)),
    options: optionTable("signFlips", {}),
    summary: "changes of sign of the units that the graph shows to be odd; exact on all data",
  },
} satisfies Record<string, Choice<(params: never, found: Discovery) => unknown>>;
