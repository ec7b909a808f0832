// Parameters of W&B's sweeps in the form of ours.
import { betaQuantile } from "isoloss-figures/base";
import { oneOf } from "../config/nearest.js";
import { formatNumber } from "../experiments/results/format-number.js";

type Data = Readonly<Record<string, unknown>>;

/** A parameter in our form, with the keys that have other names there; or why there is none, and what to write. */
type Form =
  | { readonly parameter: Data; readonly renamed?: Readonly<Record<string, string>> }
  | { readonly refused: string };

/** A parameter with a `distribution` of W&B in our form; others are left as they are, for the check. */
export function parameterOf({ distribution, ...given }: Data): Form {
  const { q = 1, ...rest } = given;
  switch (distribution) {
    case undefined:
    case "constant":
    case "categorical":
    case "categorical_w_probabilities":
      return { parameter: given };
    case "int_uniform":
      return Number.isInteger(given.min) && Number.isInteger(given.max)
        ? { parameter: { ...given, step: 1 } }
        : { refused: `int_uniform takes integers; got min ${given.min}, max ${given.max}.` };
    case "uniform":
      return { parameter: { ...given, scale: "linear" } };
    case "log_uniform_values":
      return { parameter: { ...given, scale: "log" } };
    case "q_uniform":
      return { parameter: { ...rest, scale: "linear", roundTo: q }, renamed: { roundTo: "q" } };
    case "q_log_uniform_values":
      return { parameter: { ...rest, scale: "log", roundTo: q }, renamed: { roundTo: "q" } };
    case "q_normal":
    case "q_log_normal":
      return { parameter: { ...rest, distribution: distribution.slice(2), step: q }, renamed: { step: "q" } };
    case "normal":
    case "log_normal":
      return { parameter: { distribution, ...given } };
    default:
      return { refused: refusalOf(String(distribution), given) };
  }
}

const distributions = [
  "constant",
  "categorical",
  "categorical_w_probabilities",
  "uniform",
  "int_uniform",
  "q_uniform",
  "log_uniform_values",
  "q_log_uniform_values",
  "normal",
  "q_normal",
  "log_normal",
  "q_log_normal",
];

const pair = (a: unknown, b: unknown): readonly [number, number] | undefined =>
  typeof a === "number" && typeof b === "number" ? [a, b] : undefined;

/** Why a distribution is refused, with the form to write. */
function refusalOf(distribution: string, { min, max, q, a, b }: Data): string {
  const prefix = q === undefined ? "" : "q_";
  const step = q === undefined ? "" : `, q ${q}`;
  const form = `${prefix}log_uniform_values`;
  switch (distribution) {
    case "log_uniform":
    case "q_log_uniform":
      return `${distribution} takes exponents: write distribution: ${form} with the values themselves: ${ofExponents(pair(min, max))}${step}.`;
    case "inv_log_uniform": {
      const ends = pair(min, max);
      return `${distribution} takes exponents of 1 / x: write distribution: ${form} with the values themselves: ${ofExponents(ends && [-ends[1], -ends[0]])}.`;
    }
    case "inv_log_uniform_values":
      return `${distribution} has the same values as ${form}: write distribution: ${form}, min ${min}, max ${max}.`;
    case "beta":
    case "q_beta":
      return `${distribution} is not known here: the nearest is distribution: ${prefix}uniform, ${ofBeta(pair(a, b))}${step}.`;
    default:
      return `expected ${oneOf(distribution, distributions)}`;
  }
}

function ofExponents(ends: readonly [number, number] | undefined): string {
  const [low, high] = ends?.map((end) => formatNumber(Math.exp(end), 3)) ?? ["exp(min)", "exp(max)"];
  return `min ${low}, max ${high}`;
}

function ofBeta(shape: readonly [number, number] | undefined): string {
  if (shape === undefined || !shape.every((x) => x > 0)) return "min 0, max 1";
  const [low, high] = [0.05, 0.95].map((p) => formatNumber(betaQuantile(p, ...shape), 3));
  return `min ${low}, max ${high}, which hold 90 % of it`;
}
