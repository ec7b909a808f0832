import { createRng } from "isoloss/data";
import { float32, runOrt } from "isoloss-test-support/nn/onnx/support";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { liftBounds, lowerBounds } from "../../src/model-file/prepare/bounds.js";
import { dropIdentity } from "../../src/model-file/prepare/drop-identity.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import type { Preparation } from "../../src/model-file/prepare/preparation.js";
import { restoreBatchNorm } from "../../src/model-file/prepare/restore-batch-norm.js";
import { randomFile } from "./random-file.js";

const images = (seed: number) => {
  const rng = createRng(seed);
  const shape = [8, 4, 4, 4];
  return float32(
    Array.from({ length: 512 }, () => rng.normal()),
    shape,
  );
};

type Prepare = (bytes: Uint8Array) => Preparation | Promise<Preparation>;

export const preparations: Readonly<Record<string, Prepare>> = {
  foldBatchNorm,
  liftBounds,
  "lowerBounds after liftBounds": (bytes) => lowerBounds(liftBounds(bytes).bytes),
  dropIdentity,
  restoreBatchNorm: (bytes) => restoreBatchNorm(bytes, { x: images(1) }, { runtime: "javascript" }),
  "all of them": async (bytes) => {
    const folded = foldBatchNorm(dropIdentity(bytes).bytes);
    const restored = await restoreBatchNorm(liftBounds(folded.bytes).bytes, { x: images(1) });
    return lowerBounds(foldBatchNorm(restored.bytes).bytes);
  },
};

export const preparationEntries = Object.entries(preparations);

export function expectSameFunctions(rows: typeof preparationEntries): void {
  describe.each(rows)("%s", (_, prepare) => {
    it.each(Array.from({ length: randomCases(6) }, (_, i) => i))(
      "keeps the function of random network %i",
      async (seed) => {
        const before = randomFile(seed);
        const after = (await prepare(before)).bytes;
        const sizes = { height: 4, width: 4 };
        const { largest } = await compareModels(before, after, { seed, sizes, runtime: "javascript" });
        expect(largest).toBeLessThan(1e-5);
      },
    );

    it("writes files that ONNX Runtime reads, and computes the same with", async () => {
      for (const seed of [2, 3]) {
        const before = randomFile(seed);
        const x = images(seed);
        const run = async (bytes: Uint8Array) =>
          Float64Array.from((await runOrt(bytes, { x })).y.data as Float32Array);
        const [expected, got] = [await run(before), await run((await prepare(before)).bytes)];
        const apart = Math.max(...expected.map((v, i) => Math.abs(v - got[i])));
        expect(apart / Math.max(...expected.map(Math.abs))).toBeLessThan(1e-5);
      }
    });
  });
}
