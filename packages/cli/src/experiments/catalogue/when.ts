import { atSteps, every, inEpochs, onPlateau, onPredictedGain, type When } from "isoloss";
import { z } from "zod";
import { count, fromZero, nonNegative } from "./named.js";

/** A schedule of teleports: told by its first key. */
interface ScheduleEntry {
  readonly summary: string;
  readonly schema: z.ZodObject;
  make(config: Readonly<Record<string, unknown>>): When;
}

const rest = (config: Readonly<Record<string, unknown>>, key: string): never => {
  const { [key]: _, ...others } = config;
  return others as never;
};

/** Schedules by the key that chooses them. */
export const whenRegistry: Readonly<Record<string, ScheduleEntry>> = {
  atSteps: {
    summary: "at given steps: { atSteps: [5, 50] }",
    schema: z.strictObject({ atSteps: z.array(fromZero).min(1) }),
    make: ({ atSteps: steps }) => atSteps(steps as number[]),
  },
  every: {
    summary: "every k steps: { every: 100, from: 99 }",
    schema: z.strictObject({
      every: count,
      from: fromZero.optional(),
      until: fromZero.optional(),
      max: fromZero.optional(),
    }),
    make: (c) => every(c.every as number, rest(c, "every")),
  },
  inEpochs: {
    summary: "before the first mini-batches of epochs: { inEpochs: [1], batches: 4 }",
    schema: z.strictObject({ inEpochs: z.array(fromZero).min(1), batches: count.optional() }),
    make: (c) => inEpochs(c.inEpochs as number[], rest(c, "inEpochs")),
  },
  onPlateau: {
    summary: "when the loss stops falling: { onPlateau: { patience: 100 } }",
    schema: z.strictObject({
      onPlateau: z.strictObject({
        patience: fromZero.optional(),
        threshold: nonNegative.optional(),
        cooldown: fromZero.optional(),
      }),
    }),
    make: ({ onPlateau: options }) => onPlateau(options as never),
  },
  onPredictedGain: {
    summary: "when a trial promises enough: { onPredictedGain: 0.5, every: 100 }",
    schema: z.strictObject({ onPredictedGain: nonNegative, every: count.optional() }),
    make: (c) => onPredictedGain(c.onPredictedGain as number, rest(c, "onPredictedGain")),
  },
};

const schemas = Object.values(whenRegistry).map(({ schema }) => schema);

export const whenSchema = z.union(schemas as [z.ZodObject, z.ZodObject]).meta({ title: "schedule" });

export function makeWhen(config: Readonly<Record<string, unknown>>): When {
  // Of two keys that choose, the check lets only one config through; "every" is also an option of onPredictedGain.
  const key = Object.keys(whenRegistry).find(
    (k) => k in config && !(k === "every" && "onPredictedGain" in config),
  );
  return whenRegistry[key as string].make(config);
}
