// Norms of several nodes against ONNX Runtime's own.
import { decodeModel } from "isoloss/onnx";
import { opened } from "isoloss-test-support/model-file/builder";
import {
  type TransformerOptions,
  transformer,
  transformerInputs,
} from "isoloss-test-support/model-file/transformer";
import { runOrt } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { fuseNorms } from "../../src/half/fuse-norms.js";
import { withInnerValues } from "../../src/half/to-half.js";
import { tracedFile } from "../../src/model-file/traced-file.js";

const kinds: readonly (readonly [string, string, TransformerOptions])[] = [
  ["LayerNormalization", "a LayerNorm", { opset: 18 }],
  ["LayerNormalization", "a LayerNorm of operator set 13", { opset: 13, constants: true }],
  ["SimplifiedLayerNormalization", "an RMSNorm", { norm: "rms", opset: 14, keyNorms: true }],
  ["RMSNormalization", "an RMSNorm of operator set 23", { norm: "rms", opset: 23, place: "both" }],
];

it.each(kinds)("%s takes the place of %s", async (opType, _, options) => {
  // With several seeds, as a norm squares by Mul or Pow, and divides by Div or Mul.
  for (const seed of [0, 1, 2]) {
    const own = { width: 16, layers: 1, ...options, seed };
    const bytes = transformer(own);
    const file = opened(bytes);
    const { values } = tracedFile("test", withInnerValues("test", file), { sizes: {} });
    const fused = fuseNorms("test", file, values);
    const { nodes } = decodeModel(fused?.file.bytes as Uint8Array).graph;
    const norms = own.place === "both" ? 5 : own.keyNorms ? 5 : 3;
    expect(nodes.filter((node) => node.opType === opType)).toHaveLength(norms);
    expect(fused?.fused).toHaveLength(norms);
    expect(nodes.some((node) => node.opType === "Sqrt")).toBe(false);
    const inputs = transformerInputs(own);
    const [expected, got] = [
      await runOrt(bytes, inputs),
      await runOrt(fused?.file.bytes as Uint8Array, inputs),
    ];
    const scale = Math.max(...Array.from(expected.logits.data as Float32Array, Math.abs));
    for (const [i, v] of (got.logits.data as Float32Array).entries()) {
      expect(Math.abs(v - Number(expected.logits.data[i]))).toBeLessThan(1e-5 * scale);
    }
  }
});

it("a file without such norms stays", () => {
  const file = opened(transformer({ fused: true, layers: 1 }));
  const { values } = tracedFile("test", withInnerValues("test", file), { sizes: {} });
  expect(fuseNorms("test", file, values)).toBeUndefined();
});
