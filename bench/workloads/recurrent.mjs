// A recurrent net: one loop of the graph forward, and one back.
import { compile, sgd, spec, trace, valueAndGrad } from "isoloss";
import { add, fill, matmul, mean, mul, reshape, scan, sigmoid, slice, square, tanh } from "isoloss/ops";
import { parameter, signed } from "../formula.mjs";
import { carryOf, float, named, stepper } from "./support.mjs";

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

export const recurrent = { lstm: { make: lstmTraining, peers: ["lstm"], reach: 1.0 } };
