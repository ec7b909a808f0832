// The products of PaddleOCR's recognizer, rounded to 4 bits by rendered lines: scripts/fetch-models.mjs, then scripts/real-lines.mjs.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type NdArray, takeRows } from "isoloss";
import { decodeNpy } from "isoloss/data";
import { expect, it } from "vitest";
import type { NamedValues } from "../../src/model-file/compare/random-inputs.js";
import { OnnxFile } from "../../src/model-file/edit/onnx-file.js";
import { foldBatchNormIn } from "../../src/model-file/prepare/fold-batch-norm.js";
import { compensatedWeights } from "../../src/quantize/compensate-rounding.js";
import { smallBatches } from "../../src/quantize/examples.js";
import { visitValues } from "../../src/quantize/inner-values.js";
import { withoutIdentities } from "../../src/quantize/open-for-quantizing.js";
import type { QuantizedWeight } from "../../src/quantize/quantized-weight.js";
import { groupOf } from "../../src/quantize/weight-grid.js";
import { productWeights } from "../../src/quantize/write-dynamic.js";
import type { WrittenWeight } from "../../src/quantize/write-weights.js";

const models = fileURLToPath(new URL("../../../../models", import.meta.url));
const model = `${models}/ch_PP-OCRv4_rec_infer.onnx`;
const pathOf = (name: string) => `${models}/data/${name}.npy`;
const arrayOf = (name: string) => decodeNpy(readFileSync(pathOf(name)));
const run = { runtime: "onnx" } as const;

/** The first upright lines. */
function linesOf(name: string, count: number): readonly NamedValues[] {
  const labels = [...arrayOf(`${name}-labels`).data];
  const upright = labels.flatMap((label, i) => (Number(label) === 0 ? [i] : []));
  return [{ x: takeRows(arrayOf(name), upright.slice(0, count)) }];
}

/** SQNR in decibels of a product x W with rounded weights. */
function sqnrOf(operands: readonly NdArray[], weight: WrittenWeight, own: QuantizedWeight): number {
  const { floats, type, grid } = weight;
  const [inputs, outputs] = floats.shape;
  const w = floats.data;
  const errors = w.map((value, e) => value - (own.integers[e] - type.zero) * own.scales[groupOf(grid, e)]);
  let [signal, noise] = [0, 0];
  for (const { data } of operands) {
    for (let start = 0; start < data.length; start += inputs) {
      for (let j = 0; j < outputs; j++) {
        let [y, d] = [0, 0];
        for (let k = 0; k < inputs; k++) {
          const x = Number(data[start + k]);
          y += x * w[k * outputs + j];
          d += x * errors[k * outputs + j];
        }
        signal += y ** 2;
        noise += d ** 2;
      }
    }
  }
  return 10 * Math.log10(signal / noise);
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

const isThere = [model, pathOf("lines-training"), pathOf("upright-held-out")].every(existsSync);

it.skipIf(!isThere).each([48, 192])(
  "The eight products of a recognizer's transformer gain 5 dB or more in the mean by GPTQ in blocks of 32 on %i lines, on held-out lines, two of whose five fonts are new (scripts/real-lines.mjs)",
  async (count) => {
    const folded = foldBatchNormIn(OnnxFile.decode("test", new Uint8Array(readFileSync(model)))).file;
    const file = withoutIdentities("test", folded).finish();
    const written = productWeights("test", file, { bits: 4, per: "block", blockSize: 32 }, new Set());
    // The classes of letters have a product of their own.
    const weights = written.weights.filter(({ floats: { shape } }) => shape[1] < 1000);
    expect(weights).toHaveLength(8);
    const operands = new Map(weights.map(({ layer: { node } }) => [node.inputs[0], [] as NdArray[]]));
    const keep = (results: NamedValues) => {
      for (const [name, own] of operands) own.push(results[name]);
    };
    const held = smallBatches(file, [{ x: arrayOf("upright-held-out") }]);
    await visitValues(file, [...operands.keys()], held, keep, run);
    const lines = linesOf("lines-training", count);
    const rounded = await compensatedWeights(file, { ...written, weights }, lines, run);
    const gains = weights.map((weight) => {
      const x = operands.get(weight.layer.node.inputs[0]) ?? [];
      return sqnrOf(x, weight, rounded.get(weight.key) ?? weight.stored) - sqnrOf(x, weight, weight.stored);
    });
    console.info(`GPTQ gains ${mean(gains).toFixed(2)} dB in the mean by ${count} lines`);
    expect(Math.min(...gains)).toBeGreaterThan(3);
    expect(mean(gains)).toBeGreaterThan(5);
  },
  600_000,
);
