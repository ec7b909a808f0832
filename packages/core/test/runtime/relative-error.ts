import type { NdArray } from "../../src/array.js";

/** ||actual - expected|| / ||expected||. */
export function relativeError(expected: NdArray, actual: NdArray): number {
  let difference = 0;
  let size = 0;
  expected.data.forEach((v, i) => {
    difference += (Number(v) - Number(actual.data[i])) ** 2;
    size += Number(v) ** 2;
  });
  return Math.sqrt(difference / size);
}
