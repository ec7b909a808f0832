import { OptionError } from "../../errors.js";
import type { NamedValues } from "../../model-file/compare/random-inputs.js";
import { GraphEditor } from "../../model-file/edit/graph-editor.js";
import { rowsOf } from "./inner-values.js";

/** Examples to quantize by, and others to judge by. */
export interface Examples {
  readonly calibration: readonly NamedValues[];
  readonly heldOut: readonly NamedValues[];
}

/** One in so many examples judges. */
const SHARE = 4;

/**
 * Holds out the last quarter of the batches; of fewer than four batches the last examples of each, where the file leaves
 * their number open.
 *
 * @throws OptionError where there is a single example
 */
export function withHeldOut(bytes: Uint8Array, batches: readonly NamedValues[]): Examples {
  const editor = new GraphEditor("quantizeModel", bytes);
  const countOf = (batch: NamedValues) => Object.values(batch)[0]?.shape[0] ?? 0;
  const isOpen = batches.every((batch) =>
    Object.keys(batch).every((name) => typeof editor.input(name)?.shape?.[0] !== "number"),
  );
  const isLong = batches.every((batch) => countOf(batch) > 1);
  if (batches.length >= SHARE || (batches.length > 1 && !(isOpen && isLong))) {
    const kept = batches.length - Math.ceil(batches.length / SHARE);
    return { calibration: batches.slice(0, kept), heldOut: batches.slice(kept) };
  }
  if (!(isOpen && isLong)) {
    throw new OptionError(
      "quantizeModel: a part of the calibration is held out to judge the result, so it must have two examples or more; or give heldOut.",
    );
  }
  const split = batches.map((batch) => {
    const count = countOf(batch);
    const kept = count - Math.ceil(count / SHARE);
    return { kept: rowsOf(batch, 0, kept), rest: rowsOf(batch, kept, count - kept) };
  });
  return { calibration: split.map(({ kept }) => kept), heldOut: split.map(({ rest }) => rest) };
}
