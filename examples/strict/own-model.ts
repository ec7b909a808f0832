// A model of your own with a state: a running mean of its inputs, in the trainer and in a run of two tasks.
import {
  createMultiTaskTrainer,
  createTrainer,
  crossEntropy,
  type Dataset,
  digits,
  type Model,
  type NdArray,
  sgd,
  type Tensor,
  type TensorsOf,
  torchGenerator,
  zeros,
} from "isoloss";
import { pcGrad } from "isoloss/mtl";
import { initLinear, type LinearParams, linear, mseLoss, torchRand } from "isoloss/nn";
import { add, mean, mul, relu, sub } from "isoloss/ops";

interface Params {
  readonly hidden: LinearParams;
  readonly last: LinearParams;
}

interface State {
  readonly mean: NdArray;
}

/** The inputs less their mean: in training that of the batch, which the state follows, else that of the state. */
function centered(x: Tensor, state: TensorsOf<State>, isTraining: boolean) {
  if (!isTraining) return { output: sub(x, state.mean), state };
  const center = mean(x, { axes: [0] });
  return { output: sub(x, center), state: { mean: add(mul(0.9, state.mean), mul(0.1, center)) } };
}

const model: Model<Params, State> = {
  init: (rng, { dtype = "float32" } = {}) => ({
    params: { hidden: initLinear(rng, 64, 16, { dtype }), last: initLinear(rng, 16, 10, { dtype }) },
    state: { mean: zeros([64], dtype) },
  }),
  apply({ hidden, last }, x, { state, training = false }) {
    const input = centered(x, state, training);
    return { output: linear(relu(linear(input.output, hidden)), last), state: input.state };
  },
};

const { images, labels } = digits();
const data: Dataset = { inputs: images, labels };
const settings = { optimizer: sgd({ momentum: 0.9 }), batchSize: 64 };
const trainer = await createTrainer({ model, data, ...settings, learningRate: 0.05, teleport: undefined });
await trainer.run({ steps: 120 });
const { loss, accuracy = 0 } = await trainer.evaluate(data);
console.log(loss < 1, accuracy > 0.7, trainer.current.state.mean.shape.join());
await trainer.dispose();

const rng = torchGenerator(0);
const params = {
  shared: initLinear(rng, 4, 8),
  heads: { kind: initLinear(rng, 8, 3), size: initLinear(rng, 8, 1) },
};
const labeled = {
  x: torchRand(rng, [6, 4]),
  kind: { shape: [6], data: BigInt64Array.from([0n, 1n, 2n, 0n, 1n, 2n]) },
  size: torchRand(rng, [6, 1]),
};
const tasks = await createMultiTaskTrainer({
  params,
  state: { mean: zeros([4]) },
  data: labeled,
  losses({ shared, heads }, { x, kind, size }, { state, training, keepState }) {
    const input = centered(x, state, training);
    keepState?.(input.state);
    const z = relu(linear(input.output, shared));
    return [crossEntropy(linear(z, heads.kind), kind), mseLoss(linear(z, heads.size), size)];
  },
  method: pcGrad(),
  optimizer: sgd(),
  learningRate: 0.1,
  clipNorm: undefined,
});
await tasks.run({ steps: 20 });
console.log(tasks.history.losses.every(([first = 0, ...rest]) => (rest.at(-1) ?? first) < first));
await tasks.dispose();

await createMultiTaskTrainer({
  params,
  data: labeled,
  method: pcGrad(),
  optimizer: sgd(),
  learningRate: 0.1,
  // @ts-expect-error the data have no depth
  losses: (_, { depth }) => [depth],
}).catch((error: Error) => console.log(error.name));
