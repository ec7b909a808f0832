// A table of numbers and words: a CSV file, a network that predicts one of its columns, and how far off it is.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { array, createTrainer, mlp, takeRows } from "isoloss";
import { createRng, split } from "isoloss/data";
import { mae } from "isoloss/metrics";
import { mseLoss } from "isoloss/nn";
import { adamw } from "isoloss/optim";

// In the place of a file of yours: how far balls fly, by Newton's law with the drag of air, integrated in small steps.
const balls = { golf: [0.046, 0.0214], tennis: [0.058, 0.033], foot: [0.43, 0.11] };
function range(ball, speed, degrees) {
  const [mass, radius] = balls[ball];
  const drag = (0.5 * 1.2 * 0.47 * Math.PI * radius ** 2) / mass;
  let [x, y] = [0, 0];
  let [vx, vy] = [Math.cos, Math.sin].map((f) => speed * f((degrees / 180) * Math.PI));
  while (y >= 0) {
    const v = Math.hypot(vx, vy);
    [vx, vy] = [vx - 0.005 * drag * v * vx, vy - 0.005 * (9.81 + drag * v * vy)];
    [x, y] = [x + 0.005 * vx, y + 0.005 * vy];
  }
  return x;
}
const rng = createRng(0);
const lines = Array.from({ length: 1500 }, () => {
  const ball = Object.keys(balls)[rng.int(3)];
  const [speed, degrees] = [5 + 45 * rng.next(), 10 + 65 * rng.next()];
  return [ball, speed.toFixed(2), degrees.toFixed(1), range(ball, speed, degrees).toFixed(2)].join();
});
await mkdir("out", { recursive: true });
await writeFile("out/throws.csv", ["ball,speed,angle,range", ...lines].join("\n"));

// Words become a column for each, numbers are centered and scaled; so is what is predicted.
const [head, ...rows] = (await readFile("out/throws.csv", "utf8")).split("\n").map((line) => line.split(","));
const words = [...new Set(rows.map(([ball]) => ball))].sort();
const scaled = (name) => {
  const values = rows.map((row) => Number(row[head.indexOf(name)]));
  const center = values.reduce((a, b) => a + b) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - center) ** 2, 0) / values.length);
  return { deviation, values: values.map((v) => (v - center) / deviation) };
};
const [speed, angle, target] = ["speed", "angle", "range"].map(scaled);
const inputs = array(
  rows.map(([ball], i) => [speed.values[i], angle.values[i], ...words.map((word) => Number(word === ball))]),
);
const labels = array(target.values.map((value) => [value]));

const [training, validation, test] = split(rows.length, [0.7, 0.15, 0.15], 0).map((chosen) => ({
  inputs: takeRows(inputs, chosen),
  labels: takeRows(labels, chosen),
}));
const trainer = await createTrainer({
  model: mlp({ sizes: [2 + words.length, 32, 32, 1], activation: "silu" }),
  ...{ data: training, loss: mseLoss, optimizer: adamw(), learningRate: 1e-2, batchSize: 50 },
});
await trainer.run({
  epochs: 60,
  validation,
  earlyStopping: { metric: "loss", patience: 10 },
  best: "restore",
});
const { error } = await trainer.evaluate(test, { metrics: { error: mae() } });
const [off, spread] = [error * target.deviation, target.deviation];
console.log(`${rows.length} throws of ${words.join(", ")}`);
console.log(
  `off by ${off.toFixed(1)} m on throws that were not seen, which spread by ${spread.toFixed(0)} m`,
);
await trainer.dispose();
