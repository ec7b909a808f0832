// A folder of images, one folder a class: read, divided, and classified by a small MobileNet.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { decode, encode } from "fast-png";
import { adam, array, createTrainer, digits, takeRows } from "isoloss";
import { split } from "isoloss/data";
import { confusion } from "isoloss/metrics";
import { mobilenet } from "isoloss/nn";

// In the place of photos of yours: the embedded digits 3, 5 and 8 as PNG files.
const { images, labels } = digits();
for (const digit of [3, 5, 8]) {
  await mkdir(`out/images/${digit}`, { recursive: true });
  for (const [k, label] of labels.data.entries()) {
    if (Number(label) !== digit) continue;
    const pixels = Uint8Array.from(images.data.slice(64 * k, 64 * k + 64), (v) => 255 * v);
    await writeFile(
      `out/images/${digit}/${k}.png`,
      encode({ width: 8, height: 8, channels: 1, data: pixels }),
    );
  }
}

const names = (await readdir("out/images")).sort();
const found = await Promise.all(
  names.map(async (name) => {
    const files = (await readdir(`out/images/${name}`)).sort();
    return Promise.all(files.map(async (file) => decode(await readFile(`out/images/${name}/${file}`))));
  }),
);
const all = found.flatMap((list, y) =>
  list.map(({ data }) => ({ y, pixels: Float32Array.from(data, (v) => v / 255) })),
);
const data = {
  inputs: { shape: [all.length, 1, 8, 8], data: Float32Array.from(all.flatMap(({ pixels }) => [...pixels])) },
  labels: array(
    all.map(({ y }) => y),
    "int64",
  ),
};
const [training, test] = split(all.length, [0.8, 0.2], 0).map((rows) => ({
  inputs: takeRows(data.inputs, rows),
  labels: takeRows(data.labels, rows),
}));

const trainer = await createTrainer({
  model: mobilenet({ stem: 8, stages: [[8], [12]], expansion: 3, head: 32, classes: names.length }),
  data: training,
  optimizer: adam(),
  learningRate: 5e-3,
  batchSize: 32,
});
await trainer.run({ epochs: 6 });
const result = await trainer.evaluate(test, { metrics: { table: confusion() } });
console.log(`${all.length} images in ${names.join(", ")}`);
console.log(`accuracy ${(100 * result.accuracy).toFixed(0)} % on ${test.labels.shape[0]} that were not seen`);
console.log(
  `mistaken: ${test.labels.shape[0] - [0, 1, 2].reduce((n, k) => n + Number(result.table.data[4 * k]), 0)}`,
);
await trainer.dispose();
