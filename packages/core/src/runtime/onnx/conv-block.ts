import { blockedDomain } from "./blocked/layout.js";
import { encodeModel } from "./codec.js";
import type { Ort } from "./ort.js";
import { int, ints, type OnnxModel, type OnnxNode } from "./schema.js";

const found = new WeakMap<Ort, Promise<number | undefined>>();

/**
 * Channels of a block in ONNX Runtime's blocked convolution layout on this processor, or undefined if a small
 * convolution in that layout differs from the plain one. Tested once for each build of the runtime.
 */
export function convBlock(ort: Ort): Promise<number | undefined> {
  const known = found.get(ort) ?? probe(ort);
  found.set(ort, known);
  return known;
}

async function probe(ort: Ort): Promise<number | undefined> {
  for (const block of [16, 8]) if (await works(ort, block)) return block;
  return undefined;
}

/** Runs one pointwise convolution from two blocks of channels to two, in both layouts. */
async function works(ort: Ort, block: number): Promise<boolean> {
  const channels = 2 * block;
  const x = Float32Array.from({ length: channels * 9 }, (_, i) => ((i * 37) % 23) - 11);
  const w = Float32Array.from({ length: channels * channels }, (_, i) => ((i * 29) % 19) - 9);
  try {
    const session = await ort.InferenceSession.create(encodeModel(model(block)), { logSeverityLevel: 4 });
    const results = await session.run({
      x: new ort.Tensor("float32", x, [1, channels, 3, 3]),
      w: new ort.Tensor("float32", w, [channels, channels, 1, 1]),
    });
    const [plain, blocked] = [results.plain.data as Float32Array, results.blocked.data as Float32Array];
    await session.release();
    // Small integers: both sums are exact.
    return plain.every((v, i) => v === blocked[i]);
  } catch {
    return false;
  }
}

function model(block: number): OnnxModel {
  const channels = 2 * block;
  const shape = [channels, channels, 1, 1];
  const indices = (name: string, values: readonly number[]) => ({
    name,
    dtype: "int64" as const,
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  });
  const node = (
    opType: string,
    inputs: string[],
    output: string,
    attributes: OnnxNode["attributes"] = {},
    domain = "",
  ): OnnxNode => ({ opType, inputs, outputs: [output], attributes, domain });
  const images = { dtype: "float32" as const, shape: [1, channels, 3, 3] };
  return {
    irVersion: 9,
    opsets: [
      { domain: "", version: 18 },
      { domain: blockedDomain, version: 1 },
    ],
    producer: "isoloss",
    metadata: {},
    graph: {
      name: "probe",
      inputs: [
        { name: "x", ...images },
        { name: "w", dtype: "float32", shape },
      ],
      outputs: [
        { name: "plain", ...images },
        { name: "blocked", ...images },
      ],
      initializers: [indices("split", [2, block, 2, block, 1]), indices("shape", shape)],
      nodes: [
        node("Conv", ["x", "w"], "plain"),
        node("Reshape", ["w", "split"], "blocks"),
        node("Transpose", ["blocks"], "turned", { perm: ints([0, 2, 4, 3, 1]) }),
        node("Reshape", ["turned", "shape"], "weights"),
        node("ReorderInput", ["x"], "image", { channels_last: int(0) }, blockedDomain),
        node("Conv", ["image", "weights"], "result", { kernel_shape: ints([1, 1]) }, blockedDomain),
        node(
          "ReorderOutput",
          ["result"],
          "blocked",
          { channels: int(channels), channels_last: int(0) },
          blockedDomain,
        ),
      ],
    },
  };
}
