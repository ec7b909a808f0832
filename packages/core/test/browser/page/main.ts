import { createTrainer, type Dataset, mlp, type NdArray, sgd } from "isoloss";
import { type DataStream, workerStream } from "isoloss/data";
import { derivatives, type Numbers, type Runtime, rosenbrock, trainAndTeleport } from "./cases.js";
import type * as Quantized from "./quantized.js";

/** {@link derivatives}, computed in a worker while the page stays free. */
async function inWorker(name: "mlp" | "convnet", runtime: Runtime): Promise<Numbers> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise<Numbers>((resolve, reject) => {
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.result));
      worker.postMessage({ name, runtime });
    });
  } finally {
    worker.terminate();
  }
}

/** {@link derivatives}, with the files of ONNX Runtime from a place of the page's choice. */
async function withFilesFrom(
  paths: string | { wasm: string },
  name: "mlp" | "convnet",
  runtime: Runtime,
): Promise<Numbers> {
  const { env } = await import("onnxruntime-web/wasm");
  env.wasm.wasmPaths = paths;
  return derivatives(name, runtime);
}

const waves = new URL("waves.js", location.href);

/** The losses of a training on a stream that a worker reads, and of the same one on a stream that the page reads. */
async function streamInWorker(): Promise<{ worker: number[]; page: number[] }> {
  const module: { waves: DataStream<Dataset> } = await import(/* @vite-ignore */ waves.href);
  const losses = async (data: DataStream<Dataset>) => {
    const model = mlp({ sizes: [16, 8, 2] });
    const options = { model, data, optimizer: sgd(), learningRate: 0.1, batchSize: 50 };
    const trainer = await createTrainer({ ...options, runtime: "javascript" });
    await trainer.run({ epochs: 3 });
    await trainer.dispose();
    return trainer.history.loss;
  };
  const stream = workerStream<Dataset>(waves, { export: "waves", length: 600 });
  const worker = await losses(stream);
  await stream.dispose();
  return { worker, page: await losses(module.waves) };
}

/** What is read of a stream that fails, and its error. */
async function failingInWorker(name: string): Promise<{ parts: number[]; error: string }> {
  const stream = workerStream<{ x: NdArray }>(waves, { export: name });
  const parts: number[] = [];
  try {
    for await (const { x } of stream.batches(0, 0)) parts.push(Number(x.data[0]));
  } catch (error) {
    return { parts, error: String(error) };
  } finally {
    await stream.dispose();
  }
  throw new Error("It has not failed.");
}

export const cases = {
  derivatives,
  rosenbrock,
  trainAndTeleport,
  inWorker,
  streamInWorker,
  failingInWorker,
  withFilesFrom,
  /** Loaded when it is asked for, as a page with a part that quantizes would. */
  quantized: async (...args: Parameters<typeof Quantized.quantized>) =>
    (await import("./quantized.js")).quantized(...args),
  outputsOf: async (...args: Parameters<typeof Quantized.outputsOf>) =>
    (await import("./quantized.js")).outputsOf(...args),
  halved: async (...args: Parameters<typeof Quantized.halved>) =>
    (await import("./quantized.js")).halved(...args),
  weightsAlone: async (...args: Parameters<typeof Quantized.weightsAlone>) =>
    (await import("./quantized.js")).weightsAlone(...args),
};

Object.assign(globalThis, { cases });
