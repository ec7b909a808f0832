import { type NdArray, OptionError, takeRows } from "isoloss";
import { permutation } from "isoloss/data";
import { calibrationShare, heldOutShare } from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { exampleCounts, rowsAt } from "./examples.js";

/** Examples to quantize by, and others to judge by. */
export interface Examples {
  readonly calibration: readonly NamedValues[];
  readonly heldOut: readonly NamedValues[];
}

/**
 * Holds out a random quarter of the examples of each batch, where batches have four or more and can be taken apart; else of the
 * batches, or of fewer than four batches of the examples. Examples may be sorted by class: the last ones would be of one.
 *
 * @throws OptionError where there is a single example, or a single batch that cannot be taken apart
 */
export function withHeldOut(bytes: Uint8Array, batches: readonly NamedValues[]): Examples {
  const countOf = exampleCounts(bytes);
  const counts = batches.map((batch) => countOf(batch) ?? 0);
  const fewest = Math.min(...counts);
  if (fewest < heldOutShare && batches.length > 1 && (batches.length >= heldOutShare || fewest < 2)) {
    const { kept, rest } = parts(batches.length, 0);
    return { calibration: kept.map((k) => batches[k]), heldOut: rest.map((k) => batches[k]) };
  }
  if (fewest < 2) {
    throw new OptionError(
      "quantizeModel: a part of the calibration is held out to judge the result, so it must have two examples or more; or give heldOut. " +
        "A batch whose size the file fixes, or with inputs that do not have equally many examples, is not taken apart: give two batches or more.",
    );
  }
  const split = batches.map((batch, k) => {
    const { kept, rest } = parts(counts[k], k);
    return { kept: rowsAt(batch, kept), rest: rowsAt(batch, rest) };
  });
  return { calibration: split.map(({ kept }) => kept), heldOut: split.map(({ rest }) => rest) };
}

/** The name under which batches carry labels while they are divided: no input has it. */
const LABELS = "";

/**
 * Batches with the labels of their examples, which are divided with them.
 *
 * @throws OptionError unless there is a label for each example
 */
export function withLabels(
  batches: readonly NamedValues[],
  labels: NdArray,
  what: string,
): readonly NamedValues[] {
  const counts = batches.map(examplesOf);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (labels.shape[0] !== total) {
    throw new OptionError(
      `quantizeModel: metric.labels must have an entry along its first axis for each of the ${total} examples of ${what}; got the shape [${labels.shape.join(", ")}].`,
    );
  }
  let first = 0;
  return batches.map((batch, k) => {
    const rows = Array.from({ length: counts[k] }, (_, i) => first + i);
    first += counts[k];
    return { ...batch, [LABELS]: takeRows(labels, rows) };
  });
}

/** Batches of inputs alone, and the labels that they carried. */
export function withoutLabels(batches: readonly NamedValues[]): {
  readonly batches: readonly NamedValues[];
  readonly labels: readonly NdArray[];
} {
  const divided = batches.map(({ [LABELS]: labels, ...batch }) => ({ labels, batch }));
  return { batches: divided.map(({ batch }) => batch), labels: divided.map(({ labels }) => labels) };
}

/** How many examples a batch has: along the first axis of its first input. */
export const examplesOf = (batch: NamedValues): number => Object.values(batch)[0].shape[0] ?? 1;

/**
 * Divides held-out examples into those that choose a file and those that judge it: halves of each batch, or of the batches.
 *
 * @returns undefined for a single example, and a single batch that cannot be taken apart
 */
export function dividedHeldOut(
  bytes: Uint8Array,
  batches: readonly NamedValues[],
): { readonly choosing: readonly NamedValues[]; readonly judging: readonly NamedValues[] } | undefined {
  const countOf = exampleCounts(bytes);
  const counts = batches.map((batch) => countOf(batch) ?? 0);
  if (Math.min(...counts) >= 2) {
    const halves = batches.map((batch, k) => {
      const { kept, rest } = parts(counts[k], k, Math.floor(counts[k] / 2));
      return [rowsAt(batch, kept), rowsAt(batch, rest)];
    });
    return { choosing: halves.map(([own]) => own), judging: halves.map(([, own]) => own) };
  }
  if (batches.length < 2) return undefined;
  const { kept, rest } = parts(batches.length, 0, Math.floor(batches.length / 2));
  return { choosing: kept.map((k) => batches[k]), judging: rest.map((k) => batches[k]) };
}

function parts(
  n: number,
  seed: number,
  kept = calibrationShare(n),
): { readonly kept: readonly number[]; readonly rest: readonly number[] } {
  const order = [...permutation(n, seed)];
  return { kept: order.slice(0, kept), rest: order.slice(kept) };
}
