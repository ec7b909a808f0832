import { IsolossError, trace } from "isoloss";
import { rotated } from "isoloss/moves";
import { analyze } from "isoloss/symmetry";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { imported, type OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";

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
    if (found.linear.length + found.orthogonal.length === 0) {
      return { reason: "the model has no space that linear maps or lengths alone touch" };
    }
    return { file: withParamsIn(file, rotated({ p: params }, found, { by: "descended" }).p) };
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: cause.message };
  }
}
