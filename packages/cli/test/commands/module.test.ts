// Experiments of kind module: losses and networks of the user's own.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (...path: string[]) => join(bench.folder, ...path);

const module = `import { array, mlp, torchGenerator } from "isoloss";
import { crossEntropy, l1Loss, mseLoss } from "isoloss/nn";
import { mul, square, sub, sum } from "isoloss/ops";
const network = mlp({ sizes: [1, 4, 1], activation: "leakyRelu" });
const x = array([[-1], [-0.5], [0.5], [1]]);
/** 1/2 (w - c)' diag(1, 4) (w - c), c = (1, 2). */
const bowl = {
  loss: (p, { c, d }) => sum(mul(d, square(sub(p.w, c)))),
  start: { w: array([3, 1]) },
  batch: { c: array([1, 2]), d: array([0.5, 2]) },
  optimizer: "gd", learningRate: 0.1, steps: 30,
};
export default bowl;
export const fit = {
  loss: (p, b) => mseLoss(network.apply(p, b.x).output, b.y),
  start: (seed) => network.init(torchGenerator(seed)).params,
  batch: { x, y: array([[1], [0], [0], [1]]) },
  optimizer: { name: "gd" }, learningRate: 0.05, steps: 20,
};
const data = { inputs: array([...Array(24).keys()].map((i) => [(i % 8) / 4 - 1])), labels: array([...Array(24).keys()].map((i) => ((i % 8) > 3 ? 1 : 0)), "int64") };
export const net = {
  model: mlp({ sizes: [1, 4, 2], activation: "leakyRelu" }), loss: crossEntropy, data, validation: data,
  batchSize: 6, optimizer: { name: "adam" }, learningRate: 0.05, epochs: 10,
};
export const regression = () => 3;
export const lines = {
  model: network, loss: (y, t) => mul(2, l1Loss(y, t)), data: { inputs: x, labels: array([1, 0, 0, 1]) },
  batchSize: 3, optimizer: "adam", learningRate: 0.05, steps: 9,
};
export const nothing = { start: 1 };
export const both = { model: network, data, start: {} };
export const noModel = { model: 3, data, batchSize: 2, optimizer: "adam", learningRate: 0.1, steps: 1 };
export const noData = { ...net, data: [1, 2], validation: undefined };
export const noStart = { ...bowl, start: 7 };
export const noLoss = { ...bowl, loss: 7 };
export const badBatch = { ...bowl, batch: { c: [1, 2] } };
export const badLoss = { ...net, loss: 7 };
export const badOptimizer = { ...bowl, optimizer: { name: "adamm" } };
export const badRate = { ...bowl, learningRate: "fast" };
export const misspelled = { ...bowl, learningrate: 3 };
export const noSteps = { ...bowl, steps: undefined };
export const vectorLoss = { ...bowl, loss: (p) => p.w };
export const throwsText = { ...bowl, start: () => { throw "boo"; } };
export const throwsLoss = { ...bowl, loss: (p) => p.none.x };
export const throwsLabels = { ...net, loss: () => { throw new RangeError("no labels today"); } };
export const throwsSymmetry = {
  ...bowl,
  symmetry: () => { throw new TypeError("no group today"); },
  teleport: { when: { every: 2 }, search: { name: "gradientAscent", steps: 2 } },
};
export const throws = { ...bowl, start: () => { throw new Error("no weights today"); } };
`;

const experiment = (name: string, more = "") => `name: mine
kind: module
module: "code/mine.mjs${name}"
${more}`;

beforeAll(async () => {
  bench.write("mine.yaml", "");
  await bench.run("init", "code/first.yaml");
  bench.write("code/mine.mjs", module);
  bench.write("code/broken.mjs", "export default {");
  bench.write("code/none.mjs", "export const a = 1;");
});

interface Run {
  readonly status: string;
  readonly directory: string;
  readonly loss: { readonly history: readonly number[] };
  readonly metrics: Readonly<Record<string, number>>;
  readonly teleports: readonly { readonly accepted: boolean; readonly drift: number }[];
}

async function ran(name: string, more?: string): Promise<Run> {
  bench.write("mine.yaml", experiment(name, more));
  return bench.json<Run>("run", "mine.yaml", "--json", "--quiet");
}
const configOf = ({ directory }: Run) => parse(readFileSync(join(directory, "config.yaml"), "utf8"));

describe("an experiment of kind module", () => {
  it("minimizes a loss on fixed data", async () => {
    const run = await ran("");
    // By hand: w - c = (2, -1) shrinks by 1 - 0.1 * 1 and 1 - 0.1 * 4 a step.
    const expected = Array.from({ length: 31 }, (_, t) => 2 * 0.9 ** (2 * t) + 2 * 0.6 ** (2 * t));
    expect(run.loss.history).toHaveLength(31);
    for (const [t, loss] of run.loss.history.entries()) expect(loss).toBeCloseTo(expected[t], 12);
    const config = configOf(run);
    expect(config).toMatchObject({ kind: "minimize", problem: { module: at("code/mine.mjs") }, steps: 30 });
    expect(config.problem.sha256).toMatch(/^[0-9a-f]{64}$/);
    const again = await bench.json<Run>("run", join(run.directory, "config.yaml"), "--json", "--quiet");
    expect(again.loss.history).toEqual(run.loss.history);
  });

  it("lets the file's settings stand above the module's, and teleports along what is found in the loss", async () => {
    const run = await ran(
      "#fit",
      "steps: 12\nseeds: [3]\nteleport: { when: { atSteps: [2] }, search: { name: gradientAscent, symmetry: scaling, steps: 3 } }\n",
    );
    expect(run.loss.history).toHaveLength(13);
    expect(run.teleports).toHaveLength(1);
    expect(run.teleports[0].drift).toBeLessThan(1e-10);
    expect((await ran("#fit", "steps: 12\nseeds: [4]\n")).loss.history[0]).not.toBe(run.loss.history[0]);
  });

  it("trains a network on its data, by its loss", async () => {
    const run = await ran("#net", "teleport: { when: { atSteps: [3] }, search: levelSet }\n");
    expect(run.metrics["validation.accuracy"]).toBeGreaterThan(0.8);
    // A loss of the user's own may be any: that of a constant is known of the cross-entropy alone.
    expect(run.metrics).toHaveProperty(["constant.validation.accuracy"]);
    expect(run.metrics).not.toHaveProperty(["constant.validation.loss"]);
    expect(run.teleports).toHaveLength(1);
    expect(configOf(run)).toMatchObject({
      kind: "train",
      model: { module: at("code/mine.mjs#net") },
      epochs: 10,
    });
    const doubled = await ran("#lines", "data: {}\n").catch((error: Error) => error.message);
    expect(doubled).toMatch(/data: unknown key/);
    const lines = await ran("#lines");
    expect(lines.metrics).not.toHaveProperty("train.rmse");
    const resumed = await bench.run("run", "--resume", lines.directory);
    expect(resumed.stderr).toMatch(/completed after 9 steps/);
  });

  it("is diagnosed, compared, exported and swept as other experiments are", async () => {
    const run = await ran("#net", "epochs: 1\n");
    const { points } = await bench.json<{ points: unknown[] }>("diagnose", run.directory, "--json");
    expect(points).toHaveLength(2);
    await bench.json("export", run.directory, "--to", "onnx", "--out", "net.onnx", "--json");
    bench.write("mine.yaml", experiment(""));
    bench.write(
      "sweep.yaml",
      "experiment: mine.yaml\nmethod: grid\nmetric: { name: loss }\nseeds: [0]\nparameters: { learningRate: { values: [0.1, 0.2] } }\nconfirm: false\n",
    );
    const { status, stdout } = await bench.run("sweep", "sweep.yaml", "--check");
    expect([status, stdout]).toEqual([0, expect.stringMatching(/2 trials/)]);
    const list = await bench.run("list", "kinds");
    expect(list.stdout).toMatch(/module +a module of your own/);
  });

  it("goes on with no other module", async () => {
    const run = await ran("");
    bench.write("code/mine.mjs", `${module}// changed\n`);
    const { status, stderr } = await bench.run("run", join(run.directory, "config.yaml"), "--quiet");
    expect([status, stderr]).toEqual([1, expect.stringMatching(/mine\.mjs has changed: its SHA-256/)]);
    bench.write("code/mine.mjs", module);
  });

  it("begins with what init writes, the module, too, and nothing is overwritten", async () => {
    const made = await bench.run("init", "own/begin.yaml", "--kind", "module");
    expect([made.status, made.stdout]).toEqual([
      0,
      expect.stringMatching(/^own\/begin\.yaml and own\/begin\.mjs: .*\n.*isoloss run own\/begin\.yaml/),
    ]);
    const { variants } = await bench.json<{ variants: Record<string, { runs: Run[] }> }>(
      ...["run", "own/begin.yaml", "--set", "steps=30", "--json", "--quiet"],
    );
    expect(Object.values(variants).map((v) => v.runs[0].status)).toEqual(Array(3).fill("completed"));
    const again = await bench.run("init", "own/begin.yaml", "--kind", "module");
    expect(again.stderr).toMatch(/begin\.yaml: it is there already/);
    bench.write("own/begin.mjs", "export default 3;\n");
    expect((await bench.run("init", "own/begin.yaml", "--kind", "module", "--force")).status).toBe(0);
    expect(readFileSync(at("own/begin.mjs"), "utf8")).toBe("export default 3;\n");
  });
});

describe("a module as the problem of kind minimize", () => {
  const minimized = `name: bowl
kind: minimize
problem: { module: code/mine.mjs }
optimizer: gd
learningRate: 0.1
steps: 30
figures: [levelSets, loss]
variants: { plain: {}, level-set: { teleport: { when: { atSteps: [5] }, search: { name: levelSet, steps: 20 } } } }
rates: { grid: [0.05, 0.1, 0.2], tune: [0], confirm: 1..2 }
`;

  it("runs, is drawn over its level sets, and is diagnosed without a symmetry", async () => {
    bench.write("bowl.yaml", minimized);
    const { variants } = await bench.json<{ variants: Record<string, { runs: Run[] }> }>(
      ...["run", "bowl.yaml", "--json", "--quiet"],
    );
    expect(variants["level-set"].runs[0].teleports[0].accepted).toBe(true);
    const runs = Object.values(variants).map(({ runs: [{ directory }] }) => directory);
    const { figures } = await bench.json<{ figures: string[] }>("plot", ...runs, "--json");
    expect(figures.map((path) => path.split("/").at(-1))).toContain("level-sets.svg");
    for (const target of ["bowl.yaml", runs[1]]) {
      const { status, stdout } = await bench.run("diagnose", target);
      expect([status, stdout]).toEqual([
        0,
        expect.stringMatching(/eigenvalues lie between 1 and 4[\s\S]*No gain by a symmetry is predicted/),
      ]);
    }
  });

  it("is reproduced at tuned rates, and swept", async () => {
    bench.write("bowl.yaml", minimized);
    const { experiments } = await bench.json<{ experiments: { status: string; rates: object }[] }>(
      ...["reproduce", "bowl.yaml", "--json", "--quiet"],
    );
    expect([experiments[0].status, Object.keys(experiments[0].rates)]).toEqual(["completed", ["plain"]]);
    bench.write(
      "bowl-sweep.yaml",
      "experiment: bowl.yaml\nmethod: grid\nmetric: { name: loss }\nseeds: [0]\nparameters: { learningRate: { values: [0.1, 0.2] } }\nconfirm: false\n",
    );
    const sweep = await bench.json<{ best: { parameters: unknown } }>(
      "sweep",
      "bowl-sweep.yaml",
      "--json",
      "--quiet",
    );
    // By hand: the longer coordinate shrinks by 1 - 0.2 * 1 a step.
    expect(sweep.best).toMatchObject({ parameters: { learningRate: 0.2 } });
  });
});

describe("mistakes in a module", () => {
  it.each([
    [
      "#nothing",
      /the export nothing must be \{ loss, start, batch \}, .* or \{ model, data \}, .*; got \{ start \}/,
    ],
    ["#both", /the export both must be .*; got \{ model, data, start \}/],
    ["#regression", /the export regression must be .*; got a function/],
    ["#none", /has no export none; it exports .*fit/],
    ["#noModel", /the export noModel must be a model, \{ init, apply \}/],
    ["#noData", /the export noData\.data must be data, \{ inputs, labels \}/],
    ["#noStart", /the export noStart needs a start, parameters as arrays by name/],
    ["#noLoss", /the export noLoss needs a loss, a function of parameters and batch/],
    ["#badBatch", /the export badBatch has a batch that is not arrays by name/],
    ["#badLoss", /the export badLoss must be a loss, a function of the model's output and the labels/],
    ["#badOptimizer", /mine\.mjs.*optimizer.*unknown optimizer "adamm"; did you mean "adam"/],
    ["#badRate", /mine\.mjs.*learningRate: expected .*got "fast"/],
    ["#misspelled", /mine\.mjs: learningrate: unknown key; did you mean "learningRate"/],
    ["#noSteps", /mine\.yaml.*steps: missing; expected an integer/],
    ["#vectorLoss", /the function must return one number .*got float64\[2\]/],
    ["#throws", /mine\.mjs: the start of throws failed: no weights today/],
    ["#throwsText", /mine\.mjs: the start of throwsText failed: boo/],
    ["#throwsLoss", /mine\.mjs: the loss of throwsLoss failed: Cannot read properties of undefined/],
    ["#throwsLabels", /mine\.mjs: the loss of throwsLabels failed: no labels today/],
    ["#throwsSymmetry", /mine\.mjs: the symmetry of throwsSymmetry failed: no group today/],
  ])("are told of %s", async (name, message) => {
    bench.write("mine.yaml", experiment(name));
    const { status, stderr } = await bench.run("run", "mine.yaml", "--quiet");
    expect(status).toBeGreaterThan(0);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/defect/);
  });

  it.each([
    ["module: code/none.mjs", /none\.mjs has no export default; it exports a/],
    ["module: code/broken.mjs", /Cannot import .*broken\.mjs/],
    ["module: code/gone.mjs", /Cannot read the module .*gone\.mjs: no such file/],
    ["modul: code/mine.mjs", /modul: unknown key; did you mean "module"/],
    ["module: 3", /module: expected text.*got 3/],
    [`module: code/mine.mjs\nsha256: "${"0".repeat(64)}"`, /mine\.mjs has changed/],
    ["module: code/mine.mjs\nvariants: { a: { module: code/none.mjs } }", /variants\.a\.module: unknown key/],
    ["module: code/mine.mjs\nbatchSize: 3", /batchSize: unknown key/],
  ])("are told of %s", async (line, message) => {
    bench.write("mine.yaml", `name: mine\nkind: module\n${line}\n`);
    const { status, stderr } = await bench.run("run", "mine.yaml", "--quiet");
    expect(status).toBeGreaterThan(0);
    expect(stderr).toMatch(message);
  });
});
