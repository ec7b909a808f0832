// Tags for each character of a text: which belong to a date, a time or a price. A GRU reads in both directions.
import { adam, array, createTrainer, spec, takeRows } from "isoloss";
import { createRng, split } from "isoloss/data";
import { f1 } from "isoloss/metrics";
import { recurrentClassifier, summary } from "isoloss/nn";

const rng = createRng(0);
const two = (n) => String(n).padStart(2, "0");
const pick = (list) => list[rng.int(list.length)];
/** Text with the tag of each piece: 0 for plain text, 1 for dates, 2 for times, 3 for prices. */
const pieces = [
  () => [`${two(1 + rng.int(28))}.${two(1 + rng.int(12))}.`, 1],
  () => [`${two(rng.int(24))}:${two(rng.int(60))}`, 2],
  () => [`${rng.int(90) + 10}.${two(rng.int(100))}$`, 3],
  () => [pick(["meet at", "paid", "room 12", "call 555", "from", "until", "page 7.5"]), 0],
];
const length = 32;
const sentence = () => {
  let [text, tags] = ["", []];
  while (text.length < length) {
    const [piece, tag] = pick(pieces)();
    text += `${piece} `;
    tags = [...tags, ...Array(piece.length).fill(tag), 0];
  }
  return { text: text.slice(0, length), tags: tags.slice(0, length) };
};
const sentences = Array.from({ length: 600 }, sentence);
const alphabet = [...new Set(sentences.flatMap(({ text }) => [...text]))].sort();
const inputs = array(
  sentences.map(({ text }) => [...text].map((c) => alphabet.indexOf(c))),
  "int64",
);
const labels = array(
  sentences.map(({ tags }) => tags),
  "int64",
);
const [training, test] = split(sentences.length, [0.8, 0.2], 0).map((rows) => ({
  inputs: takeRows(inputs, rows),
  labels: takeRows(labels, rows),
}));

const model = recurrentClassifier({
  tokens: alphabet.length,
  inputs: 8,
  width: 24,
  bidirectional: true,
  classes: 4,
  perElement: true,
});
console.log(`${summary(model, spec([1, length], "int64")).parameters} parameters`);
const trainer = await createTrainer({
  model,
  data: training,
  optimizer: adam(),
  learningRate: 1e-2,
  batchSize: 32,
});
await trainer.run({ epochs: 8 });
const result = await trainer.evaluate(test, { metrics: { f1: f1() } });
console.log(`accuracy ${(100 * result.accuracy).toFixed(1)} %, F1 ${result.f1.toFixed(3)}`);

const { text } = sentence();
const scores = await trainer.predict(array([[...text].map((c) => alphabet.indexOf(c))], "int64"));
const tags = [...text].map((_, t) => {
  const row = scores.data.slice(4 * t, 4 * t + 4);
  return ".dt$"[row.indexOf(Math.max(...row))];
});
console.log(text);
console.log(tags.join(""));
await trainer.dispose();
