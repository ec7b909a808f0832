import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { simplify } from "../../../src/graph/simplify.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import { halving } from "../scans.js";

const start = array([0, 1, 2, 3]);
const megabytes = () => process.memoryUsage.rss() / 2 ** 20;

it("20,000 runs leave no memory behind", async () => {
  const executable = await compileOnnx(simplify(halving), { provider: "cpu" });
  for (let k = 0; k < 2000; k++) await executable.run({ x: start });
  const before = megabytes();
  for (let k = 0; k < 20_000; k++) await executable.run({ x: start });
  expect(megabytes() - before).toBeLessThan(50);
  await executable.dispose();
});

it("20,000 steps of a loop leave no memory behind and end where they should", async () => {
  const executable = await compileOnnx(simplify(halving), {
    provider: "cpu",
    scan: { carry: { next: "x" } },
  });
  await executable.run({ x: start }, { steps: 20_000 });
  const before = megabytes();
  for (let k = 0; k < 3; k++) {
    const { next, change } = await executable.run({ x: start }, { steps: 20_000 });
    // The fixed point of x = x / 2 + 1.
    expect(Array.from(next.data as Float32Array)).toEqual([2, 2, 2, 2]);
    expect(change.shape).toEqual([20_000, 4]);
  }
  expect(megabytes() - before).toBeLessThan(50);
  await executable.dispose();
});

it("opening and closing 200 sessions leaves no memory behind", async () => {
  const cycle = async () => {
    const executable = await compileOnnx(simplify(halving), { provider: "cpu" });
    await executable.run({ x: start });
    await executable.dispose();
  };
  for (let k = 0; k < 50; k++) await cycle();
  const before = megabytes();
  for (let k = 0; k < 200; k++) await cycle();
  expect(megabytes() - before).toBeLessThan(50);
});

it("the built package trains in two worker threads at once", async () => {
  const results = await Promise.all(
    [
      [9, 1],
      [5, -7],
    ].map(async (x) => {
      const worker = new Worker(new URL("./onnx-worker.mjs", import.meta.url), { workerData: x });
      const [message] = await once(worker, "message");
      await worker.terminate();
      return message;
    }),
  );
  // The distance to 1 halves at each of three steps.
  expect(results).toEqual([
    { runtime: "onnx (cpu)", x: [2, 1] },
    { runtime: "onnx (cpu)", x: [1.5, 0] },
  ]);
});
