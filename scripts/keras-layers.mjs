// Keras' layers by their definitions, as plain loops in float64 with channels last: what a conversion is compared with.

/**
 * The last Dense layer's result, before its activation, for one image.
 *
 * @param layers of `modelTopology.model_config.config`, in an order in which they can run
 * @param weights `{ shape, data }` by name
 * @param image `{ height, width, channels, data }`
 */
export function runLayers(layers, weights, image) {
  const values = new Map();
  for (const layer of layers) {
    const inputs = (layer.inbound_nodes[0] ?? []).map(([name]) => values.get(name));
    const own = (part) => weights[`${layer.name}/${part}`];
    values.set(
      layer.name,
      layer.class_name === "InputLayer" ? image : rules[layer.class_name](inputs, layer.config, own),
    );
  }
  return [...values.get(layers.at(-1).name).data];
}

const elementwise = (value, f) => ({ ...value, data: Float64Array.from(value.data, f) });

const rules = {
  ZeroPadding2D: ([x], { padding: [[top, bottom], [left, right]] }) => {
    const [height, width] = [x.height + top + bottom, x.width + left + right];
    const data = new Float64Array(height * width * x.channels);
    for (let row = 0; row < x.height; row++) {
      const from = row * x.width * x.channels;
      data.set(x.data.subarray(from, from + x.width * x.channels), ((row + top) * width + left) * x.channels);
    }
    return { height, width, channels: x.channels, data };
  },
  Conv2D: ([x], config, own) => convolution(padded(x, config), config, own("kernel"), false),
  DepthwiseConv2D: ([x], config, own) =>
    convolution(padded(x, config), config, own("depthwise_kernel"), true),
  BatchNormalization: ([x], { epsilon }, own) => {
    const [gamma, beta, mean, variance] = ["gamma", "beta", "moving_mean", "moving_variance"].map(
      (part) => own(part).data,
    );
    return elementwise(x, (value, i) => {
      const c = i % x.channels;
      return (gamma[c] * (value - mean[c])) / Math.sqrt(variance[c] + epsilon) + beta[c];
    });
  },
  ReLU: ([x], { max_value: most }) => elementwise(x, (value) => Math.min(Math.max(value, 0), most)),
  Add: ([a, b]) => elementwise(a, (value, i) => value + b.data[i]),
  AveragePooling2D: ([x], { pool_size: [height, width] }) => {
    if (height !== x.height || width !== x.width) throw new Error("Only pooling over the whole image.");
    const data = new Float64Array(x.channels);
    x.data.forEach((value, i) => {
      data[i % x.channels] += value / (height * width);
    });
    return { height: 1, width: 1, channels: x.channels, data };
  },
  Flatten: ([x]) => x,
  Dropout: ([x]) => x,
  Dense: ([x], { units, activation }, own) => {
    const [kernel, bias] = [own("kernel").data, own("bias").data];
    const data = Float64Array.from({ length: units }, (_, u) =>
      x.data.reduce((sum, value, i) => sum + value * kernel[i * units + u], bias[u]),
    );
    return elementwise({ height: 1, width: 1, channels: units, data }, (y) =>
      activation === "relu" ? Math.max(y, 0) : y,
    );
  },
};

/** Padding "same" at stride 1: as much before as after for odd kernels. */
function padded(x, { padding, strides, kernel_size: [size] }) {
  if (padding === "valid" || size === 1) return x;
  if (strides[0] !== 1) throw new Error("Padding same at a stride above 1 is not known.");
  const by = (size - 1) / 2;
  return rules.ZeroPadding2D([x], {
    padding: [
      [by, by],
      [by, by],
    ],
  });
}

function convolution(x, { strides: [stride] }, kernel, isDepthwise) {
  const [kh, kw, inner, outer] = kernel.shape;
  const channels = isDepthwise ? inner : outer;
  const height = Math.floor((x.height - kh) / stride) + 1;
  const width = Math.floor((x.width - kw) / stride) + 1;
  const data = new Float64Array(height * width * channels);
  for (let place = 0; place < height * width; place++) {
    const [row, column] = [Math.floor(place / width) * stride, (place % width) * stride];
    for (let k = 0; k < kh * kw; k++) {
      const from = ((row + Math.floor(k / kw)) * x.width + column + (k % kw)) * x.channels;
      for (let c = 0; c < inner; c++) {
        const value = x.data[from + c];
        const at = (k * inner + c) * outer;
        if (isDepthwise) data[place * channels + c] += value * kernel.data[at];
        else for (let o = 0; o < outer; o++) data[place * channels + o] += value * kernel.data[at + o];
      }
    }
  }
  return { height, width, channels, data };
}
