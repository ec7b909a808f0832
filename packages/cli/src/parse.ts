import { InvalidArgumentError } from "commander";
import { nearest } from "./config/nearest.js";

/** Reads a command-line argument as a number; `what` it must be is the message. */
const numberThat =
  (isAllowed: (value: number) => boolean, what: string) =>
  (text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!isAllowed(value)) throw new InvalidArgumentError(`It must be ${what}.`);
    return value;
  };

const integerFrom = (least: number) => (text: string) => {
  const most = Number.MAX_SAFE_INTEGER;
  const range = Number(text) > most ? `from ${least} to ${most}` : `of at least ${least}`;
  return numberThat((x) => Number.isSafeInteger(x) && x >= least, `an integer ${range}`)(text);
};

export const positiveInteger = integerFrom(1);

export const seedNumber = integerFrom(0);

/** A port; 0: any free one. */
export const portNumber = numberThat(
  (x) => Number.isInteger(x) && x >= 0 && x <= 65_535,
  "an integer from 0 to 65535",
);

/** An address to listen on: an empty one would be all that the computer has. */
export function hostAddress(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must be an address such as 127.0.0.1.");
  return text;
}

export const finiteNumber = numberThat(Number.isFinite, "a number");

export const nonNegativeNumber = numberThat((x) => Number.isFinite(x) && x >= 0, "a number of at least 0");

export const positiveNumber = numberThat((x) => Number.isFinite(x) && x > 0, "a number greater than 0");

export const shareNumber = numberThat((x) => x >= 0 && x <= 1, "a number in [0, 1], such as 0.5 for a half");

export const positiveShare = numberThat(
  (x) => x > 0 && x <= 1,
  "a number greater than 0, at most 1, such as 0.99",
);

/** A range of seeds as text, such as 0..4. */
export function seedRange(text: string): string {
  if (!/^\d+\.\.\d+$/.test(text)) throw new InvalidArgumentError("It must be a range such as 0..4.");
  return text;
}

/** The label of an experiment, which has one. */
export function onlyLabel(text: string, before: string | undefined): string {
  if (before === undefined || before === text) return text;
  throw new InvalidArgumentError(
    `It is given twice, ${before} and ${text}. Several labels are several tasks: kind: multi-task, problem: { name: columns, data: { csv: FILE, label: [${before}, ${text}] } }, see isoloss list columns.`,
  );
}

/** A command-line argument that is one of some names. */
export const oneName =
  <const N extends string>(names: readonly N[]) =>
  (text: string): N => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    const meant = nearest(text, names);
    throw new InvalidArgumentError(
      `${meant === undefined ? "" : `Did you mean "${meant}"? `}It must be one of ${names.join(", ")}.`,
    );
  };

/** A command-line argument as a height and a width. */
export function imageSize(text: string): readonly [number, number] {
  const [, height, width] = /^([1-9]\d{0,5})x([1-9]\d{0,5})$/.exec(text) ?? [];
  if (height === undefined)
    throw new InvalidArgumentError("It must be a height and a width such as 224x224.");
  return [Number(height), Number(width)];
}
