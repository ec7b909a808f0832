// Prints by how many bytes a process has grown at its peak in two steps on a network of 4.9 million shared parameters
// with 40 tasks: with `losses` a step is one backward pass, of their sum; with `gramian` it is one for each, and that.
import { readFileSync } from "node:fs";
import { array, compile, createMultiTaskTrainer, sgd, sizeOf, torchGenerator, trace } from "isoloss";
import { createRng } from "isoloss/data";
import { fairGrad, linearScalarization } from "isoloss/mtl";
import { binaryCrossEntropyWithLogits, convLayer, initConv2d, initLinear, linear } from "isoloss/nn";
import { flattenFrom, maxPool2d, relu, slice, square } from "isoloss/ops";

const tasks = Array.from({ length: 40 }, (_, k) => `${k}`);
const examples = 16;

const rng = torchGenerator(0);
const shared = {
  convs: [initConv2d(rng, 3, 16, 3), initConv2d(rng, 16, 32, 3), initConv2d(rng, 32, 64, 3)],
  fc: initLinear(rng, 64 * 8 * 8, 1200),
};
const heads = Object.fromEntries(tasks.map((task) => [task, initLinear(rng, 1200, 1)]));

const losses = (params, { x, y }) => {
  const h = params.shared.convs.reduce(
    (z, conv) => relu(maxPool2d(convLayer(z, conv, { padding: 1 }), { kernel: 2 })),
    x,
  );
  const z = relu(linear(flattenFrom(h, 1), params.shared.fc));
  return tasks.map((task, k) =>
    binaryCrossEntropyWithLogits(
      linear(z, params.heads[task]),
      slice(y, { starts: [0, k], ends: [examples, k + 1] }),
    ),
  );
};

const numbers = createRng(0);
const floats = (shape, draw) => {
  const data = Float32Array.from({ length: sizeOf(shape) }, draw);
  return { shape, data };
};
const data = {
  x: floats([examples, 3, 64, 64], () => numbers.normal()),
  y: floats([examples, 40], () => Number(numbers.next() < 0.5)),
};

/** The largest resident memory of this process so far, in bytes: getrusage counts the parent's, too. */
const peak = () => 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))[1]);

// The runtime's own library and threads are there before anything is counted.
const one = array([1, 2]);
const warm = await compile(trace(({ x }) => square(x), { x: one }).graph, {
  runtime: "onnx",
});
await warm.run({ x: one });
await warm.dispose();
const before = peak();

const trainer = await createMultiTaskTrainer({
  losses,
  params: { shared, heads },
  data,
  method: process.argv[2] === "gramian" ? fairGrad() : linearScalarization(),
  optimizer: sgd(),
  learningRate: 1e-3,
  runtime: "onnx",
});
await trainer.run({ steps: 2 });
await trainer.dispose();
console.log(JSON.stringify({ bytes: peak() - before, norms: trainer.history.norms.map((list) => list[0]) }));
