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

export const cases = { derivatives, rosenbrock, trainAndTeleport, inWorker };

Object.assign(globalThis, { cases });
