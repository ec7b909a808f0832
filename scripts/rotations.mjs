// Measures rotations before rounding on small transformers: `nice node scripts/rotations.mjs [--seeds N]`, about 45 processor
// seconds for each network and seed. Each network learns the digits, is written as a file, moved, quantized, and compared with the file
// in floats on digits that neither training nor calibration has seen, as ONNX Runtime runs both: SQNR in decibels.
import { parseArgs } from "node:util";
import {
  adam,
  createTrainer,
  digits,
  namedArrays,
  spec,
  symmetriesOf,
  takeRows,
  toOnnx,
  trace,
} from "isoloss";
import { split } from "isoloss/data";
import { balanced, rotated } from "isoloss/moves";
import { initLinear, initMultiHeadAttention, linear, multiHeadAttention, patchTransformer } from "isoloss/nn";
import { add, div, mean, relu, reshape, sqrt, square, sum, transpose } from "isoloss/ops";
import { cosineSchedule } from "isoloss/optim";
import { tQuantile } from "isoloss-figures/base";
import { fromOnnx, quantizeModel, withParams } from "isoloss-onnx";

const { values: given } = parseArgs({ options: { seeds: { type: "string", default: "6" } } });
const seeds = Array.from({ length: Number(given.seeds) }, (_, k) => k + 1);
const [width, heads, depth, patch, side] = [32, 4, 2, 2, 8];
const steps = 800;

/** A transformer whose residual stream is read by its length alone: normalizations without means and gains. */
const byLength = {
  init(rng) {
    const patches = initLinear(rng, patch * patch, width);
    const position = initLinear(rng, width, (side / patch) ** 2, { bias: false }).weight;
    const layers = Array.from({ length: depth }, () => ({
      attention: initMultiHeadAttention(rng, width),
      first: initLinear(rng, width, 2 * width),
      second: initLinear(rng, 2 * width, width),
    }));
    return { params: { patches, position, layers, head: initLinear(rng, width, 10) }, state: {} };
  },
  apply({ patches, position, layers, head }, x) {
    const [n, count] = [side / patch, x.shape[0]];
    const cut = transpose(reshape(x, [count, n, patch, n, patch]), [0, 1, 3, 2, 4]);
    let t = add(linear(reshape(cut, [count, n * n, patch * patch]), patches), position);
    for (const { attention, first, second } of layers) {
      t = add(t, multiHeadAttention(normalized(t), attention, { heads }));
      t = add(t, linear(relu(linear(normalized(t), first)), second));
    }
    return { output: linear(mean(normalized(t), { axes: [1] }), head), state: {} };
  },
};
const normalized = (t) => div(t, sqrt(add(mean(square(t), { axes: [2], keepDims: true }), 1e-5)));

const networks = {
  "normalized by length: heads and stream": byLength,
  "layer normalization: heads": patchTransformer({ imageSize: [side, side], patch, width, heads, depth }),
};
const roundings = {
  "weights of 4 bits, per tensor": { activations: "none", weightBits: 4, granularity: "tensor" },
  "weights of 4 bits, per channel": { activations: "none", weightBits: 4, granularity: "channel" },
  "weights of 8 bits, per tensor": { activations: "none", granularity: "tensor" },
  "weights of 8 bits, per channel": { activations: "none", granularity: "channel" },
  "activations, too, per tensor": { activations: "uint8", granularity: "tensor" },
  "activations, too, per channel": { activations: "uint8", granularity: "channel" },
};
const { images, labels } = digits();
const [train, test] = split(images.shape[0], [0.8, 0.2], 0);
const data = { inputs: takeRows(images, train), labels: takeRows(labels, train) };

for (const [name, model] of Object.entries(networks)) {
  const all = [];
  for (const seed of seeds) {
    all.push(await decibels(model, seed));
    console.error(`${name}: seed ${seed}`);
  }
  console.log(`\n${name}, ${seeds.length} seeds\n${tableOf(all)}`);
}

/** SQNR by rounding and move. */
async function decibels(model, seed) {
  const learningRate = cosineSchedule(0.003, { steps });
  const trainer = await createTrainer({ model, data, optimizer: adam(), learningRate, batchSize: 64, seed });
  await trainer.run({ steps });
  const { params } = trainer.current;
  await trainer.dispose();
  const graphOf = (count) =>
    trace((p, x) => ({ y: model.apply(p, x).output }), [params, spec([count, side * side])]).graph;
  const bytes = toOnnx(graphOf, { constants: namedArrays([params]) });
  const file = fromOnnx(bytes);
  const input = file.inputs[0].name;
  const outputs = (p, { x }) => sum(file.apply(p, { [input]: x }).y);
  const { found } = symmetriesOf(outputs, file.params, { x: takeRows(images, train.slice(0, 4)) });
  const turned = (by) => rotated(file.params, found, { by, seed });
  const even = (p) => balanced(p, found, { by: "range" });
  const moves = {
    "equal weight ranges": await even(file.params),
    hadamard: turned("hadamard"),
    random: turned("random"),
    descended: turned("descended"),
    "descended, equal weight ranges": await even(turned("descended")),
  };
  const candidates = Object.entries(moves).map(([name, p]) => ({ name, bytes: withParams(bytes, p) }));
  const examples = {
    calibration: [{ [input]: takeRows(images, train.slice(0, 128)) }],
    heldOut: [{ [input]: takeRows(images, test) }],
  };
  const measured = {};
  for (const [name, rounding] of Object.entries(roundings)) {
    const options = {
      ...examples,
      ...rounding,
      candidates,
      equalize: false,
      biasCorrection: false,
      compensate: false,
    };
    const { table } = await quantizeModel(bytes, options);
    measured[name] = Object.fromEntries(table.map(({ candidate, sqnr }) => [candidate, sqnr]));
  }
  return measured;
}

/** Means of the weights as they are, and mean differences of the others with their intervals of 95 %, seed by seed. */
function tableOf(all) {
  const signed = (v) => `${v < 0 ? "" : "+"}${v.toFixed(1)}`;
  const average = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  return Object.keys(roundings)
    .map((rounding) => {
      const [asItIs, ...moves] = Object.keys(all[0][rounding]);
      const cells = moves.map((move) => {
        const gains = all.map((own) => own[rounding][move] - own[rounding][asItIs]);
        const [n, gain] = [gains.length, average(gains)];
        const deviation = Math.sqrt(gains.reduce((sum, v) => sum + (v - gain) ** 2, 0) / (n - 1));
        const half = n > 1 ? (tQuantile(0.975, n - 1) * deviation) / Math.sqrt(n) : Number.NaN;
        return `${move} ${signed(gain)} [${(gain - half).toFixed(1)}, ${(gain + half).toFixed(1)}]`;
      });
      const still = average(all.map((own) => own[rounding][asItIs])).toFixed(1);
      return `${rounding}: ${asItIs} ${still}; ${cells.join("; ")}`;
    })
    .join("\n");
}
