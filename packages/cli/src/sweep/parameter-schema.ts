import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Finding } from "../config/explain.js";
import { formatNumber } from "../experiments/results/format-number.js";
import type { Json } from "../run/json-lines.js";
import { axisOf, endsOfNormal, isInteger, mostSteps } from "./axis.js";
import type { Parameter } from "./types.js";

/** Any value of YAML. */
export const anyValue = z.any() as z.ZodType<Json, Json>;

const keys = z.strictObject({
  value: anyValue.optional(),
  values: z.array(anyValue).min(1).optional(),
  probabilities: z.array(z.number().min(0)).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  scale: z.enum(["linear", "log"]).meta({ title: "scale" }).optional(),
  step: z.number().gt(0).optional(),
  roundTo: z.number().gt(0).optional(),
  count: z.int().min(2).optional(),
  distribution: z.enum(["normal", "log_normal"]).meta({ title: "distribution" }).optional(),
  mu: z.number().optional(),
  sigma: z.number().gt(0).optional(),
  when: z.record(z.string(), anyValue).optional(),
});

type Keys = z.output<typeof keys>;

/** What chooses a form, and the keys that it may have. */
const forms = {
  value: ["value"],
  values: ["values", "probabilities"],
  "min and max": ["min", "max", "scale", "step", "roundTo", "count"],
  distribution: ["distribution", "mu", "sigma", "step"],
} as const satisfies Readonly<Record<string, readonly (keyof Keys)[]>>;

type Form = keyof typeof forms;

/** The keys that a form cannot do without, one of them at least. */
const heads: Readonly<Record<Form, readonly (keyof Keys)[]>> = {
  value: ["value"],
  values: ["values"],
  "min and max": ["min", "max"],
  distribution: ["distribution"],
};

/** A parameter of a sweep: one of the forms that {@link Parameter} names. */
export const parameterSchema = keys
  .superRefine((given, context) => {
    for (const { path, message } of faultsOf(given)) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
  })
  .meta({ examples: [{ values: [0.01, 0.1] }] })
  .transform((given): Parameter => {
    const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    return (given.distribution === undefined ? known : { mu: 0, sigma: 1, ...known }) as unknown as Parameter;
  });

function faultsOf(given: Keys): Finding[] {
  const has = (key: keyof Keys) => given[key] !== undefined;
  const [form, other] = (Object.keys(forms) as Form[]).filter((name) => heads[name].some(has));
  if (form === undefined) {
    return [{ path: [], message: `expected one of ${Object.keys(forms).join(", ")}; got none of them.` }];
  }
  if (other !== undefined) {
    return [{ path: [], message: `expected one of ${form}, ${other}; got both.` }];
  }
  const allowed: readonly (keyof Keys)[] = [...forms[form], "when"];
  const strays = (Object.keys(given) as (keyof Keys)[]).filter((key) => has(key) && !allowed.includes(key));
  return [
    ...strays.map((key) => ({
      path: [key],
      message: `not beside ${form}, which takes ${allowed.join(", ")}.`,
    })),
    ...(checks[form]?.(given) ?? []),
  ];
}

/** Of the keys of a form together. */
const checks: Partial<Readonly<Record<Form, (given: Keys) => Finding[]>>> = {
  values: faultsOfValues,
  "min and max": faultsOfRange,
  distribution: faultsOfNormal,
};

function faultsOfValues({ values = [], probabilities }: Keys): Finding[] {
  const faults: Finding[] = [];
  const twice = values.findIndex((value, i) => values.findIndex((o) => isDeepStrictEqual(o, value)) < i);
  if (twice >= 0) {
    faults.push({
      path: ["values", twice],
      message: `${JSON.stringify(values[twice])} is in the list before.`,
    });
  }
  if (probabilities === undefined) return faults;
  const sum = probabilities.reduce((total, p) => total + p, 0);
  if (probabilities.length !== values.length) {
    faults.push({
      path: ["probabilities"],
      message: `expected ${values.length} numbers, one for each value; got ${probabilities.length}.`,
    });
  } else if (Math.abs(sum - 1) > 1e-6) {
    faults.push({
      path: ["probabilities"],
      message: `expected numbers that sum to 1; their sum is ${Number(sum.toPrecision(6))}.`,
    });
  }
  return faults;
}

function faultsOfRange({ min, max, scale, step, roundTo, count }: Keys): Finding[] {
  if (max === undefined) return [{ path: ["max"], message: `missing; expected a number > ${min}` }];
  if (min === undefined) return [{ path: ["min"], message: `missing; expected a number < ${max}` }];
  const faults: Finding[] = [];
  if (!(min < max))
    faults.push({ path: ["max"], message: `expected a number > ${min}, which is min; got ${max}` });
  if (scale === "log" && min <= 0) {
    faults.push({ path: ["min"], message: `expected a number > 0, as the scale is logarithmic; got ${min}` });
  }
  const [first, second] = Object.entries({ step, roundTo, count }).flatMap(([key, value]) =>
    value === undefined ? [] : [key],
  );
  if (second !== undefined) {
    faults.push({ path: [second], message: `expected one of ${first}, ${second}; got both.` });
  }
  if (step !== undefined && min < max && step > max - min) {
    faults.push({
      path: ["step"],
      message: `expected at most max - min, ${Number((max - min).toPrecision(12))}; got ${step}`,
    });
  }
  if (roundTo !== undefined && roundTo > 0 && faults.length === 0) {
    const { bins } = axisOf({ min, max, scale, roundTo });
    if (bins?.count === 1) {
      faults.push({
        path: ["roundTo"],
        message: `expected a smaller one, as all numbers from min to max are rounded to ${bins.value(0)}; got ${roundTo}`,
      });
    }
  }
  const stride = isInteger({ min, max, scale, step, roundTo, count }) ? 1 : (step ?? roundTo);
  const most = (stride ?? Number.POSITIVE_INFINITY) * mostSteps;
  // A step of 0 is reported as such.
  for (const [key, end] of most > 0 ? Object.entries({ min, max }) : []) {
    if (Math.abs(end) <= most) continue;
    faults.push({
      path: [key],
      message: `expected a number from ${formatNumber(-most)} to ${formatNumber(most)}, as there are steps of ${stride}: 15 digits do not tell larger ones apart; got ${end}`,
    });
  }
  return faults;
}

function faultsOfNormal({ distribution = "normal", mu = 0, sigma = 1, step }: Keys): Finding[] {
  if (step === undefined || step <= 0) return [];
  const largest = Math.max(...endsOfNormal({ distribution, mu, sigma }).map(Math.abs));
  if (largest <= step * mostSteps) return [];
  return [
    {
      path: ["step"],
      message: `expected a larger one, or another sigma: numbers up to ${formatNumber(largest)} are drawn, and 15 digits do not tell such multiples apart; got ${step}`,
    },
  ];
}
