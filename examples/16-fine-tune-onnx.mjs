// A network from an ONNX file, trained further on other data than it has seen, and written back as an ONNX file.
import { mkdir, readFile } from "node:fs/promises";
import { adam, createTrainer, digits, namedArrays, spec, takeRows, toOnnx, trace } from "isoloss";
import { split } from "isoloss/data";
import { convnet } from "isoloss/nn";
import { writeFileAtomic } from "isoloss/node";
import { fineTune } from "isoloss-onnx";

const { images, labels } = digits();
const [first, second] = split(labels.data.length, [0.5, 0.5], 0).map((rows) => ({
  inputs: { ...takeRows(images, rows), shape: [rows.length, 1, 8, 8] },
  labels: takeRows(labels, rows),
}));

// In the place of a file of yours: a convnet that knows dark digits on white.
const model = convnet({ imageSize: [8, 8], stages: [[8], [16]] });
const trainer = await createTrainer({
  model,
  data: first,
  optimizer: adam(),
  learningRate: 5e-3,
  batchSize: 64,
});
await trainer.run({ epochs: 10 });
const { params } = trainer.current;
const { graph } = trace(({ net, image }) => ({ logits: model.apply(net, image).output }), {
  net: params,
  image: spec([8, 1, 8, 8]),
});
await mkdir("out", { recursive: true });
await writeFileAtomic("out/known.onnx", toOnnx(graph, { constants: namedArrays({ net: params }) }));
await trainer.dispose();

// The same digits as negatives, which it has never seen.
const negatives = {
  inputs: { ...second.inputs, data: second.inputs.data.map((v) => 1 - v) },
  labels: second.labels,
};
const tuned = await fineTune(await readFile("out/known.onnx"), {
  data: negatives,
  epochs: 5,
  learningRate: 2e-3,
  freeze: ["net.convs.0.*"],
});
await writeFileAtomic("out/tuned.onnx", tuned.bytes);
const percent = ({ validation }) => `${(100 * validation.accuracy).toFixed(0)} %`;
console.log(`negatives, as the file came: ${percent(tuned.before)} right`);
console.log(`after epoch ${tuned.best.epoch}: ${percent(tuned.best)}`);
console.log(
  `frozen: ${tuned.parameters.frozen} of ${tuned.parameters.frozen + tuned.parameters.trained} numbers`,
);
