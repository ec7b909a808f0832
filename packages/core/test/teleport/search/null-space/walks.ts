// Ascents in null spaces, each as one loop and as steps that the host takes.

import { numbers } from "isoloss-test-support/nn/support";
import { expect } from "vitest";
import type { NdArray } from "../../../../src/array.js";
import { isNdArray, ndarray } from "../../../../src/array.js";
import { sgd } from "../../../../src/optim/sgd.js";
import type { RuntimeName } from "../../../../src/runtime/compile.js";
import type { GuardOptions } from "../../../../src/teleport/guard.js";
import { gradNormSq, type Objective } from "../../../../src/teleport/objective/objective.js";
import { type NullSpaceOptions, nullSpace } from "../../../../src/teleport/search/null-space/null-space.js";
import type { SearchFactory } from "../../../../src/teleport/search/search.js";
import { createTeleporter } from "../../../../src/teleport/teleporter.js";
import { flatten } from "../../../../src/tree.js";
import { images, network } from "../networks.js";

export type Any = ReturnType<typeof network>;

export interface Case extends NullSpaceOptions {
  readonly guard?: GuardOptions | false;
  readonly objective?: Objective;
}

export const optimizer = sgd();

/** The same search with its steps taken one by one. */
const stepwise =
  <P>(factory: SearchFactory<P>): SearchFactory<P> =>
  async (problem) => {
    const { compiledWalk: _, ...search } = await factory(problem);
    return search;
  };

export async function teleport(
  { loss, params, batch }: Any,
  { guard = {}, objective = gradNormSq, ...options }: Case,
  { runtime, isStepwise }: { readonly runtime: RuntimeName; readonly isStepwise: boolean },
) {
  const search = nullSpace<Any["params"]>(options);
  const memory = { optimizer: optimizer.init(params), learningRate: ndarray(Float64Array.of(0.05), []) };
  const teleporter = await createTeleporter<Any["params"], Any["batch"]>({
    loss,
    params,
    batch,
    runtime,
    objective,
    memory,
    search: isStepwise ? stepwise(search) : search,
    guard: guard && { curvature: 0, ...guard },
  });
  const result = await teleporter.teleport(params, batch, { memory });
  await teleporter.dispose();
  return result;
}

const distance = (a: unknown, b: unknown): number => {
  const [x, y] = [a, b].map((tree) => flatten<NdArray>(tree, isNdArray).leaves.flatMap(numbers));
  return Math.hypot(...x.map((v, i) => v - y[i])) / Math.hypot(...y);
};

/** The same network with a first unit whose weights are zero. */
export function withoutUnit({ params: { layers }, ...problem }: Any): Any {
  const [first, ...rest] = structuredClone(layers);
  for (const { data, shape } of [first.weight, first.bias as NdArray])
    data.fill(0 as never, 0, shape[1] ?? 1);
  return { ...problem, params: { layers: [first, ...rest] } };
}

/** The same network on a batch whose second sample is the first one again. */
function withTwins({ batch, ...problem }: Any): Any {
  const { x, y } = structuredClone(batch);
  for (const { data, shape } of [x, y]) (data as Float64Array).copyWithin(shape[1], 0, shape[1]);
  return { ...problem, batch: { x, y } };
}

export const problems: Readonly<Record<string, Any>> = {
  "an mlp": network([3, 6, 8, 2], 4),
  "an mlp without biases": network([4, 7, 5, 3], 3, { seed: 20, bias: false }),
  "an mlp with a unit that is never active": withoutUnit(network([3, 6, 8, 2], 8)),
  "a sample that occurs twice": withTwins(network([3, 6, 8, 2], 4)),
  "a convolutional network": images(2) as unknown as Any,
};

/** Compares both, and returns the teleport that was one program. */
export const compared = async (problem: Any, options: Case, runtime: RuntimeName) => {
  const compiled = await teleport(problem, options, { runtime, isStepwise: false });
  const walk = await teleport(problem, options, { runtime, isStepwise: true });
  expect(compiled.report.reason).toBe(walk.report.reason);
  expect(compiled.report.steps).toBe(walk.report.steps);
  expect(compiled.report.halvings).toBe(walk.report.halvings);
  expect(compiled.report.objectiveBefore / walk.report.objectiveBefore).toBeCloseTo(1, 12);
  expect(compiled.report.objectiveAfter / walk.report.objectiveAfter).toBeCloseTo(1, 8);
  expect(distance(compiled.params, walk.params)).toBeLessThan(1e-8);
  return compiled;
};

export const compare = async (...given: Parameters<typeof compared>): Promise<void> => {
  await compared(...given);
};
