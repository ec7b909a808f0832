import { IsolossError } from "isoloss";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { equalizedIn } from "./equalize-for-quantization.js";
import { evenBatches } from "./examples.js";

/** A file that computes the same function as the model, with other weights. */
export interface CandidateFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether its float outputs may differ from the model's, which its error then counts; default: it is skipped. */
  readonly isApproximate?: boolean | undefined;
}

/** The same decoded. */
export interface Candidate extends Pick<CandidateFile, "name" | "isApproximate"> {
  readonly file: OnnxFile;
}

export const AS_IT_IS = "as it is";

/** How the weights and activations will be rounded. */
export interface CandidateRounding {
  readonly bits: number;
  readonly granularity: "tensor" | "channel";
  /** Whether activations stay float. */
  readonly isWeightsAlone: boolean;
}

/** Examples as the candidates are found and compared on. */
export interface CandidateData {
  readonly calibration: readonly NamedValues[];
  readonly heldOut: readonly NamedValues[];
}

/**
 * The model at other points of the orbit of its scalings: with ranges of units equalized, and where a quantization of the weights,
 * or of weights and activations, is predicted to make least noise; or why there are none. Bounds at fixed numbers stay, and are early or late for scaled
 * units: the prediction weighs that as noise.
 */
export async function orbitCandidates(
  file: OnnxFile,
  data: CandidateData,
  { bits, granularity, isWeightsAlone }: CandidateRounding,
): Promise<readonly Candidate[] | { readonly reason: string }> {
  const [calibration, heldOut] = evenBatches(file, data.calibration, data.heldOut);
  try {
    const { candidates, prepared } = await equalizedIn(file, calibration, {
      heldOut,
      weights: { bits, granularity },
      activations: isWeightsAlone ? "none" : 8,
    });
    const moved = candidates.filter(({ name }) => name !== AS_IT_IS);
    if (moved.length === 0) return { reason: "other weights: the model has no scalings" };
    return moved.map(({ name, params }) => ({ name, file: withParamsIn(prepared, params) }));
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: `other weights: ${cause.message}` };
  }
}
