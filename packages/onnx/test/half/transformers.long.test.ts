// The move on random transformers: the same float32 results in every bit, and float16 as good as without outliers.
import { toHalf, withParams } from "isoloss-onnx";
import { opened } from "isoloss-test-support/model-file/builder";
import { transformer } from "isoloss-test-support/model-file/transformer";
import { type Arrays, int64, runOrt } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { shiftedAlong } from "../../src/half/descend.js";
import { tracedFile } from "../../src/model-file/traced-file.js";
import { four, randomTransformer } from "./transformers-support.js";

const ids = int64(
  Array.from({ length: 16 }, (_, i) => (13 * i) % 64),
  [2, 8],
);

/** All streams scaled by 2^-5. */
function scaled(bytes: Uint8Array): Uint8Array {
  const { model, found } = tracedFile("test", opened(bytes), { sizes: {}, epsilons: true });
  const params = { ...model.params };
  for (const { axes, exact, stream } of found.scalings) {
    if (!exact || stream === undefined) continue;
    for (const leg of axes) params[leg.path] = shiftedAlong(params[leg.path], leg, Int32Array.of(-5));
  }
  expect(params.tokens).not.toBe(model.params.tokens);
  return withParams(bytes, params);
}

describe("of 100 random transformers", () => {
  const options = Array.from({ length: 100 }, (_, seed) => randomTransformer(seed));

  it("all have bit-identical float32 outputs after the move", async () => {
    const different: number[] = [];
    for (const [seed, own] of options.entries()) {
      const bytes = transformer(own);
      const inputs: Arrays = own.encoder ? { ids, source: ids } : { ids };
      const [before, after] = [await runOrt(bytes, inputs), await runOrt(scaled(bytes), inputs)];
      const [a, b] = [before.logits.data, after.logits.data] as const;
      if (!(a as Float32Array).every((v, i) => Number.isFinite(v) && v === b[i])) different.push(seed);
    }
    expect(different).toEqual([]);
  });

  it("at least 95 are in float16 at most 1 dB worse than without outliers", async () => {
    const worse: string[] = [];
    for (const own of options) {
      const moved = await toHalf(transformer(own), { tolerance: -Infinity });
      const twin = await toHalf(transformer({ ...own, outlier: 0 }), { move: false });
      if (moved.error.sqnr < twin.error.sqnr - 1) {
        const [got, expected] = [moved, twin].map(({ error }) => error.sqnr.toFixed(1));
        worse.push(`${got} instead of ${expected} dB: ${JSON.stringify(own)}`);
      }
    }
    expect(worse.length, worse.join("\n")).toBeLessThanOrEqual(5);
  });
});

describe.each(four)("a transformer with %s", (_, options) => {
  it("is broken in float16 as it is, and rescued without a node more", async () => {
    const bytes = transformer(options);
    const plain = await toHalf(bytes, { move: false });
    const moved = await toHalf(bytes);
    expect(plain.error.sqnr).toBeLessThan(20);
    expect(moved.error.sqnr).toBeGreaterThan(50);
    expect(moved.wide).toEqual([]);
    expect(opened(moved.bytes).model.graph.nodes).toHaveLength(opened(plain.bytes).model.graph.nodes.length);
  });
});
