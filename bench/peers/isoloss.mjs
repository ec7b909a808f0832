// Isoloss: a loop of one's own, a compiled step a call.
import { crossEntropy, jit, mlp, sgd, spec, valueAndGrad } from "isoloss";
import { convnet } from "isoloss/nn";

/** The network, and parameters as it has them. */
function networkOf({ kind, params, slope }) {
  if (kind === "convnet") {
    const [w1, b1, w2, b2, w3, b3] = params;
    return {
      net: convnet(),
      start: {
        convs: [
          { weight: w1, bias: b1 },
          { weight: w2, bias: b2 },
        ],
        linear: { weight: w3, bias: b3 },
      },
    };
  }
  const bias = kind === "mlp with biases";
  const weights = params.filter(({ shape }) => shape.length === 2);
  const biases = params.filter(({ shape }) => shape.length === 1);
  const sizes = [weights[0].shape[1], ...weights.map(({ shape }) => shape[0])];
  const layers = weights.map((weight, k) => (bias ? { weight, bias: biases[k] } : { weight }));
  return { net: mlp({ sizes, activation: "leakyRelu", slope, bias }), start: { layers } };
}

export async function create(workload) {
  const { batches, momentum, rate } = workload;
  const { net, start } = networkOf(workload);
  const optimizer = sgd({ momentum });
  const step = await jit(
    (p, s, { x, y }, lr) => {
      const [loss, g] = valueAndGrad((q) => crossEntropy(net.apply(q, x).output, y))(p);
      return { loss, ...optimizer.update(g, s, p, lr) };
    },
    [start, optimizer.init(start), batches[0], spec([])],
  );
  let params;
  let state;
  return {
    reset() {
      params = start;
      state = optimizer.init(start);
    },
    async run(count) {
      let loss;
      for (let t = 0; t < count; t++) {
        ({ params, state, loss } = await step(params, state, batches[t % batches.length], rate));
      }
      return loss.data[0];
    },
  };
}
