// A trained model as an .onnx file of standard operators, with its parameters inside.
import { mkdir } from "node:fs/promises";
import { createTrainer, digits, mlp, namedArrays, sgd, spec, toOnnx, trace } from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import { decodeModel } from "isoloss/onnx";
import { softmax } from "isoloss/ops";

const { images, labels } = digits();
const data = { inputs: images, labels };
const model = mlp({ sizes: [64, 32, 10] });
const trainer = await createTrainer({ model, data, optimizer: sgd(), learningRate: 0.5, batchSize: 64 });
await trainer.run({ steps: 200 });
const { params } = trainer.current;

// The graph of a prediction; any graph can be exported, a whole training step too. As a function of the batch's size it
// is written for all sizes.
const predict = (given) => ({ probabilities: softmax(model.apply(given.params, given.images).output) });
const graphOf = (batch) => trace(predict, { params, images: spec([batch, 64]) }).graph;

const bytes = toOnnx(graphOf, { constants: namedArrays({ params }), metadata: { author: "Isoloss" } });

await mkdir("out", { recursive: true });
await writeFileAtomic("out/digits.onnx", bytes);
const { inputs, outputs, nodes } = decodeModel(bytes).graph;
console.log(`out/digits.onnx: ${bytes.length} bytes, ${nodes.length} nodes`);
console.log(`inputs: ${inputs.map(({ name }) => name).join(", ")}`);
console.log(`outputs: ${outputs.map(({ name }) => name).join(", ")}`);
await trainer.dispose();
