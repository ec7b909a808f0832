import {
  decrease,
  gradNormSq,
  gradNormSqOf,
  minimised,
  modelDecrease,
  type Objective,
  sharpness,
} from "isoloss";
import { z } from "zod";
import { count, type Entry, fromZero, makeNamed, type Named, namedSchema, positive } from "./named.js";
import type { Ground } from "./symmetries.js";

const none = z.strictObject({});

/** Objectives by name: what a teleport raises. */
export const objectiveRegistry: Readonly<Record<string, Entry<Ground, Objective>>> = {
  gradNormSq: { summary: "||g||^2, of all parameters (the paper's)", options: none, make: () => gradNormSq },
  gradNormSqOf: {
    summary: "||g||^2 of some layers, named by their paths",
    options: z.strictObject({ layers: z.array(z.string()).min(1) }),
    make: ({ layers }) => gradNormSqOf(layers as string[]),
  },
  decrease: {
    summary: "how far the loss falls in k virtual steps of the optimiser in use; for a fixed learning rate",
    options: z.strictObject({ steps: count.optional() }),
    make: (o, { optimizer }) => decrease({ optimizer, ...o }),
  },
  modelDecrease: {
    summary: "J = ||g||^4 / (2 g'Hg); for a line search, or a learning rate tuned afterwards",
    options: none,
    make: () => modelDecrease,
  },
  flatness: {
    summary: "a low mean loss in random directions around the point: minus the sharpness",
    options: z.strictObject({
      radii: z.array(positive).min(1).optional(),
      samples: count.optional(),
      seed: fromZero.optional(),
      scale: z.enum(["global", "tensor"]).optional(),
    }),
    make: (o) => minimised(sharpness(o)),
  },
};

export const objectiveSchema = namedSchema("objective", objectiveRegistry);

export const makeObjective = (named: Named, ground: Ground): Objective =>
  makeNamed(objectiveRegistry, named, ground);
