// The regression of figure 3 of Zhao et al. (2022), as the experiment `regression-gd` has it.
import { type MinimizeOptions, type MlpParams, minimize } from "isoloss";
import { gd } from "isoloss/optim";
import { mlpRegression, mlpRegressionSeeds } from "isoloss/problems";
import { atSteps, decrease, levelSet, ownMove, referenceMlpTeleport } from "isoloss/teleport";
import type { CallContext } from "../../worker/protocol.js";
import type { Regressed, RegressionName } from "./regression-result.js";

type Teleport = MinimizeOptions<MlpParams>["teleport"];

/** One teleport before step 5; the released one is not guarded. */
function teleportOf(name: RegressionName, { loss }: ReturnType<typeof mlpRegression>): Teleport {
  const when = atSteps([5]);
  if (name === "plain") return undefined;
  if (name === "level") return { when, search: levelSet({ steps: 10 }), objective: decrease() };
  const options = { steps: 8, learningRate: 1e-7, exactAction: name === "exact" };
  const released = ownMove<MlpParams>(name, (p, batch) =>
    referenceMlpTeleport(p, batch as never, loss as never, options),
  );
  return { when, search: released, guard: false };
}

/** Runs the paper's five seeds, and tells each run. */
export async function regression(
  names: readonly RegressionName[],
  { isStopped, send }: CallContext<Regressed>,
): Promise<void> {
  for (const seed of mlpRegressionSeeds) {
    for (const name of names) {
      if (await isStopped()) return;
      const problem = mlpRegression({ seed });
      const teleport = teleportOf(name, problem);
      const { loss } = await minimize(problem, {
        optimizer: gd(),
        learningRate: 1e-4,
        steps: 300,
        runtime: "javascript",
        ...(teleport ? { teleport } : {}),
      });
      await send({ name, seed, loss: Float64Array.from(loss) });
    }
  }
}
