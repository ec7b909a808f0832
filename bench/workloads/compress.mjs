// What networks of usual size take at 224 pixels: MobileNetV2 1.0 with random weights, its batch norms in the file, and the
// symmetries of ResNet-50.
import { fileURLToPath } from "node:url";
import { spec, symmetriesOf, zeros } from "isoloss";
import { balanced } from "isoloss/moves";
import { convLayer, linear } from "isoloss/nn";
import { add, maxPool2d, mean, relu } from "isoloss/ops";
import {
  equalizeForQuantization,
  foldBatchNorm,
  fromOnnx,
  liftBounds,
  quantizeModel,
  withParams,
} from "isoloss-onnx";
import { runnerImport } from "vite";
import { sources } from "../../scripts/entries.js";
import { signed } from "../formula.mjs";
import { timed } from "./support.mjs";

const builder = fileURLToPath(new URL("../../packages/onnx/test/model-file/mobilenet.ts", import.meta.url));

const images = (count, seed) => ({ x: signed([count, 3, 224, 224], seed) });

/** Batch norms folded, bounds as parameters, weights balanced, written back: by norm on all scalings and linear spaces. */
const balance = (by) => async (bytes) => {
  const { bytes: lifted } = liftBounds(foldBatchNorm(bytes).bytes);
  const model = fromOnnx(lifted);
  const { found } = symmetriesOf((p, batch) => model.apply(p, batch).y, model.params, images(1, 1000));
  return withParams(lifted, await balanced(model.params, found, { by }));
};

/** Eight images to calibrate with, and as many to judge by. */
const batches = Array.from({ length: 8 }, (_, k) => images(2, 1000 + k));

/** The recommended setting: scales for each channel, biases corrected, the weights as they are. */
const recommended = {
  granularity: "channel",
  equalize: false,
  compensate: false,
  calibration: [images(64, 1000)],
};

/** A function of the file, measured in wall time, with the processor's time beside it. */
const onFile = (run) => async () => {
  const { module } = await runnerImport(builder, { resolve: { alias: { "#ort": sources["#ort"] } } });
  const bytes = module.mobileNetV2();
  const processor = [];
  const seconds = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  return {
    compileSeconds: 0,
    runtime: "host and onnx (cpu)",
    notes: () => ({ note: `${Math.min(...processor).toFixed(2)} s of processors`, processor }),
    async measure(duration) {
      const us = await timed(async () => {
        const begin = seconds();
        await run(bytes);
        processor.push(seconds() - begin);
      }, duration);
      return { us };
    },
  };
};

const conv = (from, to, size = 1) => ({ weight: zeros([to, from, size, size]), bias: zeros([to]) });

/** Blocks, channels and stride of each stage: K. He et al., "Deep residual learning for image recognition", CVPR 2016, table 1. */
const stages = [
  [3, 64, 1],
  [4, 128, 2],
  [6, 256, 2],
  [3, 512, 2],
];

/** ResNet-50, its batch norms folded: whatever its weights are, the graph has the same symmetries. */
function resnet50() {
  let from = 64;
  const blocks = stages.flatMap(([count, width, stride]) =>
    Array.from({ length: count }, (_, k) => {
      const convs = [conv(from, width), conv(width, width, 3), conv(width, 4 * width)];
      const block = { convs, ...(k === 0 ? { shortcut: conv(from, 4 * width) } : {}) };
      from = 4 * width;
      return { block, stride: k === 0 ? stride : 1 };
    }),
  );
  const apply = (p, x) => {
    const stem = relu(convLayer(x, p.stem, { stride: 2, padding: 3 }));
    const last = p.blocks.reduce(
      (h, { convs: [narrow, middle, wide], shortcut }, k) => {
        const { stride } = blocks[k];
        const inner = relu(convLayer(relu(convLayer(h, narrow)), middle, { stride, padding: 1 }));
        return relu(add(convLayer(inner, wide), shortcut ? convLayer(h, shortcut, { stride }) : h));
      },
      maxPool2d(stem, { kernel: 3, stride: 2, padding: 1 }),
    );
    return linear(mean(last, { axes: [2, 3] }), p.head);
  };
  const head = { weight: zeros([1000, from]), bias: zeros([1000]) };
  return { apply, params: { stem: conv(3, 64, 7), blocks: blocks.map(({ block }) => block), head } };
}

/** The symmetries of ResNet-50 for one image. */
async function discovering() {
  const { apply, params } = resnet50();
  const image = spec([1, 3, 224, 224]);
  return {
    compileSeconds: 0,
    runtime: "host",
    measure: async (seconds) => ({ us: await timed(() => symmetriesOf(apply, params, image), seconds) }),
  };
}

const within = (seconds) => ({ base: { name: `${seconds} s`, us: 1e6 * seconds }, reach: 1.0 });

export const compress = {
  "discover-resnet50": { make: discovering, ...within(0.2) },
  "mobilenet-balance": { make: onFile(balance("norm")), ...within(1) },
  "mobilenet-balance-range": { make: onFile(balance("range")), ...within(1) },
  "mobilenet-noise": {
    make: onFile((bytes) => equalizeForQuantization(bytes, batches)),
    ...within(5),
    isSlow: true,
  },
  "mobilenet-quantize": {
    make: onFile((bytes) => quantizeModel(bytes, recommended)),
    ...within(20),
    isSlow: true,
  },
};
