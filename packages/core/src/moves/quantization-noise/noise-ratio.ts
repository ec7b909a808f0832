import type { NdArray } from "../../array.js";

/** sum (y - q)^2 / sum y^2 over arrays y and what they became, the inverse of the signal to noise ratio; 0 where they are equal. */
export function noiseRatio(expected: readonly NdArray[], got: readonly NdArray[]): number {
  let [noise, signal] = [0, 0];
  expected.forEach(({ data }, run) => {
    const other = got[run].data;
    for (let i = 0; i < data.length; i++) {
      const y = Number(data[i]);
      noise += (y - Number(other[i])) ** 2;
      signal += y * y;
    }
  });
  return noise === 0 ? 0 : noise / signal;
}
