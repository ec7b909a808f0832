// jax-js: a compiled step that takes and gives parameters and momentum. An array is used up by what takes it, unless as `.ref`.
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";

const arrayOf = ({ shape, data }) => np.array(data).reshape([...shape]);

function outputOf({ kind, slope }, params, x) {
  const linear = (h, w, b) => {
    const z = np.matmul(h, np.transpose(w));
    return b ? z.add(b) : z;
  };
  const leaky = (z) => nn.leakyRelu(z, slope);
  if (kind === "mlp") {
    const [w1, w2, w3] = params;
    return linear(leaky(linear(leaky(linear(x, w1)), w2)), w3);
  }
  const [w1, b1, w2, b2, w3, b3] = params;
  if (kind === "mlp with biases") {
    return linear(leaky(linear(leaky(linear(x, w1, b1)), w2, b2)), w3, b3);
  }
  const stage = (h, w, b, channels) => {
    const z = lax.conv(h, w, [1, 1], "SAME").add(b.reshape([1, channels, 1, 1]));
    return lax.reduceWindow(nn.relu(z), np.max, [2, 2], [2, 2]);
  };
  return linear(stage(stage(x, w1, b1, 16), w2, b2, 32).reshape([-1, 1568]), w3, b3);
}

export async function create(workload) {
  await init("wasm");
  defaultDevice("wasm");
  const { batches, momentum, rate, classes } = workload;
  const lossOf = (params, x, y) => {
    const logp = nn.logSoftmax(outputOf(workload, params, x), -1);
    return np.sum(logp.mul(y)).mul(-1 / batches[0].x.shape[0]);
  };
  const step = jit((params, velocity, x, y) => {
    const [loss, g] = valueAndGrad(lossOf)(
      params.map((p) => p.ref),
      x,
      y,
    );
    if (momentum === 0) return [loss, params.map((p, k) => p.sub(g[k].mul(rate))), velocity];
    const next = velocity.map((v, k) => v.mul(momentum).add(g[k]));
    return [loss, params.map((p, k) => p.sub(next[k].ref.mul(rate))), next];
  });
  const data = batches.map(({ x, y }) => ({
    x: arrayOf(x),
    y: nn.oneHot(np.array(Int32Array.from(y.data, Number), { dtype: np.int32 }), classes),
  }));
  let params = [];
  let velocity = [];
  return {
    reset() {
      for (const array of [...params, ...velocity]) array.dispose();
      params = workload.params.map(arrayOf);
      velocity = momentum > 0 ? workload.params.map(({ shape }) => np.zeros([...shape])) : [];
    },
    async run(count) {
      let loss;
      for (let t = 0; t < count; t++) {
        const { x, y } = data[t % data.length];
        loss?.dispose();
        [loss, params, velocity] = step(params, velocity, x.ref, y.ref);
      }
      return (await loss.data())[0];
    },
  };
}
