import { randomProblem } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import { ndarray } from "../../../../src/array.js";
import { sgd } from "../../../../src/optim/sgd.js";
import { positiveScaling } from "../../../../src/symmetry/positive-scaling.js";
import { decrease } from "../../../../src/teleport/objective/decrease.js";
import { gradNormSq } from "../../../../src/teleport/objective/objective.js";
import { gradientAscent } from "../../../../src/teleport/search/gradient-ascent.js";
import { createTeleporter } from "../../../../src/teleport/teleporter.js";
import { symmetryRows } from "../../../symmetry/symmetries.js";
import { type ascents, expectWalk } from "../recorded-walks.js";

const optimizer = sgd();
const groups = Object.fromEntries(symmetryRows.map((row) => [row.name, row]));

/** Long steps, refused where the last of them leads, were of another objective. */
const objectiveOf = (stepSize: number | undefined) =>
  stepSize === 0.4 ? decrease({ optimizer }) : gradNormSq;

/** Expects the recorded ascents of some of the cases, and of some of their seeds. */
export function expectAscents(rows: typeof ascents, most = Number.POSITIVE_INFINITY): void {
  it.each(rows.map((row) => [row.name, JSON.stringify(row.options), row] as const))(
    "of %s repeats what was recorded: %s",
    async (_name, _options, { name, options: { guard = {}, ...options } = {}, walks }) => {
      for (const walk of walks.slice(0, most)) {
        const row = groups[name] ?? { activations: ["relu", "leakyRelu"] };
        const problem = randomProblem(walk.seed, row);
        const { params, batch, loss, label, activation } = problem;
        const symmetry = groups[name]?.make(problem) ?? positiveScaling(params, activation);
        const memory = {
          optimizer: optimizer.init(params),
          learningRate: ndarray(Float64Array.of(0.05), []),
        };
        const teleporter = await createTeleporter({
          search: gradientAscent(symmetry, options),
          objective: objectiveOf(options.stepSize),
          loss,
          params,
          batch,
          memory,
          guard: guard && { curvature: 0, ...guard },
        });
        const { report, pushForward } = await teleporter.teleport(params, batch, { memory });
        const [pushed, squares] = [await pushForward?.(params, 1), await pushForward?.(params, 2)];
        await teleporter.dispose();
        expectWalk({ report, pushed, squares }, walk, label);
      }
      expect(walks.some(({ steps }) => steps > 0)).toBe(true);
    },
  );
}
