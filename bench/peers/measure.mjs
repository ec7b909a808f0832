// One library on one workload, in Node or in a page.
import { workloads } from "./steps.mjs";

const libraries = {
  isoloss: () => import("./isoloss.mjs"),
  tensorflow: () => import("./tensorflow.mjs"),
  jax: () => import("./jax.mjs"),
};

/** No further round begins after this time. */
const mostMilliseconds = 20_000;

/**
 * The loss of the last step, and the median microseconds of a step over some rounds, each from the start values, with the least
 * and the most.
 * A round before them warms up.
 */
export async function measure({ library, workload: name, rounds, ...options }) {
  const workload = workloads[name]();
  const { create } = await libraries[library]();
  const { reset, run } = await create(workload, options);
  const start = performance.now();
  const times = [];
  let loss;
  for (let round = 0; round <= rounds; round++) {
    if (round > 1 && performance.now() - start > mostMilliseconds) break;
    reset();
    const begin = performance.now();
    loss = await run(workload.count);
    times.push((1000 * (performance.now() - begin)) / workload.count);
  }
  const counted = times.slice(1).sort((a, b) => a - b);
  return { us: counted[counted.length >> 1], range: [counted[0], counted.at(-1)], loss };
}
