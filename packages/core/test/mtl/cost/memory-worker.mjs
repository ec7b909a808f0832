// Prints by how many bytes a process has grown at its peak in three steps of a narrow MTAN on CityScapes' tasks: with
// `plain` by linear scalarization alone, with `cost` with a teleport before the third, with an adapter of COST's default.
import { readFileSync } from "node:fs";
import { adam, array, compile, createMultiTaskTrainer, sizeOf, torchGenerator, trace } from "isoloss";
import { createRng } from "isoloss/data";
import { cost, linearScalarization } from "isoloss/mtl";
import { square } from "isoloss/ops";
import { denseTasks } from "isoloss/problems";

const [examples, size] = [8, [64, 128]];
const rng = createRng(0);
const pixels = (channels, draw, Kind = Float32Array) => {
  const shape = [examples, ...channels, ...size];
  return { shape, data: Kind.from({ length: sizeOf(shape) }, draw) };
};
const data = {
  image: pixels([3], () => rng.next()),
  semantic: pixels([], () => BigInt(rng.int(7)), BigInt64Array),
  depth: pixels([1], () => rng.next()),
};
const problem = denseTasks({ channels: [16, 24, 32, 48, 48] });

/** The largest resident memory of this process so far, in bytes. */
const peak = () => 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))[1]);

// The runtime's own library and threads are there before anything is counted.
const one = array([1, 2]);
const warm = await compile(trace(({ x }) => square(x), { x: one }).graph, { runtime: "onnx" });
await warm.run({ x: one });
await warm.dispose();
const before = peak();

const isTeleported = process.argv[2] === "cost";
const teleports = cost({ trigger: "weak", schedule: { start: { step: 2 } }, guard: { samples: 16 } });
const trainer = await createMultiTaskTrainer({
  ...{ losses: problem.losses, params: problem.params(torchGenerator(0)), state: problem.state },
  ...{ tasks: problem.tasks, data, method: linearScalarization(), optimizer: adam(), learningRate: 1e-3 },
  ...(isTeleported ? { beforeStep: teleports.beforeStep } : {}),
  runtime: "onnx",
});
const peaks = [];
for (let i = 0; i < 3; i++) {
  await trainer.run({ steps: 1 });
  peaks.push(peak() - before);
}
console.log(JSON.stringify({ bytes: peaks.at(-1), peaks, reports: trainer.history.events.map(({ event }) => event) }));
await trainer.dispose();
await teleports.dispose();
