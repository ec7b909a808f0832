// Converts MobileNetV2 of the npm package nsfwjs (Keras layers as TensorFlow.js files, weights of 8 bits) to
// models/mobilenet-v2.onnx, up to the logits: `node scripts/fetch-models.mjs && node scripts/mobilenet-v2.mjs`.
// The file must agree with plain loops over the layers as Keras defines them (keras-layers.mjs).
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeModel } from "isoloss/onnx";
import { foldBatchNorm } from "isoloss-onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { runLayers } from "./keras-layers.mjs";

const folder = fileURLToPath(new URL("../models/", import.meta.url));
const topology = join(folder, "mobilenet-v2-topology.cjs");
const target = join(folder, "mobilenet-v2.onnx");
if (!existsSync(topology)) throw new Error("First: node scripts/fetch-models.mjs");

const require = createRequire(import.meta.url);
const { modelTopology, weightsManifest } = require(topology);
const { layers } = modelTopology.model_config.config;
const weights = readWeights(weightsManifest[0].weights, require(join(folder, "mobilenet-v2-weights.cjs")));
const bytes = encodeModel(modelOf(layers));
await check(bytes);
writeFileSync(`${target}.part`, bytes);
renameSync(`${target}.part`, target);
console.log(`models/mobilenet-v2.onnx: ${bytes.length} bytes`);

/** Numbers are min + scale q of bytes q. */
function readWeights(specs, base64) {
  const stored = Buffer.from(base64, "base64");
  let at = 0;
  const entries = specs.map(({ name, shape, quantization: { min, scale, dtype } }) => {
    if (dtype !== "uint8") throw new Error(`${name} is stored as ${dtype} instead of uint8.`);
    const count = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from(stored.subarray(at, at + count), (q) => min + scale * q);
    at += count;
    return [name, { shape, data }];
  });
  if (at !== stored.length) throw new Error(`The weights are ${at} numbers, the file has ${stored.length}.`);
  return Object.fromEntries(entries);
}

function modelOf(layers) {
  const nodes = [];
  const initializers = [];
  const constant = (name, shape, data) => {
    initializers.push({ name, dtype: "float32", shape, data });
    return name;
  };
  const own = ({ name }, part) => weights[`${name}/${part}`];
  const vector = (layer, part) => {
    const { shape, data } = own(layer, part);
    return constant(`${layer.name}.${part}`, shape, data);
  };
  const node = (opType, name, inputs, attributes = {}) => {
    nodes.push({ opType, name, inputs, outputs: [`${name}.out`], attributes });
    return `${name}.out`;
  };
  const ints = (...value) => ({ kind: "ints", value });
  const int = (value) => ({ kind: "int", value });
  const zero = constant("zero", [], new Float32Array([0]));
  const six = constant("six", [], new Float32Array([6]));
  const convolution = (layer, [input], { before }, isDepthwise) => {
    const { shape, data } = own(layer, isDepthwise ? "depthwise_kernel" : "kernel");
    const [height, width, inner, outer] = shape;
    const name = constant(
      `${layer.name}.weight`,
      isDepthwise ? [inner, 1, height, width] : [outer, inner, height, width],
      channelsFirst(data, shape),
    );
    const [, pad] = before?.config.padding ?? [];
    const pads = pad ?? (layer.config.padding === "same" ? [(width - 1) / 2, (width - 1) / 2] : [0, 0]);
    return node("Conv", layer.name, [input, name], {
      pads: ints(pads[0], pads[0], pads[1], pads[1]),
      strides: ints(...layer.config.strides),
      kernel_shape: ints(height, width),
      group: int(isDepthwise ? inner : 1),
    });
  };
  const makers = {
    InputLayer: () => "images",
    ZeroPadding2D: (_, [input]) => input,
    Conv2D: (layer, inputs, context) => convolution(layer, inputs, context, false),
    DepthwiseConv2D: (layer, inputs, context) => convolution(layer, inputs, context, true),
    BatchNormalization: (layer, [input]) =>
      node(
        "BatchNormalization",
        layer.name,
        [input, ...["gamma", "beta", "moving_mean", "moving_variance"].map((part) => vector(layer, part))],
        {
          epsilon: { kind: "float", value: layer.config.epsilon },
        },
      ),
    ReLU: ({ name, config }, [input]) => {
      if (config.max_value !== 6) throw new Error(`${name} is no ReLU6.`);
      return node("Clip", name, [input, zero, six]);
    },
    Add: ({ name }, inputs) => node("Add", name, inputs),
    AveragePooling2D: ({ name }, [input]) => node("GlobalAveragePool", name, [input]),
    Flatten: ({ name }, [input]) => node("Flatten", name, [input]),
    Dropout: (_, [input]) => input,
    Dense: (layer, [input]) => {
      const { shape, data } = own(layer, "kernel");
      const weight = constant(`${layer.name}.weight`, shape, data);
      const out = node("Gemm", layer.name, [input, weight, vector(layer, "bias")]);
      return layer.config.activation === "relu" ? node("Relu", `${layer.name}.relu`, [out]) : out;
    },
  };
  const values = new Map();
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  for (const layer of layers) {
    const names = (layer.inbound_nodes[0] ?? []).map(([name]) => name);
    const source = byName.get(names[0]);
    const before = source?.class_name === "ZeroPadding2D" ? source : undefined;
    values.set(
      layer.name,
      makers[layer.class_name](
        layer,
        names.map((name) => values.get(name)),
        { before },
      ),
    );
  }
  const last = nodes.pop();
  return {
    irVersion: 8,
    opsets: [{ domain: "", version: 13 }],
    producer: "isoloss scripts/mobilenet-v2.mjs",
    metadata: { source: "nsfwjs 4.3.0, MIT" },
    graph: {
      name: "mobilenet-v2",
      inputs: [{ name: "images", dtype: "float32", shape: ["N", 3, 224, 224] }],
      outputs: [{ name: "logits", dtype: "float32", shape: ["N", 5] }],
      initializers,
      nodes: [...nodes, { ...last, outputs: ["logits"] }],
    },
  };
}

/** [height, width, in, out] to [out, in, height, width]; of a depthwise kernel [height, width, channels, 1] alike. */
function channelsFirst(data, [height, width, inner, outer]) {
  const out = new Float32Array(data.length);
  const area = height * width;
  for (let i = 0; i < data.length; i++) {
    const [o, c, place] = [i % outer, Math.floor(i / outer) % inner, Math.floor(i / (outer * inner))];
    // One of the two is 1 for a depthwise kernel, so the order of channels is the same.
    out[(o * inner + c) * area + place] = data[i];
  }
  return out;
}

/** Throws unless the file computes what the layers do, before and after folding its batch normalizations. */
async function check(bytes) {
  const area = 224 * 224;
  const pixels = Float32Array.from(
    { length: area * 3 },
    (_, i) => (Math.sin(0.37 * i) * Math.cos(0.0113 * i) + 1) / 2,
  );
  const expected = runLayers(layers, weights, { height: 224, width: 224, channels: 3, data: pixels });
  const planes = Float32Array.from(pixels, (_, i) => pixels[(i % area) * 3 + Math.floor(i / area)]);
  for (const file of [bytes, foldBatchNorm(bytes).bytes]) {
    const session = await InferenceSession.create(file);
    const { logits } = await session.run({ images: new Tensor("float32", planes, [1, 3, 224, 224]) });
    await session.release();
    const difference = Math.max(...logits.data.map((logit, i) => Math.abs(logit - expected[i])));
    console.log(`largest difference of logits from the layers' definition: ${difference.toExponential(1)}`);
    if (!(difference < 1e-3)) throw new Error(`Expected the logits ${expected}, came ${logits.data}.`);
  }
}
