import { IsolossError } from "../../errors.js";
import { trace } from "../../graph/trace.js";
import type { NamedValues } from "../../model-file/compare/random-inputs.js";
import { withParams } from "../../model-file/edit/with-params.js";
import { balanced } from "../../moves/balance/balanced.js";
import { fromOnnx } from "../../nn/onnx/from-onnx.js";
import { analyze } from "../../symmetry/discovery/discovery.js";

/** A file that computes the same function as the model, with other weights. */
export interface CandidateFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether its float outputs may differ from the model's, which its error then counts; default: it is skipped. */
  readonly isApproximate?: boolean | undefined;
}

export const AS_IT_IS = "as it is";

/** The model with ranges of units equalized, where it has scalings; or why there is no such file. */
export async function equalized(
  bytes: Uint8Array,
  batch: NamedValues,
): Promise<CandidateFile | { readonly reason: string }> {
  const name = "ranges equalized";
  try {
    const { params, inputs, apply } = fromOnnx(bytes);
    // Names of a file may hold colons, which names of a graph's inputs must not.
    const { graph } = trace(
      ({ p, x }) => Object.values(apply(p, Object.fromEntries(inputs.map((input, i) => [input.name, x[i]])))),
      { p: params, x: inputs.map((input) => batch[input.name]) },
    );
    const found = analyze(
      graph,
      Object.keys(params).map((own) => `p.${own}`),
    );
    if (!found.scalings.some(({ exact }) => exact)) return { reason: `${name}: the model has no scalings` };
    const { p } = await balanced({ p: params }, found, { by: "range" });
    return { name, bytes: withParams(bytes, p) };
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return { reason: `${name}: ${cause.message}` };
  }
}
