import { isDeepStrictEqual } from "node:util";
import type { Finding } from "../config/explain.js";
import { formatNumber } from "../experiments/results/format-number.js";
import { axisOf, endsOfNormal, isInteger, mostSteps } from "./axis.js";
import { type Normal, type Parameter, type ParameterKeys, parameterKeys, type Range } from "./types.js";

type Key = keyof ParameterKeys;

interface Form {
  /** The keys that choose it, one of them at least. */
  readonly heads: readonly Key[];
  readonly others: readonly Key[];
  /** What is wrong with its keys together. */
  faultsOf?(given: ParameterKeys): Finding[];
}

const forms: Readonly<Record<string, Form>> = {
  value: { heads: ["value"], others: [] },
  values: { heads: ["values"], others: ["probabilities"], faultsOf: faultsOfValues },
  "min and max": {
    heads: ["min", "max"],
    others: ["scale", "step", "roundTo", "count"],
    faultsOf: faultsOfRange,
  },
  distribution: { heads: ["distribution"], others: ["mu", "sigma", "step"], faultsOf: faultsOfNormal },
};

/** A parameter of a sweep: one of the forms that {@link Parameter} names. */
export const parameterSchema = parameterKeys
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

function faultsOf(given: ParameterKeys): Finding[] {
  const has = (key: Key) => given[key] !== undefined;
  const [form, other] = Object.keys(forms).filter((name) => forms[name].heads.some(has));
  if (form === undefined) {
    return [{ path: [], message: `expected one of ${Object.keys(forms).join(", ")}; got none of them.` }];
  }
  if (other !== undefined) {
    return [{ path: [], message: `expected one of ${form}, ${other}; got both.` }];
  }
  const { heads, others, faultsOf: faultsTogether } = forms[form];
  const allowed: readonly Key[] = [...heads, ...others, "when"];
  const strays = (Object.keys(given) as Key[]).filter((key) => has(key) && !allowed.includes(key));
  const message = `not beside ${form}, which takes ${allowed.join(", ")}.`;
  return [...strays.map((key) => ({ path: [key], message })), ...(faultsTogether?.(given) ?? [])];
}

function faultsOfValues({ values = [], probabilities }: ParameterKeys): Finding[] {
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

function faultsOfRange({ min, max, scale, step, roundTo, count }: ParameterKeys): Finding[] {
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
    faults.push(...faultsOfSingle("roundTo", { min, max, scale, roundTo }, "from min to max"));
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

function faultsOfNormal({ distribution = "normal", mu = 0, sigma = 1, step }: ParameterKeys): Finding[] {
  if (step === undefined || step <= 0) return [];
  const largest = Math.max(...endsOfNormal({ distribution, mu, sigma }).map(Math.abs));
  if (largest <= step * mostSteps) {
    return faultsOfSingle("step", { distribution, mu, sigma, step }, "that are drawn");
  }
  return [
    {
      path: ["step"],
      message: `expected a larger one, or another sigma: numbers up to ${formatNumber(largest)} are drawn, and 15 digits do not tell such multiples apart; got ${step}`,
    },
  ];
}

/** A rounding that leaves one value. */
function faultsOfSingle<K extends "roundTo" | "step">(
  key: K,
  parameter: (Range | Normal) & Readonly<Record<K, number>>,
  which: string,
): Finding[] {
  const { bins } = axisOf(parameter);
  return bins?.count !== 1
    ? []
    : [
        {
          path: [key],
          message: `expected a smaller one, as all numbers ${which} are rounded to ${bins.value(0)}; got ${parameter[key]}`,
        },
      ];
}
