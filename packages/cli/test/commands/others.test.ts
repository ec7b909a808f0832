import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digits, takeRows } from "isoloss";
import { decodeSafetensors } from "isoloss/data";
import { decodeModel } from "isoloss/onnx";
import { parseXml } from "isoloss-test-support/figures/well-formed";
import { beforeAll, describe, expect, it } from "vitest";
import type { CompareDocument } from "../../src/commands/compare.js";
import type { ConflictPoint, DiagnosedPoint } from "../../src/experiments/kind.js";
import type { RunDocument } from "../../src/formats/json.js";
import { booth, digits as digitsConfig, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
let net: string;

beforeAll(async () => {
  bench.write("small.yaml", booth);
  bench.write("digits.yaml", digitsConfig);
  await bench.run("run", "small.yaml", "--quiet");
  const { directory } = await bench.json<RunDocument>(
    ...["run", "digits.yaml", "--variant", "plain", "--set", "steps=300", "--json", "--quiet"],
  );
  net = directory as string;
});

describe("isoloss list", () => {
  it("has a line for everything that a config may name", async () => {
    const document = await bench.json<Record<string, { name: string; summary: string }[]>>("list", "--json");
    expect(Object.keys(document)).toEqual(
      expect.arrayContaining([
        "kinds",
        "problems",
        "models",
        "data",
        "optimizers",
        "rates",
        "when",
        "searches",
        "symmetries",
        "objectives",
        "experiments",
      ]),
    );
    for (const entries of Object.values(document)) {
      expect(entries.length).toBeGreaterThan(0);
      for (const { name, summary } of entries) {
        expect(name).toMatch(/^[\w/-]+$/);
        expect(summary).toMatch(/^\S.*\S$/);
      }
    }
    const names = document.experiments.map((e) => e.name);
    expect(names).toEqual(expect.arrayContaining(["regression-gd", "demo/toy", "benchmarks/cityscapes"]));
    const { stdout } = await bench.run("list", "searches");
    expect(stdout).toMatch(/^searches\n {2}gradientAscent +gradient ascent/);
  });

  it("tells every option of a name with its range, its default and what it is", async () => {
    const { stdout } = await bench.run("list", "alignedMtl");
    expect(stdout).toMatch(/^alignedMtl \(methods\) {2}Aligned-MTL/);
    expect(stdout).toMatch(/\n {2}epsilon +a number in \[0, 1\]; default 1\.19\d+e-7\n +Eigenvalues up to/);
    const [{ options }] = await bench.json<[{ options: object[] }]>("list", "constantWeights", "--json");
    expect(options).toEqual([
      {
        name: "weights",
        range: "a list of 1 or more, each a finite number",
        summary: "w_k of each task, of any sign.",
      },
    ]);
    const { stdout: cost } = await bench.run("list", "cost");
    expect(cost).toMatch(/\n {2}adapter\.rank +an integer >= 1; default 5\n/);
    expect((await bench.run("list", "momentun")).stderr).toContain('did you mean "momentum"?');
  });

  it.each([
    [
      "train",
      '"train" is a kind of experiment, which has no list of its own: isoloss init --kind train prints one with its settings.',
    ],
    [
      "recorded",
      '"recorded" is a kind of experiment, which has no list of its own: isoloss list kinds says what it is.',
    ],
    [
      "classify-digits",
      '"classify-digits" is an experiment, which has no list of its own: isoloss run classify-digits runs it.',
    ],
    ["trian", 'There is no list of "trian"; did you mean "train"?'],
  ])("says what to type instead of list %s", async (name, message) => {
    const { status, stderr } = await bench.run("list", name);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it("offers no value that a config refuses", async () => {
    const { stdout } = await bench.run("list", "every");
    expect(stdout).toMatch(/\n {2}max +an integer >= 0; default Infinity\n/);
    const cost = await bench.run("list", "cost");
    expect(cost.stdout).not.toContain("or Infinity");
  });

  it("tells all meanings of a name", async () => {
    const found = await bench.json<{ section: string }[]>("list", "scaling", "--json");
    expect(found.map(({ section }) => section)).toEqual(["symmetries"]);
    expect((await bench.run("list", "scaleInvariant")).stdout).toContain("no options");
  });
});

describe("isoloss init", () => {
  it.each(["minimize", "train"])("writes a commented %s experiment that runs as it is", async (kind) => {
    const file = `${kind}.yaml`;
    const { status, stdout } = await bench.run("init", file, "--kind", kind);
    expect([status, stdout]).toEqual([0, `${file}: run it with\n  isoloss run ${file}\n`]);
    expect(readFileSync(join(bench.folder, file), "utf8").match(/#/g)?.length).toBeGreaterThan(10);
    const quick = kind === "train" ? ["--set", "epochs=3", "--seeds", "0..0"] : [];
    const { status: code, stderr } = await bench.run("run", file, "--quiet", ...quick);
    expect([code, stderr]).toEqual([0, ""]);
  });

  it.each([
    ["mine.yaml", "mine"],
    ["2026.yml", '"2026"'],
    ["my experiment.yaml", "my-experiment"],
  ])("names the experiment of %s %s", async (file, name) => {
    expect((await bench.run("init", file)).status).toBe(0);
    expect(readFileSync(join(bench.folder, file), "utf8")).toContain(`\nname: ${name}\n`);
  });

  it("writes the JSON Schema for editors, and stops before a file that is there", async () => {
    expect((await bench.run("init", "--schema", "schema.json")).status).toBe(0);
    const schema = JSON.parse(readFileSync(join(bench.folder, "schema.json"), "utf8"));
    expect(schema.$schema).toMatch(/draft-07/);
    expect(JSON.stringify(schema)).toContain('"bestAngle"');
    expect((await bench.run("init", "--schema", "schema.json")).status).toBe(1);
    expect((await bench.run("init", "--schema", "schema.json", "--force")).status).toBe(0);
  });
});

describe("isoloss init --kind sweep", () => {
  it("writes a commented sweep, and its JSON Schema", async () => {
    const { stdout } = await bench.run("init", "rates.yaml", "--kind", "sweep");
    expect(stdout).toBe("rates.yaml: run it with\n  isoloss sweep rates.yaml\n");
    expect(readFileSync(join(bench.folder, "rates.yaml"), "utf8")).toContain("\nname: rates\n");
    expect((await bench.run("init", "--kind", "sweep", "--schema", "sweep.schema.json")).status).toBe(0);
    const schema = JSON.parse(readFileSync(join(bench.folder, "sweep.schema.json"), "utf8"));
    expect([schema.title, Object.keys(schema.properties)]).toEqual([
      "Isoloss sweep",
      expect.arrayContaining(["parameters", "metric", "budget"]),
    ]);
  });
});

describe("a table of runs", () => {
  it("says of which runs the loss grew", async () => {
    // Beyond 2 / 18 of the largest curvature.
    const grow = ["--variant", "plain", "--set", "learningRate=0.2", "--out", "grown"];
    const { status, stdout } = await bench.run("run", "small.yaml", "--quiet", ...grow);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^plain: the loss grew in 1 of 1 run, from 144 to [\d.e+]+ with seed 0; a smaller learning rate may help$/m,
    );
    const { stdout: fallen } = await bench.run("run", "small.yaml", "--quiet", "--out", "fallen");
    expect(fallen).not.toContain("grew");
  });

  it("names what is behind +-", async () => {
    const { stdout } = await bench.run(
      "run",
      "digits.yaml",
      "--quiet",
      "--set",
      "steps=30",
      "--seeds",
      "0..1",
      "--out",
      "spread",
    );
    expect(stdout).toMatch(/ \+- /);
    expect(stdout).toMatch(/^\+-: standard deviation over seeds$/m);
  });

  it("says why no teleport of a variant was accepted", async () => {
    bench.write(
      "refused.yaml",
      `name: refused
kind: minimize
problem: { name: mlpRegression, samples: 6 }
optimizer: gd
learningRate: 1.0e-4
steps: 10
variants:
  eq8: { teleport: { when: { atSteps: [5] }, search: { name: gradientAscent, symmetry: hiddenAction } } }
  scaling: { teleport: { when: { atSteps: [5] }, search: { name: gradientAscent, symmetry: positiveScaling } } }
`,
    );
    const { status, stdout } = await bench.run("run", "refused.yaml", "--quiet");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^eq8: no teleport was accepted, 1 of 1 as: .*rank 5/m);
    expect(stdout).not.toContain("scaling: no teleport");
  });

  it("is asked for by the runs, not by the folder that holds them", async () => {
    const { status, stderr } = await bench.run("compare", "runs");
    expect([status, stderr]).toEqual([
      1,
      "isoloss: runs is not the directory of a run: it has no config.yaml and no environment.json. Runs are in it: give runs/*.\n",
    ]);
  });
});

describe("isoloss compare", () => {
  it("tells steps and seconds to the target, and draws against both", async () => {
    const document = await bench.json<CompareDocument>(
      ...["compare", "runs/small-plain-0-1", "runs/small-exact-0-1", "--out", "compared", "--json"],
    );
    expect(document.target).toBeCloseTo(2.2025169931315807, 12);
    const [plain, exact] = document.groups;
    expect(plain).toMatchObject({
      name: "plain",
      seeds: [0],
      reached: 1,
      steps: { mean: 10 },
      stepsRatio: null,
    });
    // From its teleport before step 4, L falls by (1 - 18 * 0.08)^2 = 0.1936 a step: 17.95, 3.47, 0.67.
    expect(exact).toMatchObject({ name: "exact", reached: 1, steps: { mean: 6 } });
    expect(exact.stepsRatio?.ratio).toBeCloseTo(10 / 6, 12);
    const names = readdirSync(join(bench.folder, "compared")).sort();
    const figures = ["grad-norm", "level-sets", "loss", "loss-seconds"];
    expect(names).toEqual(
      ["data.csv", "teleports.csv", ...figures.flatMap((name) => [`${name}.png`, `${name}.svg`])].sort(),
    );
  });

  it("compares runs that reach the target at their start, which is worth one step", async () => {
    const { groups } = await bench.json<CompareDocument>(
      ...["compare", "runs/small-plain-0-1", "runs/small-exact-0-1", "--target", "1e9", "--json"],
    );
    for (const group of groups) expect(group).toMatchObject({ reached: 1, steps: { mean: 1 } });
    expect(groups[1].stepsRatio?.ratio).toBe(1);
  });

  it("says where runs of one variant have different settings", async () => {
    const slow = ["--set", "learningRate=0.04", "--variant", "plain", "--out", "slower"];
    await bench.run("run", "small.yaml", "--quiet", ...slow);
    const { status, stderr } = await bench.run("compare", "runs/small-plain-0-1", "slower/small-plain-0-1");
    expect([status, stderr]).toEqual([
      0,
      "isoloss: the runs of plain differ in learningRate, and count as one group. Name only those with equal settings to compare them.\n",
    ]);
    const alike = await bench.run("compare", "runs/small-plain-0-1", "runs/small-exact-0-1");
    expect(alike.stderr).toBe("");
  });

  it("says where losses of groups measure different things", async () => {
    const other = ["--set", "problem=rosenbrock", "--set", "name=other", "--variant", "plain"];
    await bench.run(
      "run",
      "small.yaml",
      "--quiet",
      ...other,
      "--set",
      "learningRate=1e-4",
      "--out",
      "others",
    );
    const { stderr } = await bench.run("compare", "runs/small-plain-0-1", "others/other-plain-0-1");
    expect(stderr).toBe(
      "isoloss: other-plain differs from small-plain in problem: their losses may measure different things.\n",
    );
  });

  it("says where a seed counts twice", async () => {
    await bench.run("run", "small.yaml", "--quiet", "--variant", "plain", "--out", "again");
    const { stderr } = await bench.run("compare", "runs/small-plain-0-1", "again/small-plain-0-1");
    expect(stderr).toMatch(/^isoloss: plain has several runs of seed 0: such runs are not independent/);
  });

  it("says which runs never came to a target", async () => {
    const { stdout } = await bench.run(
      "compare",
      "runs/small-plain-0-1",
      "runs/small-exact-0-1",
      "--target",
      "0.01",
    );
    expect(stdout).toMatch(/^plain +1 .* 0 of 1 +- +- +-$/m);
    expect(stdout).toMatch(/^exact +1 .* 1 of 1 +9 /m);
  });
});

describe("isoloss plot", () => {
  it("draws runs of one variant and one seed, as of an experiment that ran twice", async () => {
    for (const again of ["1", "2"]) {
      const planar = ["run", "booth", "--variant", "plain", "--quiet", "--out", "twice"];
      expect([again, (await bench.run(...planar)).status]).toEqual([again, 0]);
      const toy = ["run", "toy", "--variant", "LS-1", "--seed", "0", "--set", "steps=20", "--quiet"];
      expect([again, (await bench.run(...toy, "--out", "twice")).status]).toEqual([again, 0]);
    }
    const runs = readdirSync(join(bench.folder, "twice")).map((name) => join("twice", name));
    for (const name of ["booth", "toy"]) {
      const own = runs.filter((run) => run.includes(name));
      const { status, stderr } = await bench.run("plot", ...own, "--scale", "1", "--out", `twice-${name}`);
      expect([status, stderr]).toEqual([0, ""]);
    }
  });

  it("draws what runs have numbers for, with the numbers beside", async () => {
    const { figures } = await bench.json<{ figures: string[] }>(
      "plot",
      net,
      "--out",
      "plots",
      "--theme",
      "dark",
      "--json",
    );
    const names = figures.map((path) => path.slice(join(bench.folder, "plots").length + 1)).sort();
    const drawn = ["accuracy", "accuracy-seconds", "grad-norm", "loss", "loss-seconds"];
    drawn.push("validation", "validation-seconds");
    expect(names).toEqual(["data.csv", ...drawn.flatMap((name) => [`${name}.png`, `${name}.svg`])].sort());
    for (const name of names.filter((n) => n.endsWith(".svg"))) {
      parseXml(readFileSync(join(bench.folder, "plots", name), "utf8"));
    }
    const csv = readFileSync(join(bench.folder, "plots", "data.csv"), "utf8");
    expect(csv.split("\r\n")[0]).toBe(
      "run,seed,step,loss,gradNormSq,seconds,validation.loss,validation.accuracy",
    );
  });
});

describe("isoloss export", () => {
  it("writes a model whose logits are the trained network's", async () => {
    const { file } = await bench.json<{ file: string }>(
      "export",
      net,
      "--to",
      "onnx",
      "--batch",
      "8",
      "--json",
    );
    const model = decodeModel(readFileSync(file));
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(["logits"]);
    const { file: weightFile } = await bench.json<{ file: string }>(
      "export",
      net,
      "--to",
      "safetensors",
      "--json",
    );
    const { tensors } = decodeSafetensors(readFileSync(weightFile));
    expect(Object.keys(tensors).sort()).toEqual([
      "params.layers.0.bias",
      "params.layers.0.weight",
      "params.layers.1.bias",
      "params.layers.1.weight",
    ]);
    const ort = await import("onnxruntime-node");
    const session = await ort.InferenceSession.create(file);
    const x = takeRows(
      digits().images,
      Int32Array.from({ length: 8 }, (_, i) => i),
    );
    const { logits } = await session.run({ x: new ort.Tensor("float32", x.data as Float32Array, [8, 64]) });
    const [w0, b0, w1, b1] = ["0.weight", "0.bias", "1.weight", "1.bias"].map(
      (name) => tensors[`params.layers.${name}`].data as Float32Array,
    );
    for (let i = 0; i < 8; i++) {
      const hidden = Array.from(b0, (b, j) => {
        let z = b;
        for (let k = 0; k < 64; k++) z += w0[j * 64 + k] * Number(x.data[i * 64 + k]);
        return z > 0 ? z : 0.01 * z;
      });
      for (let c = 0; c < 10; c++) {
        const expected = hidden.reduce((a, h, j) => a + w1[c * 12 + j] * h, b1[c]);
        expect(Number(logits.data[i * 10 + c])).toBeCloseTo(expected, 4);
      }
    }
  });

  it("writes the records as CSV and for TensorBoard", async () => {
    const run = "runs/small-exact-0-1";
    const { file } = await bench.json<{ file: string }>(
      "export",
      run,
      "--to",
      "csv",
      "--out",
      "x.csv",
      "--json",
    );
    const lines = readFileSync(file, "utf8").split("\r\n");
    expect(lines[0]).toBe("step,loss,gradNormSq,seconds,params.0,params.1");
    expect(lines).toHaveLength(13);
    const { file: events } = await bench.json<{ file: string }>(
      "export",
      run,
      "--to",
      "tensorboard",
      "--json",
    );
    expect(events).toMatch(/events\.out\.tfevents\.\d{10}\.isoloss$/);
    expect(existsSync(events)).toBe(true);
  });
});

describe("isoloss diagnose", () => {
  it("tells the theory's figures at start, teleport and end of a run", async () => {
    const { points } = await bench.json<{ points: DiagnosedPoint[] }>(
      "diagnose",
      "runs/small-exact-0-1",
      "--json",
    );
    expect(points.map(({ at }) => at)).toEqual([
      "at the start",
      "at the teleport before step 4",
      "at the end",
    ]);
    const [start, teleport, end] = points.map(({ diagnosis }) => diagnosis);
    // Booth's function has the eigenvalues 2 and 18; ||g||^2 of step 4 by a plain loop, and 2 * 18 * L.
    expect(start.lambdaMax).toBeCloseTo(18, 6);
    expect(start.lambdaMin).toBeCloseTo(2, 6);
    expect(teleport.speedUp).toBeCloseTo(646.1356093162 / 75.02955620283186, 6);
    expect(end.levelSetFraction).toBeCloseTo(1, 6);
  });

  it("looks at an experiment's start, and at a network's checkpoint", async () => {
    const { stdout } = await bench.run("diagnose", "rosenbrock");
    expect(stdout).toMatch(/^at the start\n {2}The loss is 404, /);
    const { points } = await bench.json<{ points: DiagnosedPoint[] }>("diagnose", net, "--json");
    expect(points.map(({ step }) => step)).toEqual([0, 300]);
    for (const { diagnosis } of points) expect(diagnosis.gradNormSq).toBeGreaterThan(0);
  });

  it.each([
    ["few", "curveFit, hidden: [3, 2], points: 40"],
    ["many", "mlpRegression"],
  ])("looks at a loss in float32 of %s parameters", async (name, problem) => {
    bench.write(
      `${name}.yaml`,
      `name: ${name}
kind: minimize
problem: { name: ${problem} }
optimizer: gd
learningRate: 1.0e-3
dtype: float32
steps: 4
`,
    );
    const run = await bench.json<RunDocument>("run", `${name}.yaml`, "--json", "--quiet");
    const { points } = await bench.json<{ points: DiagnosedPoint[] }>(
      ...["diagnose", run.directory as string, "--json"],
    );
    expect(points.map(({ step }) => step)).toEqual([0, 4]);
    expect(points[1].diagnosis.loss).toBeLessThan(points[0].diagnosis.loss);
  });

  it("speaks of the run, and not of options of the library", async () => {
    const outputs: string[] = [];
    for (const target of ["rosenbrock", "runs/small-exact-0-1", net]) {
      outputs.push((await bench.run("diagnose", target)).stdout);
    }
    const [function_, run, network] = outputs;
    for (const text of outputs) {
      expect(text).not.toMatch(/learningRate|moved point|`|quadratic\.$|is given|is not said|newtonSteps/m);
      expect(text).toMatch(/at the learning rate 0\.\d+ (lowers|raises) the loss by/);
    }
    expect(function_).toMatch(/The learning rate 0\.\d+ is below that\.\n/);
    // Section 7 of the theory's example: 75.03 -> 646.1.
    const [start, teleport, end] = run.split("\n\n");
    expect(teleport).toMatch(/The teleport made \|\|g\|\|\^2 8\.61 times as large/);
    for (const text of [start, end, network]) expect(text).not.toMatch(/The teleport /);
    expect(end).toMatch(/largest on this level set: no teleport can raise it/);
    expect(network).not.toMatch(/level set: a teleport can make it|convex quadratic/);
  });

  it("goes along a run that it does again, to the same place", async () => {
    const along = await bench.json<{ points: DiagnosedPoint[] }>("diagnose", net, "--points", "3", "--json");
    expect(along.points.map(({ step }) => step)).toEqual([0, 150, 300]);
    const { points } = await bench.json<{ points: DiagnosedPoint[] }>("diagnose", net, "--json");
    expect(along.points.map(({ diagnosis }) => diagnosis.loss)).toEqual(
      expect.arrayContaining(points.map(({ diagnosis }) => diagnosis.loss)),
    );
  });

  it("tells the conflicts of several tasks", async () => {
    bench.write(
      "tasks.yaml",
      `name: tasks
kind: multi-task
problem: toy
method: linearScalarization
optimizer: gd
learningRate: 0.001
steps: 20
`,
    );
    const args = ["--seed", "0", "--json"];
    const { directory } = await bench.json<RunDocument>("run", "tasks.yaml", "--quiet", ...args);
    const { points } = await bench.json<{ points: ConflictPoint[] }>(
      "diagnose",
      directory as string,
      "--json",
    );
    expect(points.map(({ step }) => step)).toEqual([0, 20]);
    const again = await bench.json<{ points: ConflictPoint[] }>(
      ...["diagnose", "tasks.yaml", "--points", "2", ...args],
    );
    expect(again.points.map(({ step }) => step)).toEqual([0, 19]);
    expect(again.points[0]).toEqual(points[0]);
    const [{ conflict }] = points;
    const [a, b] = conflict.norms as [number, number];
    const c = conflict.leastCosine as number;
    // cos(g_0, g_1) from the two norms and the angle between them.
    const expected = (a + b * c) / Math.hypot(a + b * c, b * Math.sqrt(1 - c * c));
    expect(conflict.meanCosines[0]).toBeCloseTo(expected, 10);
    expect(conflict.weak).toBe(c < 0);
  });
});

describe("isoloss data", () => {
  it("lists data sets and verifies the embedded one", async () => {
    const { data } = await bench.json<{ data: { name: string; present: boolean }[] }>(
      ...["data", "list", "--directory", "nowhere", "--json"],
    );
    expect(data.map(({ name, present }) => [name, present])).toEqual([
      ["digits", true],
      ["fashionMnist", false],
      ["mnist", false],
    ]);
    mkdirSync(join(bench.folder, "damaged"));
    for (const part of ["train", "t10k"])
      for (const name of [`${part}-images-idx3-ubyte`, `${part}-labels-idx1-ubyte`])
        writeFileSync(join(bench.folder, "damaged", name), "none");
    const { stdout: list } = await bench.run("data", "list", "--directory", "damaged");
    expect(list).toMatch(/^mnist +damaged, as isoloss data verify mnist tells: /m);
    const { stdout } = await bench.run("data", "verify", "digits");
    expect(stdout).toBe("digits: 1797 training images of 64 pixels, as they should be.\n");
  });

  it("fetches from a mirror that does not answer with one clear message", async () => {
    const { status, stderr } = await bench.run(
      ...["data", "fetch", "mnist", "--directory", "nowhere", "--mirror", "http://127.0.0.1:9/"],
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/^isoloss: Cannot download train-images-idx3-ubyte\.gz:/);
    expect(existsSync(join(bench.folder, "nowhere"))).toBe(false);
  });
});

describe("help", () => {
  it.each([
    "run",
    "reproduce",
    "list",
    "init",
    "compare",
    "plot",
    "diagnose",
    "predict",
    "export",
    "data",
    "demo",
  ])("of %s teaches, with an example", async (command) => {
    const { status, stdout, stderr } = await bench.run(command, "--help");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  isoloss ${command}`));
  });
});
