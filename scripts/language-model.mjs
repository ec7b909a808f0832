// Trains a language model of bytes on licenses of Debian, and measures float16 and 8 bits on it in bits per byte, as it is and with
// scales that are planted along its symmetries: `nice node scripts/language-model.mjs [--quick]`. The trained file is kept in --file and
// not trained again. About an hour on a core that others use, too; --quick is a small network and takes a minute.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { adam, createTrainer, namedArrays, spec, symmetriesOf, takeRows, toOnnx, trace } from "isoloss";
import { createRng } from "isoloss/data";
import { crossEntropy, sequenceTransformer } from "isoloss/nn";
import { sum } from "isoloss/ops";
import { cosineSchedule, warmUp } from "isoloss/optim";
import { scaling } from "isoloss/symmetry";
import { fromOnnx, quantizeModel, toHalf, withParams } from "isoloss-onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";

const { values: given } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    file: { type: "string", default: "language-model.onnx" },
  },
});

const folder = "/usr/share/common-licenses";
const texts = {
  training: [
    ...["Apache-2.0", "Artistic", "BSD", "CC0-1.0", "GFDL-1.2", "GFDL-1.3", "GPL-1", "GPL-2", "GPL-3"],
    ...["LGPL-2", "LGPL-2.1", "LGPL-3", "MPL-1.1"],
  ],
  heldOut: ["MPL-2.0"],
};
/** Texts that Debian has in its package base-files, each of which may be copied as it is. */
const length = 128;
const [width, heads, depth] = given.quick ? [32, 4, 2] : [256, 8, 4];
const steps = given.quick ? 20 : 1200;

const bytesOf = (names) => Buffer.concat(names.map((name) => readFileSync(`${folder}/${name}`)));

/** Windows of bytes, and the byte behind each. */
function windows(text, stride) {
  const count = Math.floor((text.length - 1 - length) / stride) + 1;
  const cut = (shift) => ({
    shape: [count, length],
    data: BigInt64Array.from({ length: count * length }, (_, k) =>
      BigInt(text[Math.floor(k / length) * stride + (k % length) + shift]),
    ),
  });
  return { inputs: cut(0), labels: cut(1) };
}

const data = windows(bytesOf(texts.training), length / 4);
const heldOut = windows(bytesOf(texts.heldOut), length);

async function trained() {
  const model = sequenceTransformer({
    ...{ tokens: 256, classes: 256, perElement: true, causal: true },
    ...{ width, heads, depth, hidden: 2 * width },
  });
  const learningRate = warmUp(cosineSchedule(0.002, { steps: 0.9 * steps }), { steps: 0.1 * steps });
  const trainer = await createTrainer({
    ...{ model, data, loss: crossEntropy, optimizer: adam(), learningRate, batchSize: 16, seed: 0 },
  });
  const begin = performance.now();
  const every = steps / 10;
  for (let step = 0; step < steps; step += every) {
    await trainer.run({ steps: every });
    const { loss } = await trainer.evaluate(heldOut);
    console.error(
      `${step + every} steps, ${((performance.now() - begin) / 1000).toFixed(0)} s: ${(loss / Math.LN2).toFixed(3)} bits per byte`,
    );
  }
  const { params } = trainer.current;
  const graphOf = (count) =>
    trace(({ params: p, bytes: x }) => ({ logits: model.apply(p, x).output }), {
      params,
      bytes: spec([count, length], "int64"),
    }).graph;
  const bytes = toOnnx(graphOf, { constants: namedArrays({ params }) });
  await trainer.dispose();
  return bytes;
}
if (!existsSync(given.file)) writeFileSync(given.file, await trained());

const bytes = new Uint8Array(readFileSync(given.file));
const file = fromOnnx(bytes, { epsilons: true });
const [{ name: input }] = file.inputs;
const rows = (from, count) => ({ [input]: takeRows(data.inputs, range(from, count)) });
const { found } = symmetriesOf((p, { x }) => sum(file.apply(p, { [input]: x }).logits), file.params, {
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
const calibration = [rows(0, 16), rows(1000, 16)];
const chosenBy = [rows(3000, 16), rows(5000, 16)];
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
  const [count] = heldOut.inputs.shape;
  let [bits, number] = [0, 0];
  for (let from = 0; from < count; from += 16) {
    const list = Array.from({ length: Math.min(16, count - from) }, (_, i) => from + i);
    const { data: ids, shape } = takeRows(heldOut.inputs, list);
    const { logits } = await session.run({ [input]: new Tensor("int64", ids, shape) });
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
