import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import { square } from "../../src/graph/ops/elementary.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { trace } from "../../src/graph/trace.js";
import { linearScalarization } from "../../src/mtl/methods/linear-scalarization.js";
import { createMultiTaskTrainer } from "../../src/mtl/train/trainer.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { gd, sgd } from "../../src/optim/sgd.js";
import { booth } from "../../src/problems/booth.js";
import { twoTaskToy } from "../../src/problems/toy.js";
import { compile } from "../../src/runtime/compile.js";
import { createMinimumMeter } from "../../src/teleport/curvature/minima.js";
import { createGainPredictor } from "../../src/teleport/diagnosis/predicted-gain.js";
import { createTeleporter, teleport } from "../../src/teleport/teleporter.js";
import { atSteps } from "../../src/teleport/when.js";
import { steepestDescent } from "../../src/train/line-search/directions.js";
import { minimaStudy } from "../../src/train/minima-study.js";
import { createMinimizer, minimize } from "../../src/train/minimize/minimize.js";
import {
  createLineSearchMinimizer,
  minimizeByLineSearch,
} from "../../src/train/minimize/minimize-by-line-search.js";
import { createTrainer } from "../../src/train/trainer.js";
import { someDigits } from "./support.js";

const data = someDigits(0, 40);
const model = mlp({ sizes: [64, 10] });
const single = { model, data, optimizer: sgd(), learningRate: 0.1, batchSize: 10 };
const toy = twoTaskToy();
const several = {
  losses: toy.losses,
  params: toy.at([1, 1]),
  method: linearScalarization(),
  optimizer: sgd(),
  learningRate: 0.1,
};
const descent = { optimizer: gd(), learningRate: 0.01, steps: 2 };
const { loss, start, symmetry } = booth();
const move = { loss, params: start, batch: {}, symmetry: symmetry() };
const plan = { when: atSteps([1]), symmetry: symmetry(), objectve: undefined };

/** Calls that are given `extra` beside what they know, and a name that they know. */
const calls: Readonly<Record<string, readonly [string, (extra: object) => Promise<unknown>]>> = {
  createTrainer: ["learningRate", (extra) => createTrainer({ ...single, ...extra })],
  "run of a trainer": [
    "reportEvery",
    async (extra) => (await createTrainer(single)).run({ steps: 1, ...extra }),
  ],
  createMultiTaskTrainer: ["headGradient", (extra) => createMultiTaskTrainer({ ...several, ...extra })],
  "run of a trainer of several tasks": [
    "reportEvery",
    async (extra) => (await createMultiTaskTrainer(several)).run({ steps: 1, ...extra }),
  ],
  minimize: ["trajectory", (extra) => minimize(booth(), { ...descent, ...extra })],
  createMinimizer: ["trajectory", (extra) => createMinimizer(booth(), { ...descent, ...extra })],
  "run of a minimizer": ["checkpoint", async (extra) => (await createMinimizer(booth(), descent)).run(extra)],
  minimizeByLineSearch: [
    "firstStep",
    (extra) => minimizeByLineSearch(booth(), { directions: steepestDescent, steps: 1, ...extra }),
  ],
  "run of a minimizer by line searches": [
    "start",
    async (extra) =>
      (await createLineSearchMinimizer(booth(), { directions: steepestDescent, steps: 1 })).run(extra),
  ],
  minimaStudy: [
    "generators",
    (extra) =>
      minimaStudy({
        ...single,
        data: { training: data, validation: data },
        seeds: [0, 1],
        steps: 1,
        ...extra,
      }),
  ],
  createTeleporter: ["heldOutLoss", (extra) => createTeleporter({ ...move, ...extra })],
  teleport: ["heldOutLoss", (extra) => teleport({ ...move, ...extra })],
  "teleport, second argument": ["heldOut", (extra) => teleport(move, extra)],
  "teleport of a teleporter": [
    "raceRate",
    async (extra) => (await createTeleporter(move)).teleport(start, {}, extra),
  ],
  createGainPredictor: ["bound", (extra) => createGainPredictor({ ...move, ...extra })],
  createMinimumMeter: [
    "generators",
    (extra) => createMinimumMeter({ loss, params: start, batch: {}, ...extra }),
  ],
  "run of an executable": [
    "steps",
    async (extra) => {
      const { graph } = trace(({ x }) => sum(square(x)), { x: array([1]) });
      return (await compile(graph)).run({ x: array([1]) }, extra);
    },
  ],
};

describe("an option that is not known is refused, with those that are, by", () => {
  it.each(Object.entries(calls))("%s", async (_, [known, call]) => {
    await call({}).catch((error) => expect(error).toBeUndefined());
    const misspelt = call({ reportEvry: 1 });
    await expect(misspelt).rejects.toThrow(OptionError);
    await expect(misspelt).rejects.toThrow('has no option "reportEvry"; it has ');
    await expect(misspelt).rejects.toThrow(known);
  });

  it("the plan of a run's teleports", async () => {
    const message = 'teleport has no option "objectve"; it has when, symmetry, search, objective';
    await expect(minimize(booth(), { ...descent, teleport: plan } as never)).rejects.toThrow(message);
    const line = { directions: steepestDescent, steps: 1, teleport: plan };
    await expect(minimizeByLineSearch(booth(), line as never)).rejects.toThrow(message);
    await expect(createTrainer({ ...single, teleport: plan } as never)).rejects.toThrow(message);
  });
});

describe("epochs in the place of steps", () => {
  it("need data", async () => {
    const tasks = await createMultiTaskTrainer(several);
    await expect(tasks.run({ epochs: 3 })).rejects.toThrow(
      "run: without data there are no epochs; write steps.",
    );
    await expect(minimize(booth(), { ...descent, epochs: 5 } as never)).rejects.toThrow(
      'minimize has no option "epochs"',
    );
  });

  it("or a bare number are no options", async () => {
    const trainer = await createTrainer(single);
    await expect(trainer.run(100 as never)).rejects.toThrow(
      "run takes an object, such as { steps: 100 } or { epochs: 5 }; got 100.",
    );
    await expect(trainer.run({} as never)).rejects.toThrow(
      "run takes steps or epochs, one of them; got neither.",
    );
  });
});

it("a minimization is given a problem first", async () => {
  await expect(minimize({ loss, params: start } as never, descent)).rejects.toThrow(
    "minimize takes a problem { loss, start, batch }, such as rosenbrock(), and then its options; got loss, params.",
  );
});
