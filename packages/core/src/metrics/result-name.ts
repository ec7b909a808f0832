import { describeValue, OptionError } from "../errors.js";

/** What the name of a result says. */
export interface ResultName {
  /** In words, such as "validation accuracy" or "test loss of left". */
  readonly label: string;
  /** Whether a smaller or a larger value is better; undefined where the name does not tell. */
  readonly better: "min" | "max" | undefined;
}

type Quantity = Pick<ResultName, "better"> & { readonly label?: string };

/** Quantities by the names that trainers, experiments and metrics give them; the label is the name where there is no other. */
const quantities: Readonly<Record<string, Quantity>> = {
  loss: { better: "min" },
  leastLoss: { label: "least loss", better: "min" },
  accuracy: { better: "max" },
  f1: { label: "F1 score", better: "max" },
  iou: { label: "IoU", better: "max" },
  mae: { label: "mean absolute error", better: "min" },
  rmse: { label: "root mean squared error", better: "min" },
  calibrationError: { label: "calibration error", better: "min" },
  gradNormSq: { label: "squared gradient norm", better: "min" },
  within11: { label: "share of angles within 11.25 degrees", better: "max" },
  within22: { label: "share of angles within 22.5 degrees", better: "max" },
  within30: { label: "share of angles within 30 degrees", better: "max" },
  reached: { better: "max" },
  deltaM: { label: "Delta_m", better: "min" },
  meanRank: { label: "mean rank", better: "min" },
  wallSeconds: { label: "seconds", better: "min" },
  seconds: { better: "min" },
  steps: { better: "min" },
};

/** What a quantity is of, as names begin. */
const parts: Readonly<Record<string, string>> = {
  train: "training",
  validation: "validation",
  test: "test",
  epoch: "epoch's",
  reported: "reported",
};

/** How a run's value of a quantity is chosen, as names end. */
const choices: Readonly<Record<string, string>> = { first: "first", final: "final", last: "last" };

/**
 * What a result's name says: `validation.accuracy` is the validation accuracy, of which more is better, `test.left.loss` the
 * test loss of left, `loss.final` the final loss. Reports, figures, early stopping and sweeps take words and direction from
 * here.
 *
 * @param name as histories and runs have it: part, task and quantity with dots between them, each but the quantity left out
 *   where there is none
 * @throws OptionError unless it is a text
 *
 * @example
 * resultName("validation.accuracy"); // { label: "validation accuracy", better: "max" }
 * resultName("test.left.loss").label; // "test loss of left"
 */
export function resultName(name: string): ResultName {
  if (typeof name !== "string") {
    throw new OptionError(
      `resultName: expected a name such as "validation.loss"; got ${describeValue(name)}.`,
    );
  }
  const words = name.split(".");
  const [last] = words.slice(-1);
  const choice =
    words.length > 1 && Object.hasOwn(choices, last) ? choices[words.pop() as string] : undefined;
  const part =
    words.length > 1 && Object.hasOwn(parts, words[0]) ? parts[words.shift() as string] : undefined;
  const at = words.map((word) => Object.hasOwn(quantities, word)).lastIndexOf(true);
  if (at < 0) return { label: [choice, part, words.join(" ")].filter(Boolean).join(" "), better: undefined };
  const [word] = words.splice(at, 1);
  const { label = word, better } = quantities[word];
  const of = words.length > 0 ? ` of ${words.join(" ")}` : "";
  return { label: `${[choice, part, label].filter(Boolean).join(" ")}${of}`, better };
}
