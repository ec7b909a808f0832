// A table of numbers and words: a CSV file, a network that predicts one of its columns, and how far off it is.
import { mkdir, writeFile } from "node:fs/promises";
import { array, createTrainer, mlp, takeRows } from "isoloss";
import { collected, createRng, mapped, normalize, split } from "isoloss/data";
import { mae } from "isoloss/metrics";
import { mseLoss } from "isoloss/nn";
import { openCsv } from "isoloss/node";
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

// Words become an input for each, numbers are centered and scaled; so is what is predicted.
const { stream, features, means, stds } = await openCsv("out/throws.csv", { label: "range" });
const { inputs, labels: meters } = await collected(mapped(stream, normalize({ mean: means, std: stds })));
const count = stream.length;
const center = meters.data.reduce((a, b) => a + b) / count;
const deviation = Math.sqrt(meters.data.reduce((a, b) => a + (b - center) ** 2, 0) / count);
const labels = array(Array.from(meters.data, (v) => [(v - center) / deviation]));

const [training, validation, test] = split(count, [0.7, 0.15, 0.15], 0).map((chosen) => ({
  inputs: takeRows(inputs, chosen),
  labels: takeRows(labels, chosen),
}));
const trainer = await createTrainer({
  model: mlp({ sizes: [features.length, 32, 32, 1], activation: "silu" }),
  data: training,
  loss: mseLoss,
  optimizer: adamw(),
  learningRate: 1e-2,
  batchSize: 50,
});
await trainer.run({
  epochs: 60,
  validation,
  earlyStopping: { metric: "loss", patience: 10 },
  best: "restore",
});
const { error } = await trainer.evaluate(test, { metrics: { error: mae({ scale: deviation }) } });
console.log(`${count} throws; inputs ${features.join(", ")}`);
console.log(
  `off by ${error.toFixed(1)} m on throws that were not seen, which spread by ${deviation.toFixed(0)} m`,
);
await trainer.dispose();
