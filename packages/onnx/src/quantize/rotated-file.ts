import { IsolossError, trace } from "isoloss";
import { rotated } from "isoloss/moves";
import { analyze } from "isoloss/symmetry";
import { fromOnnx } from "../import/from-onnx.js";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { withParams } from "../model-file/edit/with-params.js";

/** A model with rotated spaces, or why there is none. */
export function rotatedFile(
  bytes: Uint8Array,
  example: NamedValues,
): { readonly bytes: Uint8Array } | { readonly reason: string } {
  try {
    const { params, apply } = fromOnnx(bytes);
    const { graph } = trace(({ p, x }) => apply(p, x), { p: params, x: example });
    const found = analyze(
      graph,
      Object.keys(params).map((name) => `p.${name}`),
    );
    if (found.linear.length + found.orthogonal.length === 0) {
      return { reason: "the model has no space that linear maps or lengths alone touch" };
    }
    return { bytes: withParams(bytes, rotated({ p: params }, found, { by: "descended" }).p) };
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: cause.message };
  }
}
