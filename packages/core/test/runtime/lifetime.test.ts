import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { RuntimeError } from "../../src/errors.js";
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
import { jit } from "../../src/runtime/jit.js";
import { createHessian } from "../../src/teleport/curvature/hessian.js";
import { createMinimumMeter } from "../../src/teleport/curvature/minima.js";
import { createGainPredictor } from "../../src/teleport/diagnosis/predicted-gain.js";
import { createTransport } from "../../src/teleport/state/transport.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import { steepestDescent } from "../../src/train/line-search/directions.js";
import { createMinimizer } from "../../src/train/minimize/minimize.js";
import { createLineSearchMinimizer } from "../../src/train/minimize/minimize-by-line-search.js";
import { createTrainer } from "../../src/train/trainer.js";
import { someDigits } from "../train/support.js";

const { loss, start, symmetry } = booth();
const parts = { loss, params: start, batch: {} };
const x = array([1, 2]);
const { graph } = trace(({ x: v }) => sum(square(v)), { x });

/** Something to dispose of, and calls of it. */
interface Case {
  readonly dispose: () => Promise<void>;
  readonly calls: readonly (() => unknown)[];
}

const cases: Readonly<Record<string, { readonly make: string; case(): Promise<Case> }>> = {
  executable: {
    make: "compile",
    case: async () => {
      const made = await compile(graph, { runtime: "javascript" });
      return { dispose: made.dispose, calls: [() => made.run({ x })] };
    },
  },
  "executable of ONNX Runtime": {
    make: "compile",
    case: async () => {
      const made = await compile(graph, { runtime: "onnx" });
      return { dispose: made.dispose, calls: [() => made.run({ x })] };
    },
  },
  "compiled function": {
    make: "jit",
    case: async () => {
      const made = await jit((v) => sum(square(v)), [x]);
      return { dispose: made.dispose, calls: [() => made(x)] };
    },
  },
  trainer: {
    make: "createTrainer",
    case: async () => {
      const data = someDigits(0, 20);
      const model = mlp({ sizes: [64, 10] });
      const made = await createTrainer({ model, data, optimizer: sgd(), learningRate: 0.1 });
      const { current } = made;
      return {
        dispose: made.dispose,
        calls: [() => made.run({ steps: 1 }), () => made.evaluate(data), () => made.restore(current)],
      };
    },
  },
  "trainer of several tasks": {
    make: "createMultiTaskTrainer",
    case: async () => {
      const toy = twoTaskToy();
      const method = linearScalarization();
      const common = {
        losses: toy.losses,
        params: toy.at([1, 1]),
        method,
        optimizer: sgd(),
        learningRate: 0.1,
      };
      const made = await createMultiTaskTrainer(common);
      const { current } = made;
      return {
        dispose: made.dispose,
        calls: [() => made.run({ steps: 1 }), () => made.evaluate({}), () => made.restore(current)],
      };
    },
  },
  minimizer: {
    make: "createMinimizer",
    case: async () => {
      const made = await createMinimizer(booth(), { optimizer: gd(), learningRate: 0.01, steps: 1 });
      return { dispose: made.dispose, calls: [() => made.run()] };
    },
  },
  "minimizer by line searches": {
    make: "createLineSearchMinimizer",
    case: async () => {
      const made = await createLineSearchMinimizer(booth(), { directions: steepestDescent, steps: 1 });
      return { dispose: made.dispose, calls: [() => made.run()] };
    },
  },
  teleporter: {
    make: "createTeleporter",
    case: async () => {
      const made = await createTeleporter({ ...parts, symmetry: symmetry() });
      return { dispose: made.dispose, calls: [() => made.teleport(start, {})] };
    },
  },
  "gain predictor": {
    make: "createGainPredictor",
    case: async () => {
      const made = await createGainPredictor({ ...parts, symmetry: symmetry() });
      return { dispose: made.dispose, calls: [() => made.predict(start, {})] };
    },
  },
  meter: {
    make: "createMinimumMeter",
    case: async () => {
      const made = await createMinimumMeter(parts);
      return { dispose: made.dispose, calls: [() => made.measure(start, {})] };
    },
  },
  Hessian: {
    make: "createHessian",
    case: async () => {
      const made = await createHessian(loss, start, {});
      return { dispose: made.dispose, calls: [() => made.times(start, {}, Float64Array.of(1, 0))] };
    },
  },
  transport: {
    make: "createTransport",
    case: async () => {
      const made = await createTransport({ ...parts, policy: "reset", optimizer: gd() });
      return {
        dispose: made.dispose,
        calls: [
          () => made.transport({ from: start, state: {}, batch: {}, moved: { params: start } as never }),
        ],
      };
    },
  },
};

describe("after dispose a call says so", () => {
  it.each(Object.entries(cases))("of a %s", async (_, { make, case: made }) => {
    const { dispose, calls } = await made();
    await dispose();
    // Nothing is left to free a second time.
    await dispose();
    for (const call of calls) {
      const called = (async () => call())();
      await expect(called).rejects.toThrow(RuntimeError);
      await expect(called).rejects.toThrow(`was disposed; create a new one with ${make}.`);
    }
  });

  it("also within a run, whose report disposed of its trainer", async () => {
    const trainer = await createTrainer({
      model: mlp({ sizes: [64, 10] }),
      data: someDigits(0, 20),
      optimizer: sgd(),
      learningRate: 0.1,
    });
    const run = trainer.run({ steps: 20, reportEvery: 10, onProgress: () => trainer.dispose() });
    await expect(run).rejects.toThrow("This trainer was disposed; create a new one with createTrainer.");
    expect(trainer.current.step).toBe(10);
  });
});
