/** Bundlers find the worker only if it is written like this. */
export const startWorker = () =>
  new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "train" });
