// Files side by side in ONNX Runtime. Its WebAssembly is loaded with the first comparison, and not before.
import { fromOrtTensor, type ImportedInput, type OutputDifference, toOrtData } from "isoloss/onnx";
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { randomBatch } from "./random-batch.js";
import { type Sizes, shapeOf } from "./sizes.js";

export interface OrtComparison {
  readonly outputs: readonly OutputDifference[];
  /** Number of examples that were compared. */
  readonly examples: number;
}

/** Examples that are compared at least. */
const leastExamples = 64;

// Threads would start the page's script again.
env.wasm.numThreads = 1;
env.logLevel = "error";

interface Found {
  readonly shape: readonly number[];
  readonly absolute: number;
  /** The first file's largest finite magnitude, if there is one; 0 of outputs without elements. */
  readonly scale?: number | undefined;
}

/** Compares two files on the same random inputs. */
export async function compareInOrt(
  file: Uint8Array,
  other: Uint8Array,
  {
    inputs,
    sizes,
    seed,
  }: { readonly inputs: readonly ImportedInput[]; readonly sizes: Sizes; readonly seed: number },
): Promise<OrtComparison> {
  const [each = 1] = inputs.length > 0 ? shapeOf(inputs[0], sizes) : [];
  const runs = Math.ceil(leastExamples / Math.max(1, each));
  const sessions = [await InferenceSession.create(file), await InferenceSession.create(other)];
  // Such as float16, which the model is read without.
  const types = new Map(
    sessions[0].inputMetadata.map((input) => [input.name, input.isTensor ? input.type : "sequence"]),
  );
  const found = new Map<string, Found>();
  try {
    for (let k = 0; k < runs; k++) {
      const feeds = Object.fromEntries(
        Object.entries(randomBatch(inputs, sizes, seed + k)).map(([name, array]) => {
          const type = types.get(name) as "float32";
          return [name, new Tensor(type, toOrtData(name, array, type) as Float32Array, array.shape)];
        }),
      );
      const [first, second] = [await sessions[0].run(feeds), await sessions[1].run(feeds)];
      for (const [name, result] of Object.entries(first)) {
        const [{ shape, data }, other] = [result, second[name]].map(fromOrtTensor);
        const before = found.get(name) ?? { shape, absolute: 0 };
        let { absolute, scale = data.length === 0 ? 0 : undefined } = before;
        for (let i = 0; i < data.length; i++) {
          const [a, b] = [Number(data[i]), Number(other.data[i])];
          // NaN stays: two values that are none differ by none.
          if (!Object.is(a, b)) absolute = largest(absolute, Math.abs(a - b));
          if (Number.isFinite(a)) scale = Math.max(scale ?? 0, Math.abs(a));
        }
        found.set(name, { ...before, absolute, scale });
      }
    }
  } finally {
    for (const session of sessions) await session.release();
  }
  const outputs = [...found].map(([name, { shape, absolute, scale }]) => ({
    name,
    shape,
    absolute,
    // Without a finite number nothing was compared.
    relative: absolute === 0 && scale !== undefined ? 0 : absolute / (scale ?? 0),
  }));
  return { outputs, examples: runs * each };
}

/** The larger number, and NaN where one is. */
const largest = (a: number, b: number): number => (Number.isNaN(a) || a > b ? a : b);
