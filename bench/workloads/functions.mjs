// Optimizer steps of small functions, as loops inside the runtime.
import { compile, mlp, sgd, spec, trace, valueAndGrad } from "isoloss";
import { add, leakyRelu, matmul, mul, square, sub, sum } from "isoloss/ops";
import { adagrad } from "isoloss/optim";
import { unit } from "../formula.mjs";
import { carryOf, float, named, stepper, transposed } from "./support.mjs";

async function rosenbrock() {
  const loss = ({ x, y }) => add(mul(100, square(sub(square(x), y))), square(sub(x, 1)));
  const step = (w, lr) => {
    const [value, g] = valueAndGrad(loss)(w);
    return { w: { x: sub(w.x, mul(lr, g.x)), y: sub(w.y, mul(lr, g.y)) }, loss: value };
  };
  const point = { x: float(-1, "float64"), y: float(-1, "float64") };
  const { graph } = trace(({ w, lr }) => step(w, lr), { w: point, lr: spec([], "float64") });
  const executable = await compile(graph, { scan: { carry: carryOf(graph) } });
  return stepper(executable, named("w", point), { fixed: { lr: float(1e-3, "float64") }, stepsPerRun: 1000 });
}

const shapes = [
  [6, 5],
  [7, 6],
  [8, 7],
];
const forward = (w, x) => matmul(w[2], leakyRelu(matmul(w[1], leakyRelu(matmul(w[0], x), 0.1)), 0.1));

/** The paper's regression as it is written there: columns are samples. */
function regression(optimizer, rate) {
  return async () => {
    const w = shapes.map((shape, k) => unit(shape, k, "float64"));
    const data = { x: unit([5, 4], 3, "float64"), y: unit([8, 4], 4, "float64") };
    const loss = (p, { x, y }) => mul(0.5, sum(square(sub(y, forward(p, x)))));
    return optimizing({ loss, start: w, batch: data }, { optimizer, rate });
  };
}

/** Optimizer steps on a loss with fixed data, 300 a run. */
export async function optimizing({ loss, start, batch }, { optimizer, rate }) {
  const state = optimizer.init(start);
  const step = (params, s, b, lr) => {
    const [value, g] = valueAndGrad(loss)(params, b);
    const next = optimizer.update(g, s, params, lr);
    return { params: next.params, state: next.state, loss: value };
  };
  const { graph } = trace(({ params, state, batch, lr }) => step(params, state, batch, lr), {
    params: start,
    state,
    batch,
    lr: spec([], "float64"),
  });
  const executable = await compile(graph, { scan: { carry: carryOf(graph) } });
  const fixed = { ...named("batch", batch), lr: float(rate, "float64") };
  return stepper(
    executable,
    { ...named("params", start), ...named("state", state) },
    { fixed, stepsPerRun: 300 },
  );
}

/** The same regression as a network: rows are samples. */
export function regressionProblem(dtype) {
  const net = mlp({ sizes: [5, 6, 7, 8], activation: "leakyRelu", slope: 0.1, bias: false });
  return {
    loss: (p, { x, y }) => mul(0.5, sum(square(sub(y, net.apply(p, x).output)))),
    start: { layers: shapes.map((shape, k) => ({ weight: unit(shape, k, dtype) })) },
    batch: { x: transposed(unit([5, 4], 3, dtype)), y: transposed(unit([8, 4], 4, dtype)) },
  };
}

export const functions = {
  rosenbrock: { make: rosenbrock, peers: ["rosenbrock"], reach: 0.002 },
  "regression-gd": { make: regression(sgd(), 1e-4), peers: ["regression-gd"], reach: 0.02 },
  "regression-adagrad": { make: regression(adagrad(), 0.1), peers: ["regression-adagrad"], reach: 0.02 },
};
