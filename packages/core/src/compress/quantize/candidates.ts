import { IsolossError } from "../../errors.js";
import type { NamedValues } from "../../model-file/compare/random-inputs.js";
import { GraphEditor } from "../../model-file/edit/graph-editor.js";
import { withParams } from "../../model-file/edit/with-params.js";
import { equalizeForQuantization } from "../../moves/quantization-noise/equalize-for-quantization.js";
import { rowsOf } from "./inner-values.js";

/** A file that computes the same function as the model, with other weights. */
export interface CandidateFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether its float outputs may differ from the model's, which its error then counts; default: it is skipped. */
  readonly isApproximate?: boolean | undefined;
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
 * The model at other points of the orbit of its scalings: with ranges of units equalized, and where a quantization is
 * predicted to make least noise; or why there are none. Bounds at fixed numbers stay, and are early or late for scaled
 * units: the prediction weighs that as noise.
 */
export async function orbitCandidates(
  bytes: Uint8Array,
  data: CandidateData,
  { bits, granularity, isWeightsAlone }: CandidateRounding,
): Promise<readonly CandidateFile[] | { readonly reason: string }> {
  const { calibration, heldOut } = evenBatches(bytes, data);
  try {
    const { candidates, prepared } = await equalizeForQuantization(bytes, calibration, {
      heldOut,
      weights: { bits, granularity },
      activations: isWeightsAlone ? "none" : 8,
    });
    const moved = candidates.filter(({ name }) => name === "ranges equalized" || name === "noise minimized");
    if (moved.length === 0) return { reason: "other weights: the model has no scalings" };
    return moved.map(({ name, params }) => ({ name, bytes: withParams(prepared, params) }));
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: `other weights: ${cause.message}` };
  }
}

/** Most examples that are measured at once. */
const MOST = 8;

/** Batches of one size, where the file leaves it open; a rest is left out. */
function evenBatches(bytes: Uint8Array, { calibration, heldOut }: CandidateData): CandidateData {
  const editor = new GraphEditor("quantizeModel", bytes);
  const all = [...calibration, ...heldOut];
  const counts = all.flatMap((batch) => Object.values(batch).map(({ shape }) => shape[0]));
  const isOpen = Object.keys(all[0]).every((name) => typeof editor.input(name)?.shape?.[0] === "string");
  if (!isOpen || counts.some((count) => count === undefined)) return { calibration, heldOut };
  const size = Math.min(MOST, ...counts);
  const even = (batches: readonly NamedValues[]) =>
    batches.flatMap((batch) => {
      const [{ shape }] = Object.values(batch);
      return Array.from({ length: Math.floor(shape[0] / size) }, (_, k) => rowsOf(batch, k * size, size));
    });
  return { calibration: even(calibration), heldOut: even(heldOut) };
}
