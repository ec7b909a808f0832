// TensorFlow.js: a step is optimizer.minimize, as its documentation writes a loop of one's own.
import * as tf from "@tensorflow/tfjs";

const tensor = ({ shape, data }) => tf.tensor(data, [...shape]);

/** Images have their channels last here: a convolution [out, in, h, w] becomes [h, w, in, out]. */
function parametersOf({ kind, params }) {
  if (kind !== "convnet") return params.map(tensor);
  return params.map((array) => {
    const t = tensor(array);
    if (array.shape.length === 4) return tf.transpose(t, [2, 3, 1, 0]);
    if (array.shape[1] !== 1568) return t;
    return tf.reshape(tf.transpose(tf.reshape(t, [10, 32, 7, 7]), [0, 2, 3, 1]), [10, 1568]);
  });
}

function outputOf({ kind, slope }, params, x) {
  const linear = (h, w, b) => {
    const z = tf.matMul(h, w, false, true);
    return b ? tf.add(z, b) : z;
  };
  if (kind === "mlp") {
    const [w1, w2, w3] = params;
    return linear(tf.leakyRelu(linear(tf.leakyRelu(linear(x, w1), slope), w2), slope), w3);
  }
  const [w1, b1, w2, b2, w3, b3] = params;
  if (kind === "mlp with biases") {
    return linear(tf.leakyRelu(linear(tf.leakyRelu(linear(x, w1, b1), slope), w2, b2), slope), w3, b3);
  }
  const stage = (h, w, b) => tf.maxPool(tf.relu(tf.add(tf.conv2d(h, w, 1, "same"), b)), 2, 2, "valid");
  return linear(tf.reshape(stage(stage(x, w1, b1), w2, b2), [-1, 1568]), w3, b3);
}

export async function create(workload, { backend, wasmPaths }) {
  if (backend === "wasm") {
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    if (wasmPaths) setWasmPaths(wasmPaths);
  }
  await tf.setBackend(backend);
  await tf.ready();
  const { kind, batches, momentum, rate, classes } = workload;
  const data = batches.map(({ x, y }) => ({
    // One channel: first and last are the same order.
    x: kind === "convnet" ? tf.tensor(x.data, [x.shape[0], 28, 28, 1]) : tensor(x),
    y: tf.oneHot(tf.tensor1d(Int32Array.from(y.data, Number), "int32"), classes),
  }));
  const start = parametersOf(workload);
  const params = start.map((t) => tf.variable(t));
  let optimizer;
  return {
    reset() {
      for (const [k, t] of start.entries()) params[k].assign(t);
      optimizer?.dispose();
      optimizer = momentum > 0 ? tf.train.momentum(rate, momentum) : tf.train.sgd(rate);
    },
    async run(count) {
      let loss;
      for (let t = 0; t < count; t++) {
        const { x, y } = data[t % data.length];
        loss?.dispose();
        const objective = () => tf.losses.softmaxCrossEntropy(y, outputOf(workload, params, x));
        loss = optimizer.minimize(objective, true, params);
      }
      return (await loss.data())[0];
    },
  };
}
