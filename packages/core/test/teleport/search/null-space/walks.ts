// Ascents in null spaces, against what was recorded.

import { randomProblem } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../../src/array.js";
import { sgd } from "../../../../src/optim/sgd.js";
import type { RuntimeName } from "../../../../src/runtime/compile.js";
import { mapArrays } from "../../../../src/symmetry/parameter-axes.js";
import { decrease } from "../../../../src/teleport/objective/decrease.js";
import { gradNormSq, minimized } from "../../../../src/teleport/objective/objective.js";
import { nullSpace } from "../../../../src/teleport/search/null-space/null-space.js";
import { createTeleporter } from "../../../../src/teleport/teleporter.js";
import { images, network } from "../networks.js";
import { expectWalk, type spaces } from "../recorded-walks.js";

type Any = ReturnType<typeof network>;

const optimizer = sgd();
const objectives = { decrease: decrease({ optimizer }), minimized: minimized(gradNormSq) };

export async function teleport(
  { loss, params, batch }: Any,
  {
    guard = {},
    objective,
    heldOut: isHeldOut,
    ...options
  }: NonNullable<(typeof spaces)[number]["options"]> = {},
  runtime: RuntimeName = "javascript",
) {
  const memory = { optimizer: optimizer.init(params), learningRate: ndarray(Float64Array.of(0.05), []) };
  const teleporter = await createTeleporter<Any["params"], Any["batch"]>({
    loss,
    params,
    batch,
    runtime,
    objective: objective ? objectives[objective] : gradNormSq,
    memory,
    search: nullSpace(options),
    guard: guard && { curvature: 0, ...guard },
  });
  const near = ({ shape, data }: NdArray) =>
    ndarray(
      Float64Array.from(data as Float64Array, (x, i) => x + 0.01 * ((i % 3) - 1)),
      shape,
    );
  const heldOut = isHeldOut ? { heldOut: mapArrays(batch, near) } : {};
  const result = await teleporter.teleport(params, batch, { memory, ...heldOut });
  await teleporter.dispose();
  return result;
}

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

const problems: Readonly<Record<string, Any>> = {
  "an mlp": network([3, 6, 8, 2], 4),
  "an mlp without biases": network([4, 7, 5, 3], 3, { seed: 20, bias: false }),
  "an mlp with a unit that is never active": withoutUnit(network([3, 6, 8, 2], 8)),
  "a sample that occurs twice": withTwins(network([3, 6, 8, 2], 4)),
  "a convolutional network": images(2) as unknown as Any,
};

/** Expects the recorded walks of some of the cases; networks without a name are random ones, by their seeds. */
export function expectSpaces(rows: typeof spaces, runtime: RuntimeName = "javascript"): void {
  it.each(rows.map((row) => [row.name, JSON.stringify(row.options), row] as const))(
    `of %s repeats in ${runtime} what was recorded: %s`,
    async (_name, _options, { name, options, walks }) => {
      for (const walk of walks) {
        const random = () => randomProblem(walk.seed, { activations: ["tanh", "relu", "leakyRelu"] });
        const problem = problems[name] ?? random();
        const { report, params } = await teleport(problem as Any, options, runtime);
        expectWalk({ report, params }, walk, `${name} ${walk.seed}`);
        if ((options?.threshold ?? 1) === 1) expect(report.drift).toBeLessThan(1e-11);
      }
    },
  );
}
