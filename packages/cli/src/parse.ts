import { InvalidArgumentError } from "commander";

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
