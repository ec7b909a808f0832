import { defaultProvider, inTurn, loadOrt, whyNoOrt } from "#ort";
import { encodeModel } from "./codec.js";
import type { OnnxModel } from "./schema.js";

const operator = "Inverse";

/** Inverts float64 matrices of one size. */
export interface InverseKernel {
  /** A^-1 of A [n, n]; meaningless or NaN if A is singular. */
  run(a: Float64Array): Promise<Float64Array>;
  dispose(): Promise<void>;
}

/**
 * ONNX Runtime's own operator for inverses, by LU decomposition with partial pivoting; not part of the ONNX
 * standard. Undefined if the build lacks it or ONNX Runtime is not installed.
 */
export async function compileInverse(n: number): Promise<InverseKernel | undefined> {
  if ((await whyNoOrt()) !== undefined) return undefined;
  const ort = await loadOrt(defaultProvider);
  let session: Awaited<ReturnType<typeof ort.InferenceSession.create>>;
  try {
    session = await ort.InferenceSession.create(encodeModel(model(n)), {
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
    });
  } catch (cause) {
    // The error of a build that lacks the operator contains its name.
    if (String(cause).includes(operator)) return undefined;
    throw cause;
  }
  return {
    async run(a) {
      const feeds = { x: new ort.Tensor("float64", a, [n, n]) };
      const { y } = await inTurn(defaultProvider, () => session.run(feeds));
      return y.data as Float64Array;
    },
    dispose: () => session.release(),
  };
}

function model(n: number): OnnxModel {
  const matrix = { dtype: "float64" as const, shape: [n, n] };
  const domain = "com.microsoft";
  return {
    irVersion: 9,
    opsets: [
      { domain: "", version: 18 },
      { domain, version: 1 },
    ],
    producer: "isoloss",
    metadata: {},
    graph: {
      name: "inverse",
      inputs: [{ name: "x", ...matrix }],
      outputs: [{ name: "y", ...matrix }],
      initializers: [],
      nodes: [{ opType: operator, domain, inputs: ["x"], outputs: ["y"], attributes: {} }],
    },
  };
}
