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

export const cases = {
  derivatives,
  rosenbrock,
  trainAndTeleport,
  inWorker,
  withFilesFrom,
  /** Loaded when it is asked for, as a page with a part that quantizes would. */
  quantized: async (...args: Parameters<typeof Quantized.quantized>) =>
    (await import("./quantized.js")).quantized(...args),
  weightsAlone: async (...args: Parameters<typeof Quantized.weightsAlone>) =>
    (await import("./quantized.js")).weightsAlone(...args),
};

Object.assign(globalThis, { cases });
