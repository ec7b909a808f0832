// Trains a classifier in a page, with a teleport every 100 steps: npm run build, then npx vite examples/browser
import { createTrainer, decrease, digits, every, mlp, positiveScaling, sgd, takeRows } from "isoloss";
import { split } from "isoloss/data";

const steps = 300;
const { images, labels } = digits();
const part = (rows) => ({ inputs: takeRows(images, rows), labels: takeRows(labels, rows) });
const [train, test] = split(images.shape[0], [0.8, 0.2], 0).map(part);
const trainer = await createTrainer({
  model: mlp({ sizes: [64, 32, 10] }),
  data: train,
  optimizer: sgd(),
  learningRate: 0.2,
  batchSize: 64,
  teleport: { when: every(100), symmetry: positiveScaling, objective: decrease() },
});

const svg = document.querySelector("svg");
const status = document.querySelector("#status");
const x = (step) => (300 * step) / steps;

function draw() {
  const { loss, teleports } = trainer.history;
  const points = loss.map((value, t) => `${x(t)},${100 - (100 * value) / loss[0]}`).join(" ");
  const lines = teleports.map(({ step }) => `<line x1="${x(step)}" x2="${x(step)}" y1="0" y2="100" />`);
  svg.innerHTML = `<polyline points="${points}" />${lines.join("")}`;
}

await trainer.run({
  steps,
  reportEvery: 10,
  async onProgress({ step, loss }) {
    draw();
    status.textContent = `Step ${step}: loss ${loss.toFixed(3)}`;
    // Lets the page draw. A Web Worker would keep it responsive all the time.
    await new Promise((resolve) => requestAnimationFrame(resolve));
  },
});
const { accuracy } = await trainer.evaluate(test);
const moved = trainer.history.teleports.filter(({ accepted }) => accepted).length;
status.textContent = `${moved} of ${trainer.history.teleports.length} teleports accepted; test accuracy ${(100 * accuracy).toFixed(1)} %.`;
await trainer.dispose();
