// The training steps that all libraries take: start values, batches and hyperparameters, as plain arrays.
import { labels, parameter, unit } from "../formula.mjs";

const values = (shapes) => shapes.map((shape, k) => parameter(shape, k));

/** Rows `first` to `first + count` of an array. */
export function rowsOf({ shape: [, ...rest], data }, first, count) {
  const width = rest.reduce((a, b) => a * b, 1);
  return { shape: [count, ...rest], data: data.slice(first * width, (first + count) * width) };
}

const classes = 10;

/** `batchAt(t)` is the batch of step t, with labels as classes; `momentum` is SGD's. */
function steps({ kind, shapes, x, batch, rows = batch, momentum = 0, count }) {
  const images = unit([rows, ...x], 1000);
  const targets = labels([rows], 1001, classes);
  const batches = Array.from({ length: rows / batch }, (_, i) => ({
    x: rowsOf(images, i * batch, batch),
    y: rowsOf(targets, i * batch, batch),
  }));
  const params = values(shapes);
  return { kind, params, batches, momentum, rate: 0.01, slope: 0.1, count, classes };
}

/** Layers [out, in], images [channels, height, width] and convolutions [out, in, 3, 3], as PyTorch has them. */
export const workloads = {
  "mlp-small": () =>
    steps({
      kind: "mlp",
      shapes: [
        [16, 784],
        [10, 16],
        [10, 10],
      ],
      x: [784],
      batch: 20,
      rows: 1000,
      count: 200,
    }),
  "mlp-wide": () =>
    steps({
      kind: "mlp with biases",
      shapes: [[512, 784], [512], [512, 512], [512], [10, 512], [10]],
      x: [784],
      batch: 128,
      momentum: 0.9,
      count: 3,
    }),
  convnet: () =>
    steps({
      kind: "convnet",
      shapes: [[16, 1, 3, 3], [16], [32, 16, 3, 3], [32], [10, 1568], [10]],
      x: [1, 28, 28],
      batch: 64,
      count: 3,
    }),
};
