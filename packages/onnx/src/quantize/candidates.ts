import { IsolossError, sizeOf, type Tensor, trace } from "isoloss";
import { absorbedBiases, canTurn, rotated } from "isoloss/moves";
import { cast, concat, reshape } from "isoloss/ops";
import { analyze } from "isoloss/symmetry";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { imported, type OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { pointsIn } from "./equalize-for-quantization.js";
import { evenBatches } from "./examples.js";

/** A file that computes the same function as the model, with other weights. */
export interface CandidateFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether its float outputs may differ from the model's, which its error then counts; default: it is skipped. */
  readonly isApproximate?: boolean | undefined;
}

/** The same decoded. */
export interface Candidate extends Pick<CandidateFile, "name"> {
  readonly file: OnnxFile;
}

export const AS_IT_IS = "as it is";

/** How the weights and activations will be rounded. */
interface CandidateRounding {
  readonly bits: number;
  readonly granularity: "tensor" | "channel";
  /** Whether activations stay float. */
  readonly isWeightsAlone: boolean;
}

/** Examples as the candidates are found and compared on. */
interface CandidateData {
  readonly calibration: readonly NamedValues[];
  readonly heldOut: readonly NamedValues[];
}

/**
 * The model at other points of the orbit of its scalings, for a rounding: with ranges of units equalized, and where a quantization of the
 * weights, or of weights and activations, is predicted to make least noise; or why there are none. Bounds at fixed numbers stay, and are early
 * or late for scaled units: the prediction weighs that as noise.
 */
export type Orbit = (rounding: CandidateRounding) => readonly Candidate[] | { readonly reason: string };

/** Finds out once what all roundings need. */
export async function openOrbit(file: OnnxFile, calibration: readonly NamedValues[]): Promise<Orbit> {
  const because = (cause: unknown) => {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: `other weights: ${cause.message}` };
  };
  try {
    const { points, prepared } = await pointsIn(file, evenBatches(file, calibration)[0]);
    let equal: Candidate | undefined;
    return ({ bits, granularity, isWeightsAlone }) => {
      try {
        const found = points({ weights: { bits, granularity }, activations: isWeightsAlone ? "none" : 8 });
        const moved = found.filter(({ name }) => name !== AS_IT_IS);
        if (moved.length === 0) return { reason: "other weights: the model has no scalings" };
        return moved.map(({ name, params }) => {
          // Equal ranges are those of the weights as they are, whatever rounds them.
          if (name === "equal weight ranges" && equal !== undefined) return equal;
          const own = { name, file: withParamsIn(prepared, params) };
          if (name === "equal weight ranges") equal = own;
          return own;
        });
      } catch (cause) {
        return because(cause);
      }
    };
  } catch (cause) {
    const failed = because(cause);
    return () => failed;
  }
}

/** A model with high biases absorbed behind its ReLUs, or why there is none. */
export async function absorbedFile(
  file: OnnxFile,
  data: CandidateData,
): Promise<{ readonly file: OnnxFile } | { readonly reason: string }> {
  const [calibration, heldOut] = evenBatches(file, data.calibration, data.heldOut);
  try {
    const { inputs, outputs, params, apply } = imported(file);
    // Names in a file may hold colons, which those of a graph's inputs must not.
    const numbered = (batch: NamedValues) =>
      Object.fromEntries(inputs.map(({ name }, k) => [`input${k}`, batch[name]]));
    const all = (p: Readonly<Record<string, Tensor>>, batch: Readonly<Record<string, Tensor>>): Tensor => {
      const results = apply(p, Object.fromEntries(inputs.map(({ name }, k) => [name, batch[`input${k}`]])));
      const flat = (x: Tensor) => cast(reshape(x, [sizeOf(x.shape)]), "float32");
      return concat(outputs.map((name) => flat(results[name])));
    };
    const found = await absorbedBiases(all, params, calibration.map(numbered), {
      heldOut: heldOut.map(numbered),
      // The error of the quantized file, which is measured, counts what is clipped.
      limit: Number.MAX_VALUE,
    });
    return found.absorbed === 0
      ? { reason: "no shift passes a ReLU with a bias to absorb" }
      : { file: withParamsIn(file, found.params) };
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: cause.message };
  }
}

/** A model with rotated spaces, or why there is none. */
export function rotatedFile(
  file: OnnxFile,
  example: NamedValues,
): { readonly file: OnnxFile } | { readonly reason: string } {
  try {
    const { params, apply } = imported(file);
    const { graph } = trace(({ p, x }) => apply(p, x), { p: params, x: example });
    const found = analyze(
      graph,
      Object.keys(params).map((name) => `p.${name}`),
    );
    const spaces = [...found.linear, ...found.orthogonal];
    if (spaces.length === 0) {
      return { reason: "the model has no space that linear maps or lengths alone touch" };
    }
    if (!spaces.some((space) => canTurn({ p: params }, space))) {
      return {
        reason: "no space can turn: each is seen through a gain of 0, or is a plane of rotary positions",
      };
    }
    return { file: withParamsIn(file, rotated({ p: params }, found, { by: "descended" }).p) };
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: cause.message };
  }
}
