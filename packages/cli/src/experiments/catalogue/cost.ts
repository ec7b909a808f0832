import { type Optimizer, OptionError, symmetriesOf } from "isoloss";
import {
  type Cost as CostHook,
  type CostMove,
  type CostOptions,
  cost,
  costOptions,
  costPresets,
} from "isoloss/mtl";
import {
  type GradientAscentOptions,
  type LevelSetOptions,
  type NullSpaceOptions,
  orbitSearches,
  type SearchFactory,
  searches,
} from "isoloss/teleport";
import { z } from "zod";
import { flagOption, type Named, ownOption } from "./named.js";
import { makeOptimizer, optimizerSchema } from "./optimizers.js";
import type { Tree } from "./problems.js";
import { type ConfigOptions, schemaOf } from "./schema-of.js";

const presetNames = Object.keys(costPresets) as (keyof typeof costPresets)[];
const symmetryNames = ["scaling", "linear", "hidden"] as const;

const move = z.union([
  z.enum(["adapter", "random"]),
  schemaOf({
    options: orbitSearches.gradientAscent.options,
    own: {
      symmetry: ownOption(
        z.enum(symmetryNames),
        symmetryNames.join(", "),
      )("Of the shared parameters, as their graph shows it."),
      allowInexact: flagOption("Goes on with a symmetry that does not keep the mean loss.", "false"),
    },
  }),
  ...(["levelSet", "nullSpace"] as const).map((search) =>
    schemaOf({
      options: searches[search].options,
      own: { search: ownOption(z.literal(search), search)("Chooses this search.") },
    }),
  ),
]);

/**
 * Controls: without L_g; a random displacement under the same guard; or the time that the teleports take spent on ordinary
 * steps after the others.
 */
const costControls = ["none", "lgZero", "random", "sameCompute"] as const;

/** The settings of COST in configs. `optimizer` is that of the run. */
export const costConfigOptions: ConfigOptions = {
  options: costOptions,
  own: {
    control: ownOption(z.enum(costControls).meta({ title: "control" }), costControls.join(", "))(
      "Without L_g, a random displacement, or the teleports' time spent on ordinary steps.",
      "none",
    ),
    move: ownOption(move, "adapter, random, { symmetry, ... } or { search, ... }")(
      "How the shared parameters are moved.",
      "adapter",
    ),
    innerOptimizer: ownOption(optimizerSchema, "an optimizer, or { name, ... }")(
      "Trains the adapter.",
      "adam",
    ),
  },
};

const costObject = schemaOf(costConfigOptions);

/** COST as configs hold it after the check; undefined: off. */
export interface CostConfig extends Omit<CostOptions<Tree>, "move" | "innerOptimizer" | "optimizer"> {
  readonly control?: (typeof costControls)[number];
  readonly move?: MoveConfig;
  readonly innerOptimizer?: Named;
}

type MoveConfig =
  | "adapter"
  | "random"
  | ({
      readonly symmetry: (typeof symmetryNames)[number];
      readonly allowInexact?: boolean;
    } & GradientAscentOptions)
  | ({ readonly search: "levelSet" } & LevelSetOptions)
  | ({ readonly search: "nullSpace" } & NullSpaceOptions);

export const costSchema = z
  .union([z.enum(["off", ...presetNames] as [string, ...string[]]), costObject])
  .nullable()
  .meta({ title: "COST" })
  .transform((given: unknown): CostConfig | undefined => {
    if (given === null || given === "off") return undefined;
    return (typeof given === "string" ? { preset: given } : given) as CostConfig;
  });

/** Whether a guard judges how far COST moves the losses. */
export const isGuarded = ({ preset = "default", guard }: CostConfig): boolean =>
  (guard ?? costPresets[preset as keyof typeof costPresets].guard) !== false;

/** The hook of a config; the control `sameCompute` is the caller's. */
export function makeCost(
  config: CostConfig,
  { seed, optimizer }: { readonly seed: number; readonly optimizer: Optimizer },
): CostHook<Tree> {
  const { control = "none", innerOptimizer, move: way, ...options } = config;
  const controlled: Partial<CostOptions<Tree>> =
    control === "lgZero" ? { improve: { kind: "none" } } : control === "random" ? { move: "random" } : {};
  return cost<{ readonly shared: Tree }>({
    ...(options as CostOptions<Tree>),
    move: way && moveOf(way),
    innerOptimizer: innerOptimizer && makeOptimizer(innerOptimizer),
    optimizer,
    seed,
    ...controlled,
  }) as unknown as CostHook<Tree>;
}

function moveOf(way: MoveConfig): CostMove<Tree> {
  if (typeof way === "string") return way;
  if ("search" in way) {
    const { search, ...options } = way;
    const make = searches[search].make as (options: object) => SearchFactory<Tree>;
    return { search: make(options) };
  }
  const { symmetry: name, ...options } = way;
  return {
    ...options,
    symmetry(shared, { loss, batch }) {
      const found = symmetriesOf(loss, shared, batch)[name];
      if (found !== undefined) return found;
      throw new OptionError(`COST: no symmetry of the kind "${name}" was found in the shared parameters.`);
    },
  };
}
