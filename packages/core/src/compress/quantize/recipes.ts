import { calibrate } from "./calibrate.js";
import { AS_IT_IS, type CandidateFile, equalized } from "./candidates.js";
import { type Granularity, type Judge, outputsOfFile, type Recipe } from "./choices.js";
import { errorOf } from "./measure-error.js";
import type { QuantizeModelOptions, quantizeModelOptions } from "./quantize-options.js";

/** Options with their defaults. */
export type Given = ReturnType<typeof quantizeModelOptions.read<QuantizeModelOptions>>;

/** What is to be tried, in the order of what is expected of it. */
export async function recipesFor(
  bytes: Uint8Array,
  given: Given,
  judge: Judge,
  skipped: string[],
): Promise<readonly Recipe[]> {
  const { activations, weights: type, weightBits: bits, reduceRange, blockSize, granularity } = given;
  const isWeightsAlone = activations === "none";
  const method = { method: given.calibrationMethod, percentile: given.percentile };
  const candidates = await Promise.all(
    (await candidatesFor(bytes, given, judge, skipped)).map(async (candidate) => ({
      candidate,
      ranges: isWeightsAlone
        ? new Map()
        : await calibrate(candidate.bytes, judge.calibration, { ...method, ...judge.run }),
    })),
  );
  const usual: readonly Granularity[] = bits === 4 ? ["block", "channel"] : ["channel", "tensor"];
  const granularities = granularity === undefined ? usual : [granularity];
  return granularities.flatMap((per) =>
    (given.biasCorrection ? [true, false] : [false]).flatMap((isBiasCorrected) =>
      candidates.map((own) => ({
        ...own,
        isBiasCorrected,
        settings: { activations, weights: { bits, type, per, blockSize, reduceRange } },
      })),
    ),
  );
}

/** The model and files that compute the same: those that differ by more than rounding are left out, unless they say so. */
async function candidatesFor(
  bytes: Uint8Array,
  { equalize, candidates }: Given,
  judge: Judge,
  skipped: string[],
): Promise<readonly CandidateFile[]> {
  const even = equalize ? [await equalized(bytes, judge.calibration[0])] : [];
  const kept: CandidateFile[] = [{ name: AS_IT_IS, bytes }];
  for (const candidate of [...even, ...candidates]) {
    if ("reason" in candidate) {
      skipped.push(candidate.reason);
      continue;
    }
    if (candidate.isApproximate) {
      kept.push(candidate);
      continue;
    }
    const { largest } = errorOf(
      judge.expected,
      await outputsOfFile(candidate.bytes, judge.heldOut, judge.run),
    );
    if (largest <= MOST_DRIFT) kept.push(candidate);
    else skipped.push(`${candidate.name}: in float its outputs differ by ${largest.toPrecision(2)}`);
  }
  return kept;
}

/** The largest relative difference of outputs that rounding in float32 explains. */
const MOST_DRIFT = 1e-4;

export const nameOf = ({ candidate, settings, isBiasCorrected }: Recipe): string =>
  `${candidate.name}, per ${settings.weights.per}${isBiasCorrected ? ", biases corrected" : ""}`;
