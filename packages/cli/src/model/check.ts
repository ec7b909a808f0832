// Whether two ONNX files compute the same.
import { compareModels, type OutputDifference } from "isoloss/onnx";
import type { Batch } from "./batches.js";
import type { ModelFile } from "./read-model.js";
import type { Sizes } from "./sizes.js";

type ModelBytes = Pick<ModelFile, "bytes">;

export interface CheckSettings {
  readonly sizes: Sizes;
  readonly seed?: number;
  /** Of random inputs. */
  readonly examples?: number;
  /** Data for some or all inputs; default: random numbers. */
  readonly batches?: readonly Batch[];
}

/** How far each output is apart: the largest differences over all batches. */
export async function differencesOf(
  before: ModelBytes,
  after: ModelBytes,
  { batches = [{}], ...settings }: CheckSettings,
): Promise<readonly OutputDifference[]> {
  let largest: readonly OutputDifference[] | undefined;
  for (const inputs of batches) {
    const { outputs } = await compareModels(before.bytes, after.bytes, { ...settings, inputs });
    largest = largest?.map((one, i) => worse(one, outputs[i])) ?? outputs;
  }
  return largest ?? [];
}

const worse = (a: OutputDifference, b: OutputDifference): OutputDifference => ({
  ...a,
  absolute: Math.max(a.absolute, b.absolute),
  relative: Math.max(a.relative, b.relative),
});

/** The largest relative difference of all outputs. */
export const largestOf = (outputs: readonly OutputDifference[]): number =>
  Math.max(0, ...outputs.map(({ relative }) => relative));
