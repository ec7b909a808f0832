import { createOptimizer, optimizers } from "isoloss/optim";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/load.js";
import {
  makeLearningRate,
  optimizerRegistry,
  optimizerSchema,
} from "../../src/experiments/catalogue/optimizers.js";
import { makeWhen, whenRegistry, whenSchema } from "../../src/experiments/catalogue/when.js";
import { loadExperiment, packagedNames } from "../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../src/experiments/definition/resolve.js";
import { type Expected, everyRun, experimentSchema } from "../../src/experiments/definition/schema.js";
import { templates } from "../../src/experiments/definition/templates.js";
import { kinds } from "../../src/experiments/kinds/kinds.js";

const named = (expected: readonly Expected[] = []) =>
  expected.flatMap(({ variant }) => (variant === undefined || variant === everyRun ? [] : [variant]));

describe("packaged experiments", () => {
  it("are all that the issue names for functions, regressions and classifiers", () => {
    expect(packagedNames()).toEqual(
      expect.arrayContaining([
        "booth",
        "classify-digits",
        "classify-fashion",
        "convnet-fashion",
        "quadratic",
        "regression-adagrad",
        "regression-gd",
        "rosenbrock",
        "rosenbrock-20d",
      ]),
    );
  });

  it.each(packagedNames())(
    "%s is named as its file, has a source, and expects numbers of variants that it has",
    async (name) => {
      const experiment = await loadExperiment(name);
      expect(experiment.name).toBe(name);
      expect(experiment.source?.paper).toBeTruthy();
      const { variants } = resolveExperiment(experiment);
      const known = variants.map((v) => v.name);
      expect(experiment.expected?.length).toBeGreaterThan(0);
      for (const variant of named(experiment.expected)) expect(known).toContain(variant);
      const quick = resolveExperiment(experiment, { quick: true });
      const fast = quick.variants.map((v) => v.name);
      for (const variant of named(quick.expected)) expect(fast).toContain(variant);
    },
  );
});

describe("templates", () => {
  // A recorded run is written by a program, not by hand.
  it.each(Object.keys(kinds).filter((kind) => kind !== "recorded"))(
    "has one for the kind %s that the check accepts",
    (kind) => {
      const { kind: got } = parseConfig(templates[kind], { schema: experimentSchema, file: kind });
      expect(got).toBe(kind);
    },
  );
});

describe("registries", () => {
  it("have every optimizer of the library, made as the library makes it", () => {
    expect(Object.keys(optimizerRegistry)).toEqual(Object.keys(optimizers));
    for (const [name, { make }] of Object.entries(optimizerRegistry)) {
      expect(make({}, undefined).name).toBe(createOptimizer(name).name);
    }
    expect(optimizerSchema.parse("adam")).toEqual({ name: "adam" });
    expect(optimizerSchema.safeParse({ name: "gd", momentum: 0.9 }).success).toBe(false);
  });

  it("make schedules of the learning rate, with a warm-up where one is asked for", () => {
    expect(makeLearningRate(0.3)).toBe(0.3);
    const step = makeLearningRate({ name: "step", rate: 1, size: 10, gamma: 0.5 });
    expect(typeof step === "function" && [step(0), step(9), step(20)]).toEqual([1, 1, 0.25]);
    const warm = makeLearningRate({ name: "constant", rate: 1, warmUp: { steps: 4, start: 0 } });
    expect(typeof warm === "function" && [warm(0), warm(1), warm(4)]).toEqual([0, 0.25, 1]);
  });

  it("make schedules of teleports from the key that chooses them", () => {
    const examples: Record<string, object> = {
      atSteps: { atSteps: [3] },
      every: { every: 10, from: 5, max: 2 },
      inEpochs: { inEpochs: [1], batches: 2 },
      onPlateau: { onPlateau: { patience: 7 } },
      onPredictedGain: { onPredictedGain: 0.5, every: 20 },
    };
    expect(Object.keys(examples)).toEqual(Object.keys(whenRegistry));
    const stepsOf = (config: object, stepsPerEpoch: number) => {
      const when = makeWhen(whenSchema.parse(config) as Record<string, unknown>);
      let at = -1;
      return Array.from({ length: 4 }, () => {
        at = when.nextStep?.({ step: at, stepsPerEpoch }, when.init()) ?? Number.NaN;
        return at;
      });
    };
    expect(stepsOf(examples.atSteps, 10).slice(0, 2)).toEqual([3, Infinity]);
    expect(stepsOf(examples.every, 10).slice(0, 3)).toEqual([5, 15, Infinity]);
    expect(stepsOf(examples.inEpochs, 10).slice(0, 3)).toEqual([10, 11, Infinity]);
    expect(stepsOf(examples.onPredictedGain, 10)[0]).toBe(20);
    expect(whenSchema.safeParse({ atSteps: [1], every: 3 }).success).toBe(false);
  });
});
