import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { ConfigError } from "../../src/config/errors.js";
import { configJsonSchema } from "../../src/config/json-schema.js";
import { loadSweep, parseSweep } from "../../src/sweep/load.js";
import { sweepSchema } from "../../src/sweep/schema.js";
import { sweepTemplate } from "../../src/sweep/template.js";
import { good, malformed } from "./malformed-cases.js";

const parse = (text: string) => parseSweep(text, { file: "dir/s.yaml" });

/** A sweep with one parameter. */
const withParameter = (parameter: string) =>
  parse(
    `experiment: x\nmethod: random\nbudget: { trials: 5 }\nmetric: { name: loss, goal: minimize }\nparameters:\n  a: ${parameter}\n`,
  );

describe("parseSweep", () => {
  it("fills in the defaults", () => {
    const { file } = parse(
      "experiment: x\nmethod: grid\nmetric: { name: loss }\nparameters: { a: { values: [1] } }\n",
    );
    expect(file).toEqual({
      name: "s",
      experiment: "x",
      set: {},
      method: "grid",
      order: "shuffled",
      seed: 0,
      metric: { name: "loss", goal: "minimize", aggregate: "mean" },
      seeds: [0],
      parameters: { a: { values: [1] } },
      budget: { hard: false },
      stopAfter: { failures: 3 },
      confirm: { seeds: Array.from({ length: 10 }, (_, i) => 1000 + i), best: 2, baseline: {} },
    });
  });

  it.each([
    ["validation.accuracy", "maximize"],
    ["test.left.accuracy", "maximize"],
    ["validation.loss", "minimize"],
    ["metrics.front.distance", "minimize"],
  ])("has the goal of %s from its name: %s", (name, goal) => {
    const text = `experiment: x\nmethod: grid\nmetric: { name: ${name} }\nparameters: { a: { values: [1] } }\n`;
    expect(parse(text).file.metric.goal).toBe(goal);
    expect(parse(text.replace(" }", ", goal: minimize }")).file.metric.goal).toBe("minimize");
  });

  it.each([
    ["asha", "{ rule: asha, from: 40 }", { factor: 3, startup: 3, unit: "steps" }],
    ["asha with another factor", "{ rule: asha, from: 1, factor: 2.5 }", { startup: 3 }],
    ["median", "{ rule: median, from: 40, unit: epochs }", { every: 40, startup: 5, unit: "epochs" }],
    ["bound", "{ rule: bound, from: 40, above: 3 }", { above: 3, unit: "steps" }],
  ])("fills in the defaults of %s", (_, prune, expected) => {
    expect(parse(good.replace("{ rule: asha, from: 40 }", prune)).file.prune).toMatchObject(expected);
  });

  it.each([good, good.replace(/confirm:.*/, "confirm: false"), sweepTemplate])(
    "gives a file that reads as itself (%#)",
    (text) => {
      const { file } = parse(text);
      expect(parse(stringify(file)).file).toEqual(file);
    },
  );

  it("takes ranges of two integers as integers, and those with a point as real", () => {
    const parameter = (range: string) => withParameter(range).file.parameters.a;
    expect(parameter("{ min: 0, max: 1 }")).toEqual({ min: 0, max: 1 });
    expect(parameter("{ min: 0.0, max: 1.0 }")).toEqual({ min: 0, max: 1, scale: "linear" });
    expect(parameter("{ min: 0, max: 1e0 }")).toEqual({ min: 0, max: 1, scale: "linear" });
    expect(parameter("{ min: 0.0, max: 8.0, step: 2 }")).toEqual({ min: 0, max: 8, step: 2 });
    expect(parameter("{ min: 0.0, max: 8, roundTo: 2 }")).toEqual({ min: 0, max: 8, roundTo: 2 });
  });

  it.each([
    ["an alias of the range", "{ b: &unit { min: 0.0, max: 1.0 }, a: *unit }"],
    ["a merged range", "{ b: &unit { min: 0.0, max: 1.0 }, a: { <<: *unit } }"],
    ["a merged end", "{ b: &unit { min: 0.0, max: 2 }, a: { <<: [*unit], max: 1 } }"],
    ["an alias of an end", "{ b: { min: 0, max: &one 1.0 }, a: { min: 0, max: *one } }"],
    ["merged parameters", "{ <<: { a: { min: 0.0, max: 1.0 } }, b: { value: 1 } }"],
  ])("takes ranges with a point as real behind %s", (_, parameters) => {
    const text = "experiment: x\nmethod: random\nbudget: { trials: 5 }\nmetric: { name: loss }\nparameters: ";
    expect(parse(text + parameters).file.parameters.a).toEqual({ min: 0, max: 1, scale: "linear" });
  });

  it("takes an integer that takes the place of a merged end as one", () => {
    const { parameters } = withParameter("{ <<: { min: 0, max: 1.0 }, max: 4 }").file;
    expect(parameters.a).toEqual({ min: 0, max: 4 });
  });

  it("applies overrides of the file, and names them in messages", () => {
    const set = (...values: string[]) => parseSweep(good, { file: "s", set: values });
    expect(set("budget.trials=7", "confirm=false").file).toMatchObject({
      budget: { trials: 7 },
      confirm: false,
    });
    expect(() => set("budget.trials=none")).toThrow(
      /^--set budget\.trials=none: budget\.trials: expected an integer >= 1; got "none"$/,
    );
  });

  it("applies overrides of parameters whose names have points", () => {
    const set = (...values: string[]) => parseSweep(good, { file: "s", set: values });
    expect(set("parameters.optimizer.momentum.max=0.9").file.parameters["optimizer.momentum"]).toMatchObject({
      min: 0.5,
      max: 0.9,
    });
    expect(() => set("parameters.optimizer.momentum.max=0.1")).toThrow(
      /^--set parameters\.optimizer\.momentum\.max=0\.1: parameters\.optimizer\.momentum\.max: expected a number > 0\.5/,
    );
  });

  it.each(malformed)("of %s -> %s tells what is wrong, where, and what to write", (from, to, errors) => {
    const text = good.replace(from, to);
    expect(text).not.toBe(good);
    let message = "";
    try {
      parseSweep(text, { file: "s" });
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      message = (error as Error).message;
    }
    expect(message.split("\n")).toEqual(errors.map((error) => `s:${error}`));
  });
});

describe("the JSON Schema of sweeps", () => {
  it("has the keys, and requires those without a default", () => {
    const schema = configJsonSchema(sweepSchema) as { required: string[]; properties: object };
    expect(schema.required.sort()).toEqual(["experiment", "method", "metric", "parameters"]);
    expect(Object.keys(schema.properties)).toEqual(
      expect.arrayContaining(["budget", "confirm", "prune", "seeds", "stopAfter"]),
    );
  });
});

describe("loadSweep", () => {
  let folder: string;
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "isoloss-sweep-")));
    writeFileSync(
      join(folder, "net.yaml"),
      "name: net\nkind: train\ndata: digits\nmodel: { name: mlp, sizes: [64, 8, 10] }\n" +
        "optimizer: sgd\nlearningRate: 0.1\nbatchSize: 20\nsteps: 5\n" +
        "variants:\n  plain: {}\n  heavy: { optimizer: { name: sgd, momentum: 0.9 } }\n",
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const load = (lines: string, variant = "plain") => {
    const path = join(folder, "s.yaml");
    writeFileSync(
      path,
      `experiment: net.yaml\nvariant: ${variant}\nmethod: random\nmetric: { name: loss }\nbudget: { trials: 4 }\n${lines}`,
    );
    return loadSweep(path);
  };

  it("gives the settings of trials: the variant's, what all have, and the trial's own", async () => {
    const { settingsOf, variant, experiment } = await load(
      "set: { epochs: 2 }\nparameters: { optimizer: { values: [sgd, adam] }, optimizer.momentum: { min: 0.5, max: 0.9, when: { optimizer: sgd } } }\n",
    );
    expect([experiment.kind, variant.name]).toEqual(["train", "plain"]);
    expect(settingsOf({ optimizer: "sgd", "optimizer.momentum": 0.7 })).toEqual({
      data: { name: "digits" },
      model: { name: "mlp", sizes: [64, 8, 10] },
      optimizer: { name: "sgd", momentum: 0.7 },
      learningRate: 0.1,
      batchSize: 20,
      epochs: 2,
    });
    expect(settingsOf({ optimizer: "adam" })).toMatchObject({ optimizer: { name: "adam" } });
    expect(settingsOf({ steps: 3, "model.sizes[1]": 4 })).toMatchObject({
      steps: 3,
      model: { sizes: [64, 4, 10] },
    });
    expect(settingsOf({ steps: 3 })).not.toHaveProperty("epochs");
  });

  it.each([
    [
      "an end of a range",
      "parameters: { learningRate: { min: -1.0, max: 1 } }",
      /s\.yaml:6:15: parameters\.learningRate: expected .*; got -1/,
    ],
    [
      "a value",
      "parameters: { optimizer.name: { values: [sgd, adma] } }",
      /6:15: parameters\.optimizer\.name: unknown optimizer "adma"; did you mean "adam"\?/,
    ],
    [
      "a value inside",
      "parameters: { model.sizes: { values: [[64, 10], [64, 0, 10]] } }",
      /6:15: parameters\.model\.sizes: model\.sizes\[1\]: expected an integer >= 1; got 0/,
    ],
    [
      "a key that is not known",
      "parameters: { learningrate: { min: 0.1, max: 1 } }",
      /6:15: parameters\.learningrate: unknown key; did you mean "learningRate"\?/,
    ],
    [
      "set",
      "set: { epochs: -1 }\nparameters: { batchSize: { values: [1, 2] } }",
      /6:1: set: epochs: expected a number > 0; got -1/,
    ],
    [
      "the baseline",
      "parameters: { batchSize: { values: [1, 2] } }\nconfirm: { baseline: { optimizer: adma } }",
      /7:12: confirm\.baseline: optimizer: unknown optimizer "adma"/,
    ],
    [
      "a path below a number",
      "parameters: { batchSize.x: { values: [1, 2] } }",
      /6:15: parameters\.batchSize\.x: batchSize is 20, which has no keys\./,
    ],
  ])("refuses %s that the experiment does not take", async (_, lines, message) => {
    const loaded = load(`${lines}\n`);
    await expect(loaded).rejects.toThrow(message);
    await expect(loaded).rejects.toThrow(ConfigError);
  });

  it("finds the parameter below a key that there is not", async () => {
    await expect(
      load("parameters:\n  learningRate: { value: 1 }\n  optimizr.beta: { min: 1, max: 3 }\n"),
    ).rejects.toThrow(
      /s\.yaml:8:3: parameters\.optimizr\.beta: optimizr: unknown key; did you mean "optimizer"\?/,
    );
  });

  it("checks all points of a grid", async () => {
    const path = join(folder, "grid.yaml");
    const values = "parameters: { batchSize: { values: [1, 2, 0] } }";
    writeFileSync(path, `experiment: net.yaml\nmethod: grid\nmetric: { name: loss }\n${values}\n`);
    await expect(loadSweep(path)).rejects.toThrow(
      /4:15: parameters\.batchSize: expected an integer >= 1; got 0/,
    );
  });

  it("compares runs at rungs by what their kind reports", async () => {
    const pruned = (metric: string) => {
      const path = join(folder, "pruned.yaml");
      const lines =
        "parameters: { batchSize: { values: [1, 2] } }\nprune: { rule: bound, from: 2, above: 9 }";
      writeFileSync(path, `experiment: net.yaml\nmethod: grid\nmetric: { name: ${metric} }\n${lines}\n`);
      return loadSweep(path);
    };
    expect((await pruned("loss")).file.prune).toMatchObject({ rule: "bound" });
    await expect(pruned("validation.los")).rejects.toThrow(
      /3:11: metric\.name: with prune, .* expected one of .*; got "validation\.los"; did you mean "validation\.loss"\?/,
    );
  });

  it("tells of options that only one choice has, with the trial", async () => {
    await expect(load("parameters: { optimizer.name: { values: [sgd, adam] } }\n", "heavy")).rejects.toThrow(
      /parameters: optimizer\.momentum: unknown key.*, in the trial {"optimizer\.name":"adam"}/,
    );
  });

  it("loads the template with the experiment that comes with isoloss", async () => {
    const path = join(folder, "template.yaml");
    writeFileSync(path, sweepTemplate);
    expect((await loadSweep(path)).file.experiment).toBe("classify-digits");
  });

  it("names the experiments that there are for one that is not", async () => {
    writeFileSync(join(folder, "other.yaml"), good.replace("classify-digits", "clasify-digits"));
    await expect(loadSweep(join(folder, "other.yaml"))).rejects.toThrow(/Did you mean "classify-digits"\?/);
  });
});
