import type { Executable, Graph, ImportedModel, NdArray } from "isoloss";
import { compileJavaScript, DataError, IsolossError, namedArrays, simplify, trace } from "isoloss";
import type { OnnxTensor } from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import { compileOnnx } from "isoloss/onnx";
import { arrayOf } from "../../../src/import/arrays.js";
import { fromOnnx } from "../../../src/import/from-onnx.js";
import type { Case } from "./cases.js";

/** What came of a case: the model's numbers, others, or a refusal that says why. */
export type Outcome =
  | { readonly kind: "agrees" }
  | { readonly kind: "wrong"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "crash"; readonly why: string };

export type Arrays = Readonly<Record<string, NdArray>>;

export type Runtime = "javascript" | "onnx";

/** A case's model, the dtype of its floats, and its inputs by name. */
export function readModel(given: Case): { model: ImportedModel; float: FloatDType; arrays: Arrays } {
  const float = given.inputs.some((x) => x?.dtype === "float64") ? "float64" : "float32";
  // Without float64 among the inputs the weights decide.
  const model = fromOnnx(given.bytes, float === "float64" ? { dtype: float } : {});
  const arrays = Object.fromEntries(
    model.inputs.map(({ name }, i) => [name, arrayOf(given.inputs[i] as OnnxTensor, float)]),
  );
  return { model, float, arrays };
}

/** Runs a case as the imported model's user would: the model is read, traced, compiled and run. */
export async function runCase(given: Case, runtime: Runtime): Promise<Outcome> {
  try {
    const { model, float, arrays } = readModel(given);
    const results = await resultsOf(model, arrays, runtime);
    return compared(model, results, given, float);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof IsolossError ? "refused" : "crash", why };
  }
}

/** The inputs whose numbers are known when the model is traced, in the order in which the choices are tried. */
const known: readonly ((x: NdArray) => boolean)[] = [
  () => false,
  ({ shape, data }) => data instanceof BigInt64Array && shape.length < 2,
  () => true,
];

/** Inputs are symbols; where a model needs their numbers to be traced, as shapes and axes, they are arrays. */
async function resultsOf(model: ImportedModel, inputs: Arrays, runtime: Runtime): Promise<Arrays> {
  let refusal: unknown;
  for (const isKnown of known) {
    const part = (wanted: boolean) =>
      Object.fromEntries(Object.entries(inputs).filter(([, x]) => isKnown(x) === wanted));
    try {
      return await resultsOfParts(model, part(false), part(true), runtime);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

async function resultsOfParts(
  model: ImportedModel,
  symbols: Arrays,
  arrays: Arrays,
  runtime: Runtime,
): Promise<Arrays> {
  const { params } = model;
  const { graph } = trace(({ p, x }) => model.apply(p, { ...x, ...arrays }), { p: params, x: symbols });
  const executable = await compiled(graph, runtime);
  const results = await executable.run(namedArrays({ p: params, x: symbols }));
  await executable.dispose();
  return results;
}

async function compiled(graph: Graph, runtime: Runtime): Promise<Executable> {
  const simple = simplify(graph);
  return runtime === "javascript" ? compileJavaScript(simple) : compileOnnx(simple);
}

function compared(model: ImportedModel, results: Arrays, { outputs }: Case, float: FloatDType): Outcome {
  for (const [i, name] of model.outputs.entries()) {
    const expected = arrayOf(outputs[i] as OnnxTensor, float);
    const why = difference(results[name], expected, toleranceOf(outputs[i] as OnnxTensor));
    if (why) return { kind: "wrong", why: `${name}: ${why}` };
  }
  return { kind: "agrees" };
}

/**
 * The suite's own tolerance is 1e-3 of the value. It rounds to bfloat16 by cutting off and ONNX Runtime to the nearest,
 * so that results can differ by the last of 8 bits.
 */
const toleranceOf = ({ dtype }: OnnxTensor): number => (dtype === "bfloat16" ? 2 ** -7 : 1e-3);

function difference(got: NdArray, expected: NdArray, tolerance: number): string | undefined {
  if (String(got.shape) !== String(expected.shape))
    return `shape [${got.shape}] instead of [${expected.shape}]`;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [Number(got.data[i]), Number(expected.data[i])];
    const isSame = Object.is(a, b) || Math.abs(a - b) <= 1e-6 + tolerance * Math.abs(b);
    if (!isSame) return `element ${i} is ${a} instead of ${b}`;
  }
  return undefined;
}
