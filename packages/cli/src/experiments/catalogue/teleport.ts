import type { GuardOptions, TeleportPlan, TrainerTeleportPlan } from "isoloss";
import { guardOptions, type RaceOptions, raceOptions, transportPolicies } from "isoloss/teleport";
import { z } from "zod";
import { count, type Named } from "./named.js";
import { makeObjective, objectiveSchema } from "./objectives.js";
import type { Tree } from "./problems.js";
import { type ConfigOptions, schemaOf } from "./schema-of.js";
import { makeSearch, searchSchema } from "./searches.js";
import type { TeleportContext } from "./symmetries.js";
import { makeWhen, whenSchema } from "./when.js";

/** The guard of a config. The race is with the run's optimizer; `true` stands for its usual options. */
export const guardConfigOptions: ConfigOptions = {
  options: guardOptions,
  own: {
    race: {
      schema: z.union([z.boolean(), schemaOf({ options: raceOptions })]),
      fields: raceOptions,
      range: "true, false or an object of options",
      otherwise: "false",
      summary: "Lets descent run from the old and the new point and keeps the one that gets lower.",
    },
  },
};

const guardSchema = z.union([z.literal(false), schemaOf(guardConfigOptions)]) as z.ZodType<Guard>;

export const teleportSchema = z.strictObject({
  when: whenSchema,
  search: searchSchema,
  objective: objectiveSchema.optional(),
  guard: guardSchema.optional(),
  allowInexact: z.boolean().optional(),
  state: z
    .enum(transportPolicies as [string, ...string[]])
    .meta({ title: "transport of the state" })
    .optional(),
  batchSize: count.optional(),
});

export type TeleportConfig = z.output<typeof teleportSchema>;

type Guard =
  | false
  | (Omit<GuardOptions, "race"> & { readonly race?: boolean | Omit<RaceOptions, "optimizer"> });

/** The race of a guard, with the run's optimizer and learning rate. */
function guardOf(guard: Guard, { optimizer, learningRate }: TeleportContext) {
  if (guard === false || guard.race === undefined || guard.race === false) {
    return guard === false ? (false as const) : { ...guard, race: undefined };
  }
  const own = guard.race === true ? {} : guard.race;
  const rate = typeof learningRate === "function" ? learningRate(0) : learningRate;
  return { ...guard, race: { learningRate: rate, optimizer, ...own } };
}

export function makeTeleportPlan(
  { when, search, objective, guard, allowInexact, state, batchSize }: TeleportConfig,
  context: TeleportContext,
): TeleportPlan<Tree> & Pick<TrainerTeleportPlan<Tree>, "batchSize"> {
  return {
    when: makeWhen(when),
    search: makeSearch(search, context),
    objective: objective && makeObjective(objective as Named, context),
    guard: guard === undefined ? undefined : guardOf(guard, context),
    allowInexact,
    state: state as TeleportPlan<Tree>["state"],
    // Minimizers have no such option.
    ...(batchSize === undefined ? {} : { batchSize }),
  };
}
