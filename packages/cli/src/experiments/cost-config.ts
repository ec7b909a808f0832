import {
  type CostHook,
  type CostMove,
  type CostOptions,
  cost,
  costPresets,
  levelSet,
  nullSpace,
  type Optimizer,
  OptionError,
  symmetriesOf,
} from "isoloss";
import { z } from "zod";
import { count, fromZero, type Named, nonNegative, positive } from "./named.js";
import { makeOptimiser, optimiserSchema } from "./optimisers.js";
import type { Tree } from "./problems.js";

const presetNames = Object.keys(costPresets) as (keyof typeof costPresets)[];
const time = z.union([z.strictObject({ epoch: fromZero }), z.strictObject({ step: fromZero })]);

const improve = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("cosine"),
    weight: nonNegative.optional(),
    cap: z.number().min(-1).max(1).optional(),
  }),
  z.strictObject({
    kind: z.literal("sharpness"),
    weight: nonNegative.optional(),
    samples: count.optional(),
    radius: positive.optional(),
    scale: z.enum(["tensor", "global"]).optional(),
    form: z.enum(["loss", "change"]).optional(),
    direction: z.enum(["sampled", "ascent"]).optional(),
    differentiated: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal("none") }),
]);

const symmetryNames = ["scaling", "linear", "hidden"] as const;

/** How the shared parameters are moved. */
const move = z.union([
  z.enum(["adapter", "random"]),
  z.strictObject({
    symmetry: z.enum(symmetryNames),
    steps: count.optional(),
    stepSize: positive.optional(),
    bound: positive.optional(),
    allowInexact: z.boolean().optional(),
  }),
  z.strictObject({ search: z.enum(["levelSet", "nullSpace"]), steps: count.optional() }),
]);

/**
 * Controls: without L_g; a random displacement under the same guard; or the time that the teleports take spent on ordinary
 * steps after the others.
 */
const costControls = ["none", "lgZero", "random", "sameCompute"] as const;

const costObject = z.strictObject({
  preset: z.enum(presetNames as [string, ...string[]]).optional(),
  control: z.enum(costControls).meta({ title: "control" }).optional(),
  trigger: z.enum(["dominated", "weak", "many", "released"]).optional(),
  schedule: z
    .strictObject({
      start: time.optional(),
      end: time.optional(),
      perEpoch: count.optional(),
      every: count.optional(),
    })
    .optional(),
  adapter: z
    .strictObject({
      kind: z.enum(["auto", "low-rank", "dense"]).optional(),
      rank: count.optional(),
      alpha: positive.optional(),
      layers: z.array(z.string()).min(1).optional(),
    })
    .optional(),
  preserve: z
    .strictObject({
      weight: nonNegative.optional(),
      batches: z.union([count, z.literal("loader")]).optional(),
      reference: z.enum(["batch", "mean"]).optional(),
    })
    .optional(),
  improve: improve.optional(),
  inner: z
    .strictObject({
      learningRate: z.union([nonNegative, z.literal("training")]).optional(),
      steps: z.union([fromZero, z.strictObject({ passes: count })]).optional(),
    })
    .optional(),
  trust: z
    .union([z.literal(false), z.strictObject({ kind: z.enum(["relative", "absolute"]), value: positive })])
    .optional(),
  guard: z
    .union([
      z.literal(false),
      z.strictObject({
        drift: nonNegative.optional(),
        judge: z.enum(["worst", "mean"]).optional(),
        kind: z.enum(["relative", "absolute"]).optional(),
        samples: fromZero.optional(),
        halvings: fromZero.optional(),
      }),
    ])
    .optional(),
  state: z
    .strictObject({
      policy: z.enum(["keep", "reset", "reuse"]).optional(),
      sign: z.enum(["gradient", "descent"]).optional(),
      effective: z.boolean().optional(),
    })
    .optional(),
  negligible: nonNegative.optional(),
  move: move.optional(),
  innerOptimizer: optimiserSchema.optional(),
});

/** COST as configs hold it after the check; undefined: off. */
export type CostConfig = z.output<typeof costObject>;

export const costSchema = z
  .union([z.enum(["off", ...presetNames] as [string, ...string[]]), costObject])
  .nullable()
  .meta({ title: "COST" })
  .transform((given): CostConfig | undefined => {
    if (given === null || given === "off") return undefined;
    return typeof given === "string" ? { preset: given } : given;
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
    ...(way === undefined ? {} : { move: moveOf(way) }),
    ...(innerOptimizer === undefined ? {} : { innerOptimizer: makeOptimiser(innerOptimizer as Named) }),
    optimizer,
    seed,
    ...controlled,
  }) as unknown as CostHook<Tree>;
}

function moveOf(way: NonNullable<CostConfig["move"]>): CostMove<Tree> {
  if (typeof way === "string") return way;
  if ("search" in way) {
    const { search, ...options } = way;
    return { search: search === "levelSet" ? levelSet(options) : nullSpace(options) };
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
