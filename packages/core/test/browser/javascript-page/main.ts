// A page of a project that has not installed ONNX Runtime.
import { compile, createTrainer, digits, every, mlp, positiveScaling, sgd, spec, trace } from "isoloss";
import { matmul } from "isoloss/ops";

/** A training on the digits with a teleport, without a word about runtimes. */
async function train() {
  const { images, labels } = digits();
  const data = { inputs: images, labels };
  const trainer = await createTrainer({
    model: mlp({ sizes: [64, 32, 10] }),
    data,
    optimizer: sgd({ momentum: 0.9 }),
    learningRate: 0.1,
    batchSize: 64,
    teleport: { when: every(50), symmetry: positiveScaling },
  });
  await trainer.run({ steps: 100 });
  const { accuracy = Number.NaN } = await trainer.evaluate(data);
  const { runtime } = trainer.executable;
  const { teleports } = trainer.history;
  await trainer.dispose();
  return { accuracy, runtime, teleports: teleports.length };
}

/** Where a product of large matrices runs, and what is said of that. */
async function large(runtime: "auto" | "onnx") {
  const { graph } = trace((x) => matmul(x, x), [spec([128, 128])]);
  const { runtime: ranOn, advice } = await compile(graph, { runtime });
  return { ranOn, advice };
}

export const javascriptCases = { train, large };

Object.assign(globalThis, { cases: javascriptCases });
