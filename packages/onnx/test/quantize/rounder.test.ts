import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { normal } from "isoloss-test-support/compress/quantize/support";
import { opened } from "isoloss-test-support/model-file/builder";
import { fileOf, node } from "isoloss-test-support/nn/onnx/support";
import { build } from "tsdown";
import { expect, it, vi } from "vitest";
import { roundLayer } from "../../src/quantize/layer-rounding.js";
import { unitsOf } from "../../src/quantize/operand-moments.js";
import { openRounder } from "../../src/quantize/rounder.js";
import { writeQdq } from "../../src/quantize/write-qdq.js";
import configs from "../../tsdown.config.js";

/** A layer with moments of 3 parts of its examples. */
function layer(per: "tensor" | "channel" | "block") {
  const [rows, n] = [50, 40];
  const x = normal(1, [1, n]);
  const bytes = fileOf({
    inputs: { x },
    initializers: { w: normal(2, [n, 7]) },
    nodes: [node("MatMul", ["x", "w"])],
  });
  const weights = { bits: per === "block" ? 4 : 8, per, blockSize: 16 } as const;
  const [weight] = writeQdq(opened(bytes), new Map(), {
    weights,
    activations: "none",
    leave: new Set(),
  }).weights;
  const { shape, outAxis, node: product } = weight.layer;
  const units = unitsOf(product, shape, outAxis, per === "block" ? 16 : 1);
  if (units === undefined) throw new Error("The layer has no units.");
  const [all, some, others] = [3, 4, 5].map((seed) => {
    const { data } = normal(seed, [rows, n]);
    const moments = new Float64Array(units.m ** 2);
    for (let k = 0; k < moments.length; k++) {
      const [i, j] = [Math.floor(k / units.m), k % units.m];
      for (let r = 0; r < rows; r++) moments[k] += Number(data[r * n + i]) * Number(data[r * n + j]);
    }
    return moments;
  });
  return { weight, units, moments: { all, some, others } };
}

it("a thread rounds layers as this one does, which takes its place where there is no file for it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-rounder-"));
  try {
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    await build({ ...configs[1], config: false, cwd, outDir: folder, logLevel: "error" });
    const urlOf = (name: string) => pathToFileURL(join(folder, name, "index.js")).href;
    for (const [url, isThread] of [
      [urlOf("."), true],
      [urlOf("nothing"), false],
      ["https://example.org/index.js", false],
    ] as const) {
      const rounder = await openRounder(url);
      for (const per of ["tensor", "channel", "block"] as const) {
        const own = layer(per);
        expect(await rounder.round(own)).toEqual(roundLayer(layer(per)));
        expect(own.moments.all.length === 0).toBe(isThread);
      }
      await rounder.end();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("layers are rounded here once the thread has ended", async () => {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-rounder-"));
  try {
    const file = join(folder, "layer-rounding.js");
    writeFileSync(
      file,
      "export const roundLayer = (layer) => { setTimeout(() => process.exit()); return layer.units.n; };",
    );
    const rounder = await openRounder(pathToFileURL(file).href);
    expect(await rounder.round(layer("channel"))).toBe(layer("channel").units.n);
    // A layer that is sent while it ends is lost, which is an error.
    await vi.waitFor(async () =>
      expect(await rounder.round(layer("channel"))).toEqual(roundLayer(layer("channel"))),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
