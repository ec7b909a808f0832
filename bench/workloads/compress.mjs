// What a network of usual size takes: MobileNetV2 1.0 at 224 pixels, with random weights, its batch norms in the file.
import { fileURLToPath } from "node:url";
import { symmetriesOf } from "isoloss";
import { balanced } from "isoloss/moves";
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
    notes: () => ({ note: `; ${Math.min(...processor).toFixed(2)} s of processors`, processor }),
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

const within = (seconds) => ({ base: { name: `${seconds} s`, us: 1e6 * seconds }, reach: 1.0 });

export const compress = {
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
