import { InvalidArgumentError } from "commander";
import { nearest } from "./config/nearest.js";

/** A command-line argument as an integer >= 1. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be an integer of at least 1.");
  return value;
}

/** A command-line argument as an integer >= 0. */
export function seedNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError("It must be an integer of at least 0.");
  }
  return value;
}

/** A command-line argument as a port; 0: any free one. */
export function portNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError("It must be an integer from 0 to 65535.");
  }
  return value;
}

/** A command-line argument as a finite number. */
export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

/** A command-line argument as a number >= 0. */
export function nonNegativeNumber(text: string): number {
  const value = finiteNumber(text);
  if (value < 0) throw new InvalidArgumentError("It must be a number of at least 0.");
  return value;
}

/** A command-line argument as a number > 0. */
export function positiveNumber(text: string): number {
  const value = finiteNumber(text);
  if (value <= 0) throw new InvalidArgumentError("It must be a number greater than 0.");
  return value;
}

/** A number in [0, 1]. */
export function shareNumber(text: string): number {
  const value = finiteNumber(text);
  if (value < 0 || value > 1)
    throw new InvalidArgumentError("It must be a number in [0, 1], such as 0.5 for a half.");
  return value;
}

/** A number in (0, 1]. */
export function positiveShare(text: string): number {
  const value = finiteNumber(text);
  if (value <= 0 || value > 1)
    throw new InvalidArgumentError("It must be a number greater than 0, at most 1, such as 0.99.");
  return value;
}

/** A range of seeds as text, such as 0..4. */
export function seedRange(text: string): string {
  if (!/^\d+\.\.\d+$/.test(text)) throw new InvalidArgumentError("It must be a range such as 0..4.");
  return text;
}

/** The label of an experiment, which has one. */
export function onlyLabel(text: string, before: string | undefined): string {
  if (before === undefined) return text;
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
