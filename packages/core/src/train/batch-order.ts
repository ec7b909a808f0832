import { batches } from "../data/batches.js";
import { hash32 } from "../math/rng.js";
import { requireCount } from "./run-steps.js";

/** The batch of every step; the order of each epoch is drawn once. */
export function batchOrder(count: number, batchSize: number, seed: number): (step: number) => Int32Array {
  const orderOf = (e: number) => batches(count, batchSize, { seed, epoch: e });
  let epoch = 0;
  let order = orderOf(0);
  // The whole set as one batch needs no order: a fixed order gives sums the same rounding in every step.
  const whole = batchSize === count ? order[0].sort() : undefined;
  return (step) => {
    requireCount("batchOf: the step", step, 0);
    if (whole) return whole;
    const wanted = Math.floor(step / order.length);
    if (wanted !== epoch) {
      order = orderOf(wanted);
      epoch = wanted;
    }
    return order[step % order.length];
  };
}

/** Seed of a step's dropout, below 2^30 so that it is the same number in every runtime. */
export const stepSeed = (seed: number, step: number): bigint => BigInt((hash32(seed) + step) % 2 ** 30);
