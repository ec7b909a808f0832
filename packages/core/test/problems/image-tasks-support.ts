import { type NdArray, ndarray } from "../../src/array.js";
import { createRng } from "../../src/math/rng.js";

export const numbers = ({ data }: NdArray): number[] =>
  Array.from(data as ArrayLike<number | bigint>, Number);

/** Images that can be told apart: each class lights a row of its own. */
const images = (count: number, seed: number) => {
  const rng = createRng(seed);
  const labels = BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 10));
  const data = new Float32Array(count * 784);
  for (let n = 0; n < count; n++) {
    for (let j = 0; j < 28; j++)
      data[784 * n + 28 * (2 * Number(labels[n]) + 4) + j] = 0.8 + 0.2 * rng.next();
  }
  return { images: ndarray(data, [count, 784]), labels: ndarray(labels, [count]) };
};

export const clothes = { train: images(200, 1), test: images(50, 2) };
