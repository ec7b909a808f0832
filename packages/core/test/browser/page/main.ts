import { derivatives, type Numbers, type Runtime, rosenbrock, trainAndTeleport } from "./cases.js";

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

export const cases = { derivatives, rosenbrock, trainAndTeleport, inWorker, withFilesFrom };

Object.assign(globalThis, { cases });
