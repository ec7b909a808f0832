// Networks on sequences: a recurrent one, one loop of the graph forward and one back, and a transformer.
import { compile, crossEntropy, sgd, spec, trace, valueAndGrad } from "isoloss";
import { sequenceTransformer } from "isoloss/nn";
import { add, fill, matmul, mean, mul, reshape, scan, sigmoid, slice, square, tanh } from "isoloss/ops";
import { labels, parameter, signed } from "../formula.mjs";
import { carryOf, float, named, parameters, stepper } from "./support.mjs";

const [length, batch, inputs, size] = [50, 32, 64, 128];

const gate = (x, k) => slice(x, { starts: [0, k * size], ends: [batch, (k + 1) * size] });

/** All hidden values [T, B, H] of an LSTM; gates in PyTorch's order i, f, g, o. */
function lstm({ weight_ih, weight_hh, bias_ih, bias_hh }, x) {
  const rows = matmul(reshape(x, [length * batch, inputs]), weight_ih, { transposeB: true });
  const sums = reshape(add(rows, add(bias_ih, bias_hh)), [length, batch, 4 * size]);
  const start = { h: fill([batch, size], 0), c: fill([batch, size], 0) };
  const step = ({ h, c }, sum) => {
    const gates = add(sum, matmul(h, weight_hh, { transposeB: true }));
    const kept = mul(sigmoid(gate(gates, 1)), c);
    const next = add(kept, mul(sigmoid(gate(gates, 0)), tanh(gate(gates, 2))));
    const after = { h: mul(sigmoid(gate(gates, 3)), tanh(next)), c: next };
    return [after, after.h];
  };
  return scan(step, start, sums)[1];
}

async function lstmTraining(threads) {
  const shapes = {
    weight_ih: [4 * size, inputs],
    weight_hh: [4 * size, size],
    bias_ih: [4 * size],
    bias_hh: [4 * size],
  };
  const params = Object.fromEntries(
    Object.entries(shapes).map(([name, shape], k) => [name, parameter(shape, k)]),
  );
  const step = (p, x, lr) => {
    const [loss, g] = valueAndGrad((q) => mean(square(lstm(q, x))))(p);
    return { p: sgd().update(g, {}, p, lr).params, loss };
  };
  const x = signed([length, batch, inputs], 1000);
  const { graph } = trace(({ p, x, lr }) => step(p, x, lr), { p: params, x, lr: spec([]) });
  const executable = await compile(graph, { threads, scan: { carry: carryOf(graph) } });
  return stepper(executable, named("p", params), { fixed: { x, lr: float(0.01) }, stepsPerRun: 5 });
}

/** The language model of bytes of experiments/language-model.yaml. */
async function transformerTraining(threads) {
  const model = sequenceTransformer({
    ...{ tokens: 256, classes: 256, perElement: true, causal: true },
    ...{ width: 256, heads: 8, depth: 4, hidden: 512 },
  });
  const { params } = parameters(model, (path) => /norm\d?\.weight$/.test(path));
  const step = (p, x, y, lr) => {
    const [loss, g] = valueAndGrad((q) => crossEntropy(model.apply(q, x).output, y))(p);
    return { p: sgd().update(g, {}, p, lr).params, loss };
  };
  const fixed = { x: labels([16, 128], 1000, 256), y: labels([16, 128], 1001, 256), lr: float(0.01) };
  const { graph } = trace(({ p, x, y, lr }) => step(p, x, y, lr), { p: params, ...fixed });
  const executable = await compile(graph, { threads });
  return stepper(executable, named("p", params), { fixed });
}

export const recurrent = {
  lstm: { make: lstmTraining, peers: ["lstm"], reach: 0.9 },
  "transformer-small": { make: transformerTraining, peers: ["transformer-small"] },
};
