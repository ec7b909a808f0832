import type { Tensor } from "isoloss";
import { IsolossError, sizeOf } from "isoloss";
import { absorbedBiases } from "isoloss/moves";
import { cast, concat, reshape } from "isoloss/ops";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { imported, type OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import type { CandidateData } from "./candidates.js";
import { evenBatches } from "./examples.js";

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
