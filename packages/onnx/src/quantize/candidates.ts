import { IsolossError, sizeOf, type Tensor, trace } from "isoloss";
import type { OrbitPoints } from "isoloss/internal";
import { absorbedBiases, canTurn, rotated } from "isoloss/moves";
import { cast, concat, reshape } from "isoloss/ops";
import { analyze } from "isoloss/symmetry";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { imported, type OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { isReason, type Reason } from "../model-file/prepare/linear-layer.js";
import { numbered, outputsOf, pointsIn } from "./equalize-for-quantization.js";
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

/**
 * The model at other points of the orbit of its scalings, for a rounding: with ranges of units equalized, and where a quantization of the
 * weights, or of weights and activations, is predicted to make least noise; or why there are none. Bounds at fixed numbers stay, and are early
 * or late for scaled units: the prediction weighs that as noise.
 */
export type Orbit = (rounding: Parameters<OrbitPoints<unknown>>[0]) => Promise<readonly Candidate[] | Reason>;

/** Finds out once what all roundings need. */
export function openOrbit(file: OnnxFile, calibration: readonly NamedValues[]): Orbit {
  const opening = orReason(() => pointsIn(file, evenBatches(file, calibration)[0]));
  let equal: Candidate | undefined;
  return async (rounding) => {
    const opened = await opening;
    if (isReason(opened)) return opened;
    const { points, prepared } = opened;
    return orReason(() => {
      const moved = points(rounding).filter(({ name }) => name !== AS_IT_IS);
      if (moved.length === 0) return { reason: "the model has no scalings" };
      return moved.map(({ name, params }) => {
        // Equal ranges are those of the weights as they are, whatever rounds them.
        if (name === "equal weight ranges" && equal !== undefined) return equal;
        const own = { name, file: withParamsIn(prepared, params) };
        if (name === "equal weight ranges") equal = own;
        return own;
      });
    });
  };
}

/** A model with high biases absorbed behind its ReLUs, or why there is none. */
export function absorbedFile(
  file: OnnxFile,
  data: Readonly<Record<"calibration" | "heldOut", readonly NamedValues[]>>,
): Promise<OnnxFile | Reason> {
  return orReason(async () => {
    const [calibration, heldOut] = evenBatches(file, data.calibration, data.heldOut);
    const model = imported(file);
    const outputs = outputsOf(model);
    const flat = (x: Tensor) => cast(reshape(x, [sizeOf(x.shape)]), "float32");
    type Tensors = Readonly<Record<string, Tensor>>;
    const all = (p: Tensors, batch: Tensors) => concat(outputs(p, batch).map(flat));
    const found = await absorbedBiases(all, model.params, numbered(model, calibration), {
      heldOut: numbered(model, heldOut),
      // The error of the quantized file, which is measured, counts what is clipped.
      limit: Number.MAX_VALUE,
    });
    return found.absorbed === 0
      ? { reason: "no shift passes a ReLU with a bias to absorb" }
      : withParamsIn(file, found.params);
  });
}

/** A model with rotated spaces, or why there is none. */
export function rotatedFile(file: OnnxFile, example: NamedValues): Promise<OnnxFile | Reason> {
  return orReason(() => {
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
    return withParamsIn(file, rotated({ p: params }, found, { by: "descended" }).p);
  });
}

/** What a function makes, or why it cannot. */
async function orReason<T>(make: () => T | Promise<T>): Promise<T | Reason> {
  try {
    return await make();
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: cause.message };
  }
}
