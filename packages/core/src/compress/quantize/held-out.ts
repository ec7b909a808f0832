import { OptionError } from "../../errors.js";
import type { NamedValues } from "../../model-file/compare/random-inputs.js";
import { calibrationShare, heldOutShare } from "../../moves/quantization-noise/calibration-share.js";
import { exampleCounts, rowsOf } from "./examples.js";

/** Examples to quantize by, and others to judge by. */
export interface Examples {
  readonly calibration: readonly NamedValues[];
  readonly heldOut: readonly NamedValues[];
}

/**
 * Holds out the last quarter of the batches; of fewer than four batches the last examples of each, where they can be taken
 * apart.
 *
 * @throws OptionError where there is a single example, or a single batch that cannot be taken apart
 */
export function withHeldOut(bytes: Uint8Array, batches: readonly NamedValues[]): Examples {
  const countOf = exampleCounts(bytes);
  const counts = batches.map((batch) => countOf(batch) ?? 0);
  const isDivisible = counts.every((count) => count > 1);
  if (batches.length >= heldOutShare || (batches.length > 1 && !isDivisible)) {
    const kept = calibrationShare(batches.length);
    return { calibration: batches.slice(0, kept), heldOut: batches.slice(kept) };
  }
  if (!isDivisible) {
    throw new OptionError(
      "quantizeModel: a part of the calibration is held out to judge the result, so it must have two examples or more; or give heldOut. " +
        "A batch whose size the file fixes, or with inputs that do not have equally many examples, is not taken apart: give two batches or more.",
    );
  }
  const split = batches.map((batch, k) => {
    const kept = calibrationShare(counts[k]);
    return { kept: rowsOf(batch, 0, kept), rest: rowsOf(batch, kept, counts[k] - kept) };
  });
  return { calibration: split.map(({ kept }) => kept), heldOut: split.map(({ rest }) => rest) };
}
