// Trains a small model in a worker thread with the built package: x <- x - rate (x - 1) in ONNX Runtime.
import { parentPort, workerData } from "node:worker_threads";
import { array, compile, grad, spec, trace } from "isoloss";
import { mul, square, sub, sum } from "isoloss/ops";

const loss = (x) => mul(0.5, sum(square(sub(x, 1))));
const { graph } = trace(({ x }) => ({ x: sub(x, mul(0.5, grad(loss)(x))) }), { x: spec([2]) });
const executable = await compile(graph, { runtime: "onnx", scan: { carry: { x: "x" } } });
const { x } = await executable.run({ x: array(workerData) }, { steps: 3 });
await executable.dispose();
parentPort.postMessage({ runtime: executable.runtime, x: Array.from(x.data) });
