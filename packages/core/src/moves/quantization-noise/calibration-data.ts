// Batches to calibrate with, and those that are held out to compare on.
import { isNdArray, type NdArray } from "../../array.js";
import type { Batch, BatchSpec } from "../../batch.js";
import { describeValue, isPlainObject } from "../../describe.js";
import { OptionError } from "../../errors.js";
import { isSpecLeaf } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { calibrationShare } from "./calibration-share.js";
import { isBatches } from "./options.js";

type Values = Readonly<Record<string, NdArray>>;

/** Batches by the names of a graph's inputs. */
export interface CalibrationData {
  readonly calibration: readonly Values[];
  readonly heldOut: readonly Values[];
}

/** What a function is traced with, and the data; undefined where only shapes are given. */
export function dataOf(
  calibration: readonly Batch[] | BatchSpec,
  heldOut: readonly Batch[] | undefined,
): { readonly example: BatchSpec; readonly data: CalibrationData | undefined } {
  if (isShapes(calibration)) return { example: calibration, data: undefined };
  if (!isBatches(calibration)) {
    throw new OptionError(
      "minimizeQuantizationNoise takes a list of calibration batches, such as [{ x: images }], or without data the shapes of one, " +
        `such as { x: spec([1, 784]) }; got ${describeValue(calibration)}.`,
    );
  }
  const [example] = calibration;
  const named = (batches: readonly Batch[]) => batches.map((batch) => namedArrays({ batch }));
  if (heldOut !== undefined)
    return { example, data: { calibration: named(calibration), heldOut: named(heldOut) } };
  if (calibration.length < 2) {
    throw new OptionError(
      "minimizeQuantizationNoise compares on held-out data: give two calibration batches or more, of which the last quarter is held out, or heldOut: [batch].",
    );
  }
  const end = calibrationShare(calibration.length);
  return {
    example,
    data: { calibration: named(calibration.slice(0, end)), heldOut: named(calibration.slice(end)) },
  };
}

/** Shapes that are no arrays: data have a list around them. */
const isShapes = (value: unknown): value is BatchSpec =>
  isPlainObject(value) && Object.values(value).every((leaf) => isSpecLeaf(leaf) && !isNdArray(leaf));

/** Number of examples of some batches, by the first axis of their first arrays. */
export const examplesOf = (batches: readonly Values[]): number =>
  batches.reduce((sum, batch) => sum + (Object.values(batch)[0]?.shape[0] ?? 1), 0);
