// Float16 and 8 bits on a language model of bytes, in bits per byte, as it is and with scales that are planted along its symmetries:
// `node scripts/language-model.mjs FILE [--quick]`. FILE is what experiments/language-model.yaml trains: isoloss run language-model,
// isoloss export runs/language-model-0 --to onnx --out FILE. With --quick, fewer windows of the texts calibrate, choose and judge.
import { readFileSync } from "node:fs";
import { symmetriesOf, takeRows } from "isoloss";
import { createRng } from "isoloss/data";
import { sum } from "isoloss/ops";
import { scaling } from "isoloss/symmetry";
import { fromOnnx, quantizeModel, toHalf, withParams } from "isoloss-onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { data as texts } from "../experiments/language-model.mjs";

const { data, test: heldOut } = texts();
const [few, judging] = process.argv[3] === "--quick" ? [4, 32] : [16, heldOut.inputs.shape[0]];
const bytes = new Uint8Array(readFileSync(process.argv[2]));
const file = fromOnnx(bytes, { epsilons: true });
const [{ name: input }] = file.inputs;
const [output] = file.outputs;
const rows = (from, count) => ({ [input]: takeRows(data.inputs, range(from, count)) });
const { found } = symmetriesOf((p, { x }) => sum(file.apply(p, { [input]: x })[output]), file.params, {
  x: takeRows(data.inputs, range(0, 1)),
});
const exact = found.scalings.filter((own) => own.exact);
const units = exact.filter(({ stream }) => stream === undefined);
const streams = exact.filter(({ stream }) => stream !== undefined);
const rng = createRng(1);

/** The same function with weights scaled along symmetries, by logarithms for each unit. */
async function planted(generators, log) {
  const T = generators.map(({ size }) => ({ shape: [size], data: Float64Array.from({ length: size }, log) }));
  return withParams(bytes, await scaling(generators).act(file.params, T, {}));
}

const files = {
  "as trained": bytes,
  "gauges, sigma 1.5": await planted(units, () => 1.5 * rng.normal()),
  "stream x 30": await planted(streams, () => Math.log(30)),
  "stream x 50": await planted(streams, () => Math.log(50)),
};
const calibration = [rows(0, few), rows(1000, few)];
const chosenBy = [rows(3000, few), rows(5000, few)];
const eightBits = { calibration, heldOut: chosenBy, activations: "uint8" };
for (const [name, own] of Object.entries(files)) {
  const cells = [["float32", await bitsPerByte(own)]];
  for (const move of [false, true]) {
    const half = await toHalf(own, { move, calibration, heldOut: chosenBy, tolerance: -Infinity });
    const text = `float16 ${move ? "moved" : "as it is"} (${half.error.sqnr.toFixed(1)} dB rounded everywhere)`;
    cells.push([text, await bitsPerByte(half.bytes)]);
  }
  for (const granularity of ["channel", "tensor"]) {
    const plain = { ...eightBits, granularity, equalize: false, biasCorrection: false, compensate: false };
    const { bytes: rounded } = await quantizeModel(own, plain);
    cells.push([`8 bits per ${granularity} as it is`, await bitsPerByte(rounded)]);
    const chosen = await quantizeModel(own, { ...eightBits, granularity });
    cells.push([
      `8 bits per ${granularity}, ${chosen.recommended.candidate}`,
      await bitsPerByte(chosen.bytes),
    ]);
  }
  for (const [what, bits] of cells) console.log(`${name}: ${what}: ${bits.toFixed(3)}`);
}

function range(from, count) {
  const [all] = data.inputs.shape;
  return Array.from({ length: count }, (_, i) => (from + i) % all);
}

/** Mean of -log2 of the probability of each byte of the held-out text. */
async function bitsPerByte(own) {
  const session = await InferenceSession.create(own, {
    graphOptimizationLevel: "extended",
    logSeverityLevel: 3,
  });
  let [bits, number] = [0, 0];
  for (let from = 0; from < judging; from += 16) {
    const list = Array.from({ length: Math.min(16, judging - from) }, (_, i) => from + i);
    const { data: ids, shape } = takeRows(heldOut.inputs, list);
    const { [output]: logits } = await session.run({ [input]: new Tensor("int64", ids, shape) });
    takeRows(heldOut.labels, list).data.forEach((label, k) => {
      const scores = logits.data.subarray(256 * k, 256 * (k + 1));
      const most = scores.reduce((a, b) => Math.max(a, b));
      const total = scores.reduce((a, b) => a + Math.exp(b - most), 0);
      bits += (Math.log(total) + most - scores[Number(label)]) / Math.LN2;
      number++;
    });
  }
  await session.release();
  return bits / number;
}
