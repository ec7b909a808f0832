// The comparison with ONNX Runtime's own quantizer, on a small network in the place of the recognizer.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeNpy } from "isoloss/data";
import { normal } from "isoloss-test-support/compress/quantize/support";
import { Builder } from "isoloss-test-support/model-file/builder";
import { hasPackage } from "isoloss-test-support/runtime/onnx/python";
import { expect, it } from "vitest";

const command = fileURLToPath(new URL("../../../../experiments/onnx/peers/run.mjs", import.meta.url));

it.skipIf(!["onnx", "onnxruntime", "torch"].every(hasPackage))(
  "experiments/onnx/peers judges the files of both quantizers",
  () => {
    const models = mkdtempSync(join(tmpdir(), "isoloss-peers-"));
    try {
      const b = new Builder({ seed: 1 });
      const pool = b.node("GlobalAveragePool", [b.node("Relu", [b.conv("x", 3, 32, { bias: true })])]);
      const file = b.bytes(["n", 3, 8, 8], b.product(b.node("Flatten", [pool]), 32, 4));
      writeFileSync(join(models, "ch_PP-OCRv4_rec_infer.onnx"), file);
      mkdirSync(join(models, "data"));
      for (const [seed, part] of ["calibration", "held-out"].entries())
        writeFileSync(join(models, "data", `upright-${part}.npy`), encodeNpy(normal(seed, [16, 3, 8, 8])));
      execFileSync(process.execPath, [command, "recognizer", "--models", models]);
      const { recognizer } = JSON.parse(readFileSync(join(models, "peers/results.json"), "utf8"));
      expect(recognizer).toHaveLength(17);
      for (const { name, error, sqnr, milliseconds, kernels } of recognizer) {
        expect([name, error]).toEqual([name, undefined]);
        if (name !== "float32") expect(sqnr, name).toBeGreaterThan(name.includes("4 bits") ? 10 : 15);
        expect(milliseconds, name).toBeGreaterThan(0);
        expect(kernels.length, name).toBeGreaterThan(0);
      }
      const row = recognizer.find(({ name }: { name: string }) => name.includes("Entropy, per tensor"));
      expect(row.ahead).toHaveLength(3);
    } finally {
      rmSync(models, { recursive: true });
    }
  },
  240_000,
);
