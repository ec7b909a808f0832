import type { NdArray } from "isoloss";

/** How many numbers arrays have, and how many of them are 0. */
export function countZeros(arrays: Readonly<Record<string, NdArray>>): {
  readonly numbers: number;
  readonly zeros: number;
} {
  let [numbers, zeros] = [0, 0];
  for (const { data } of Object.values(arrays)) {
    numbers += data.length;
    for (let i = 0; i < data.length; i++) if (Number(data[i]) === 0) zeros++;
  }
  return { numbers, zeros };
}
