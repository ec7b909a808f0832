import { type TeleportPlan, type TrainerTeleportPlan, transportPolicies } from "isoloss";
import { z } from "zod";
import { count, fromZero, type Named, nonNegative, positive } from "./named.js";
import { makeObjective, objectiveSchema } from "./objectives.js";
import type { Tree } from "./problems.js";
import { makeWhen, whenSchema } from "./schedules.js";
import { makeSearch, searchSchema } from "./searches.js";
import type { Ground } from "./symmetries.js";

const guardSchema = z.union([
  z.literal(false),
  z.strictObject({
    drift: nonNegative.optional(),
    heldOutDrift: nonNegative.optional(),
    halvings: fromZero.optional(),
    race: z
      .union([z.boolean(), z.strictObject({ learningRate: positive.optional(), steps: count.optional() })])
      .optional(),
    curvature: fromZero.optional(),
  }),
]);

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

type Guard = z.output<typeof guardSchema>;

/** The race of a guard with what the run itself has: its optimiser and learning rate. */
function guardOf(guard: Guard, { optimizer, learningRate }: Ground) {
  if (guard === false || guard.race === undefined || guard.race === false) {
    return guard === false ? (false as const) : { ...guard, race: undefined };
  }
  const own = guard.race === true ? {} : guard.race;
  const rate = typeof learningRate === "function" ? learningRate(0) : learningRate;
  return { ...guard, race: { learningRate: rate, optimizer, ...own } };
}

const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;

/** The teleports of a config. */
export function makeTeleportPlan(
  { when, search, objective, guard, allowInexact, state, batchSize }: TeleportConfig,
  ground: Ground,
): TeleportPlan<Tree> & Pick<TrainerTeleportPlan<Tree>, "batchSize"> {
  const bounds = guard === undefined ? undefined : guardOf(guard, ground);
  return {
    when: makeWhen(when),
    search: makeSearch(search, ground),
    ...(objective === undefined ? {} : { objective: makeObjective(objective as Named, ground) }),
    ...(bounds === undefined
      ? {}
      : { guard: bounds === false ? false : (withoutUndefined(bounds) as never) }),
    ...(allowInexact === undefined ? {} : { allowInexact }),
    ...(state === undefined ? {} : { state: state as "keep" }),
    ...(batchSize === undefined ? {} : { batchSize }),
  };
}
