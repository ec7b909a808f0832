import { omit } from "es-toolkit";
import { z } from "zod";
import { fromZero, nonNegative, positive } from "../catalogue/named.js";
import { sha256Schema } from "../catalogue/own/file.js";
import { figureNames, roles, type Settings } from "../kind.js";
import { kinds } from "../kinds/kinds.js";

/** Names of experiments and variants: parts of directories' names. */
export const identifier = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9._-]{0,59}$/,
    'up to 60 letters, digits, ".", "_" and "-", the first no "." or "-"',
  );

export const seedsSchema = z
  .union([z.array(fromZero).min(1), z.string().regex(/^\d+\.\.\d+$/, "a range a..b")])
  .meta({ examples: ["0..4", [100]] });

/** In place of a variant: every run that has the number, of any variant. */
export const everyRun = "*";

/** What a run is expected to give: a number, or bounds of one. */
const expectedSchema = z
  .strictObject({
    /** Which variant's runs; default the first one's; `*`: every run that has the number must meet it. */
    variant: z.union([identifier, z.literal(everyRun)]).optional(),
    /** Which run; default the mean over the seeds. */
    seed: fromZero.optional(),
    /** Where the number is: loss.history[4], metrics.validation.accuracy, teleports[0].gradNormSqAfter. */
    path: z.string().min(1),
    value: z.number().optional(),
    /** Of the value: relative, default 1e-6. */
    tolerance: nonNegative.optional(),
    /** Of the value: absolute, default 0. */
    absolute: nonNegative.optional(),
    atLeast: z.number().optional(),
    atMost: z.number().optional(),
    source: z.string().min(1),
    /** Whether it also holds in a quick run; default false when there are settings for quick runs. */
    quick: z.boolean().optional(),
    /** Why it cannot be reproduced, where that is known. */
    notReproducible: z.string().min(1).optional(),
  })
  .refine(
    (e) => e.value !== undefined || e.atLeast !== undefined || e.atMost !== undefined || e.notReproducible,
    {
      message: "missing; expected a value, or bounds atLeast and atMost.",
      path: ["value"],
    },
  );

export type Expected = z.output<typeof expectedSchema>;

/** How a rate of the grid changes over a run. */
export type Decay = "none" | "cosine";

/** A comparison at tuned learning rates: plain and teleported runs over the same grid. */
const ratesSchema = z.strictObject({
  /** The same rates for all variants. */
  grid: z.array(positive).min(1),
  /** Each rate with each of these; default none. */
  decay: z
    .array(z.enum(["none", "cosine"]))
    .min(1)
    .optional(),
  /** Seeds that choose the rate. */
  tune: seedsSchema,
  /**
   * What chooses it: the mean validation loss of these seeds, or their mean final loss on training data. Default validation where runs
   * have a validation loss; where they have none, validation is refused.
   */
  by: z.enum(["validation", "loss"]).optional(),
  /** Other seeds, for the comparison. */
  confirm: seedsSchema,
  /** Default the first variant. */
  baseline: identifier.optional(),
  /** Default all others; those with a role beside the baseline in any case. */
  variants: z.array(identifier).optional(),
  /**
   * By name, variants of which one judges: the one that needs the least time, at one of the rates, to the loss at which the
   * baseline at its tuned rate ends. Say, numbers and lengths of teleports.
   */
  choose: z.record(identifier, z.array(identifier).min(1)).optional(),
  /** Further rates of the baseline alone: as many tries as the others have, by their choices. */
  baselineGrid: z.array(positive).min(1).optional(),
  /** Variants without a rate to tune, such as line searches: on the confirming seeds, as they are. Without a role they are alternatives. */
  references: z.array(identifier).min(1).optional(),
});

export type RatesConfig = z.output<typeof ratesSchema>;

const sourceSchema = z.strictObject({
  paper: z.string(),
  /** Figure, table, section. */
  where: z.string().optional(),
  note: z.string().optional(),
});

const common = {
  name: identifier,
  title: z.string().optional(),
  source: sourceSchema.optional(),
  seeds: seedsSchema.optional(),
  expected: z.array(expectedSchema).optional(),
  figures: z.array(z.enum(figureNames).meta({ title: "figure" })).optional(),
  /** One comparison, or several with different baselines. */
  rates: z.union([ratesSchema, z.array(ratesSchema).min(1)]).optional(),
  /**
   * By baseline, what stands beside its methods: a control, which a method must beat to help; an alternative, another known technique
   * for the same end, which its verdict names; or a ceiling, which needs what the user lacks.
   */
  roles: z.record(identifier, z.record(identifier, z.enum(roles))).optional(),
};

/** Settings of a program of the kind module, in the module or in the file: those of either form. */
export const programSettings = z
  .object({
    ...omit(kinds.train.settings, ["model", "data", "loss"]),
    ...omit(kinds.minimize.settings, ["problem"]),
  })
  .partial().shape;

const branchOf = (kind: string, settings: z.ZodRawShape, changed = settings) => {
  const changes = z.strictObject(changed).partial();
  return z.strictObject({
    ...common,
    kind: z.literal(kind),
    ...settings,
    variants: z.record(identifier, changes.nullable()).optional(),
    quick: changes
      .extend({
        seeds: seedsSchema.optional(),
        rates: ratesSchema.partial().nullable().optional(),
        variants: z.array(identifier).min(1).optional(),
      })
      .optional(),
  });
};

const [first, ...others] = [
  ...Object.entries(kinds).map(([kind, { settings }]) => branchOf(kind, settings)),
  branchOf(
    "module",
    {
      /** A JavaScript module, and the name of its export: FILE#NAME; without a name the default export. */
      module: z.string().min(1),
      sha256: sha256Schema.optional(),
      ...programSettings,
    },
    programSettings,
  ),
];

export const experimentSchema = z
  .discriminatedUnion("kind", [first, ...others])
  .meta({ title: "kind of experiment" }) as unknown as z.ZodType<Experiment>;

/** An experiment, checked. Settings of its kind stand beside what all have. */
export type Experiment = Readonly<z.output<z.ZodObject<typeof common>>> & {
  readonly kind: string;
  readonly variants?: Readonly<Record<string, Settings | null>>;
  readonly quick?: Settings & {
    readonly seeds?: readonly number[] | string;
    readonly rates?: Partial<RatesConfig> | null;
    readonly variants?: readonly string[];
  };
  readonly [setting: string]: unknown;
};

/** Names of the settings that all kinds share: what is left belongs to the kind. */
export const commonKeys: ReadonlySet<string> = new Set([...Object.keys(common), "kind", "variants", "quick"]);

/** Most seeds of a range: a typo should not start a million runs. */
const mostSeeds = 10_000;

/** Seeds of a list or of a range `a..b`, its ends included. */
export function seedsOf(seeds: readonly number[] | string): number[] | { readonly wrong: string } {
  if (typeof seeds !== "string") return [...seeds];
  const [, a, b] = /^(\d+)\.\.(\d+)$/.exec(seeds) ?? [];
  const [from, to] = [Number(a), Number(b)];
  if (a === undefined || !Number.isSafeInteger(to) || to < from || to - from >= mostSeeds) {
    return { wrong: `expected a range a..b with a <= b and at most ${mostSeeds} seeds; got ${seeds}` };
  }
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
