import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProcess } from "isoloss-test-support/cli/in-process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { booth } from "./support.js";

const full = `name: full
kind: minimize
problem: { name: quadratic, matrix: [[1, 0], [0, 10]], start: [3, 0.5] }
optimizer: { name: sgd, momentum: 0.5 }
learningRate: 0.05
steps: 10
variants:
  plain: {}
  moved: { teleport: { when: { atSteps: [4] }, search: { name: gradientAscent, steps: 3 } } }
`;

const train = `name: net
kind: train
data: { name: digits, limit: 100 }
model: { name: mlp, sizes: [64, 8, 10] }
optimizer: sgd
learningRate: 0.1
batchSize: 20
steps: 5
`;

const tasks = `name: tasks
kind: multi-task
problem: toy
method: linearScalarization
optimizer: adam
learningRate: 0.01
steps: 5
cost: { trigger: weak }
`;

const table = `name: table
kind: tables
columns: [{ name: one, better: higher }, { name: two, better: lower }]
base: [1, 2]
rows: { a: { values: [1] } }
`;

let folder: string;
let files: string[];

const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content);

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "isoloss-malformed-")));
  write("booth.yaml", booth);
  write("full.yaml", full);
  write("net.yaml", train);
  write("tasks.yaml", tasks);
  write("table.yaml", table);
  write("unclosed.yaml", "name: x\nkind: [minimize");
  write("text.yaml", "just some text\n");
  write("sweep.yaml", "experiment: booth\nmethod: grid\nparameters: {}\n");
  write("list.yaml", "- 1\n- 2\n");
  write("empty.yaml", "");
  write("binary.yaml", "\u0000\u0001\ufffd");
  write("twice.yaml", `${booth}steps: 3\n`);
  write("typo.yaml", booth.replace("optimizer: gd", "optimiser: gd"));
  write("number.yaml", booth.replace("steps: 10", "steps: ten"));
  write("tabs.yaml", booth.replace("exact: {", "\texact: {"));
  // Aliases of aliases: a few lines that would be 9 ** 7 values.
  const lines = [..."bcdefg"].map(
    (name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdef"[i]}`).join(", ")}]`,
  );
  write("bomb.yaml", `a: &a [1]\n${lines.join("\n")}\n`);
  write("anchor.yaml", booth.replace("plain: {}", "plain: *nothing"));
  write("wide.yaml", train.replace("[64, 8, 10]", "[63, 8, 10]"));
  write("few-classes.yaml", train.replace("[64, 8, 10]", "[64, 8, 3]"));
  write("mnist.yaml", train.replace("name: digits, limit: 100", "name: mnist, limit: 100"));
  write("rates.yaml", `${booth}rates: { grid: [0.1], tune: 0..3, confirm: 3..5 }\n`);
  write("one-seed.yaml", `${booth}rates: { grid: [0.1], tune: 100, confirm: 3..5 }\n`);
  mkdirSync(join(folder, "not-a-run"));
  mkdirSync(join(folder, "cut"));
  for (const part of ["train", "t10k"]) {
    // An index of 60000 images that ends in the first one.
    write(
      `cut/${part}-images-idx3-ubyte`,
      Buffer.from("00000803" + "0000ea60" + "0000001c" + "0000001c" + "0102", "hex"),
    );
    write(`cut/${part}-labels-idx1-ubyte`, Buffer.from("00000801" + "0000ea60" + "01", "hex"));
  }
  await inProcess(["run", "booth.yaml", "--variant", "plain", "--quiet", "--out", "made"], folder);
  for (const name of ["broken-config", "broken-records", "broken-summary", "broken-weights", "no-steps"]) {
    cpSync(join(folder, "made/small-plain-0-1"), join(folder, name), { recursive: true });
  }
  rmSync(join(folder, "made"), { recursive: true });
  write("broken-config/config.yaml", booth.slice(0, 30));
  write("broken-records/metrics.jsonl", '{"step":0,\n');
  write("no-steps/metrics.jsonl", "");
  write("broken-summary/summary.json", '{"status":');
  truncateSync(join(folder, "broken-weights/params.safetensors"), 20);
  files = everything();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Paths of all files in the folder. */
const everything = (): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).filter((path) => path !== "runs").sort();

/** What is asked for, what is said about it, and the exit code. */
const cases: readonly (readonly [string, RegExp, number])[] = [
  ["run unclosed.yaml", /^isoloss: unclosed\.yaml:\d+:\d+: .*sequence/, 2],
  ["run text.yaml", /text\.yaml:1:1: expected a map of keys; got "just some text"/, 2],
  ["run sweep.yaml", /^isoloss: sweep\.yaml is a sweep: isoloss sweep runs it\.$/m, 2],
  ["sweep typo.yaml", /^isoloss: typo\.yaml is an experiment: isoloss run runs it, and/m, 2],
  ["run list.yaml", /list\.yaml:1:1: expected a map of keys; got \[1,2\]/, 2],
  ["run empty.yaml", /empty\.yaml:1:1: expected a map of keys; got null/, 2],
  ["run binary.yaml", /^isoloss: binary\.yaml: this is a binary file, not a config in YAML\.\n$/, 2],
  ["run twice.yaml", /twice\.yaml:10:1: Map keys must be unique/, 2],
  ["run typo.yaml", /typo\.yaml:4:1: optimiser: unknown key; did you mean "optimizer"\?/, 2],
  ["run number.yaml", /number\.yaml:6:1: steps: expected an integer >= 0; got "ten"/, 2],
  ["run tabs.yaml", /tabs\.yaml:\d+:\d+: Tabs are not allowed/, 2],
  ["run bomb.yaml", /bomb\.yaml: Excessive alias count/, 2],
  ["run anchor.yaml", /anchor\.yaml.*nothing/, 2],
  ["run wide.yaml", /64.*63|63.*64/, 2],
  ["run few-classes.yaml", /labels?.*3|3.*classes/i, 1],
  ["run mnist.yaml", /The files of mnist \(plain or \.gz\) are in none of these folders/, 1],
  ["run missing.yaml", /There is no file missing\.yaml, and no experiment of that name\. /, 2],
  ["run typo", /There is no file typo, .* Did you mean "typo\.yaml"\?/, 2],
  ["run cityscapes", /There is no file cityscapes, .* Did you mean "benchmarks\/cityscapes"\?/, 2],
  [
    "reproduce one-seed.yaml",
    /rates\.tune: expected a list or text, such as 0\.\.4 or \[ 100 \]; got 100$/m,
    2,
  ],
  ["run boooth", /There is no file boooth, .* Did you mean "booth"\?/, 2],
  [
    "run clok-rosenbrock",
    /Did you mean "clock-rosenbrock"\? Similar names: clock-rosenbrock-20d.{0,80}\. isoloss list experiments prints/,
    2,
  ],
  ["run", /Name an experiment, a YAML file or, with --resume, the directory of a run/, 2],
  ["run .", /There is no file \., and no experiment of that name/, 2],
  [
    "run booth.yaml --set kind=minimise",
    /unknown kind of experiment "minimise"; did you mean "minimize"\?/,
    2,
  ],
  ["run booth.yaml --set optimizer=adagard", /unknown optimizer "adagard"; did you mean "adagrad"\?/, 2],
  ["run booth.yaml --set problem=boot", /unknown problem "boot"; did you mean "booth"\?/, 2],
  ["run booth.yaml --set steps=-5", /--set steps=-5: steps: expected an integer >= 0; got -5/, 2],
  ["run booth.yaml --set steps=1.5", /expected an integer >= 0; got 1\.5/, 2],
  ["run booth.yaml --set learningRate=-1", /learningRate: expected a number >= 0; got -1/, 2],
  [
    "run booth.yaml --set learningRate=.nan",
    /learningRate: expected a number >= 0 or a map of keys; got NaN/,
    2,
  ],
  ["run booth.yaml --set steps", /--set steps: expected path=value/, 2],
  [
    "run booth.yaml --set variants.exact.teleport.search=bestAngel",
    /unknown search "bestAngel"; did you mean "bestAngle"\?/,
    2,
  ],
  [
    "run booth.yaml --set variants.exact.teleport.when.atStep=[4]",
    /unknown key; did you mean "atSteps"\?/,
    2,
  ],
  [
    "run booth.yaml --set variants.exact.teleport.guard=true",
    /guard: expected false or a map of keys; got true/,
    2,
  ],
  ["run booth.yaml --variant exakt", /no variant "exakt"; did you mean "exact"\? It has plain, exact\./, 2],
  ["run booth.yaml --seeds 5..1", /--seeds: expected a range a\.\.b with a <= b/, 2],
  ["run booth.yaml --seeds 0..99999999", /at most 10000 seeds/, 2],
  ["run booth.yaml --seeds five", /argument 'five' is invalid\. It must be a range/, 2],
  ["run booth.yaml --seed -1", /argument '-1' is invalid/, 2],
  ["run booth.yaml --seed 1 --seeds 0..3", /Give --seed or --seeds, not both\./, 2],
  [
    "run booth.yaml --set name=../x",
    /name: expected up to 60 letters, digits, .*, the first no .*; got "\.\.\/x"/,
    2,
  ],
  [
    "run booth.yaml --mlflow localhost",
    /Expected an address such as http:\/\/localhost:5000; got "localhost"/,
    2,
  ],
  ...["file://mlruns", "file:///tmp/a%zz"].map((url): [string, RegExp, number] => [
    `run booth.yaml --mlflow ${url}`,
    /Expected a folder such as \.\/mlruns or file:\/\/\/path\/mlruns; got "file:/,
    2,
  ]),
  ["run booth.yaml --jobs 0", /argument '0' is invalid/, 2],
  ["run booth.yaml --wrong", /unknown option '--wrong'/, 2],
  ["run booth.yaml --out booth.yaml", /Cannot make a directory for the run in .*: it is there already\./, 1],
  ["run booth.yaml --resume not-a-run", /leave out the experiment, --set, .* and the seed/, 2],
  ["run --resume not-a-run --out elsewhere", /leave out the experiment, .*--out/, 2],
  ["sweep --resume not-a-sweep --out elsewhere", /--out is for/, 2],
  ["sweep --verify not-a-sweep --jobs 2", /--jobs is for/, 2],
  ["run --resume not-a-run --quick", /leave out the experiment, .*--quick/, 2],
  [
    "run --resume not-a-run",
    /is not the directory of a run: it has no config\.yaml and no environment\.json/,
    1,
  ],
  ["run --resume nowhere", /Cannot read the run nowhere: no such file or directory/, 1],
  ["run full.yaml --set problem.matrix=[[1,2],[3,4]]", /symmetric/, 1],
  ["run full.yaml --set problem.matrix=[[1,0],[0,-4]]", /positive definite/, 2],
  ["run full.yaml --set problem.start=[1,2,3]", /start needs 2 numbers/, 2],
  [
    "run full.yaml --set optimizer.momentum=1.5",
    /optimizer\.momentum: expected a number >= 0 and < 1; got 1\.5/,
    2,
  ],
  ["run full.yaml --set optimizer.momntum=0.5", /unknown key; did you mean "momentum"\?/, 2],
  [
    "run full.yaml --variant moved --set variants.moved.teleport.search.symmetry=positiveScaling",
    /acts on multilayer perceptrons/,
    2,
  ],
  ["run full.yaml --set dtype=float32", /is in float64: leave dtype out/, 2],
  ["run net.yaml --set batchSize=1000", /batchSize must be an integer in 1\.\.100/, 2],
  [
    "run net.yaml --set epochs=1",
    /needs either epochs or steps: both are given, epochs: 1 and steps: \d+\. Set the one that the file has/,
    2,
  ],
  ["run net.yaml --set model.activation=rellu", /unknown activation "rellu"; did you mean "relu"\?/, 2],
  ["run net.yaml --set model.sizes=[64]", /model\.sizes: expected a list of at least 2/, 2],
  ["run net.yaml --set model.name=mpl", /unknown model "mpl"; did you mean "mlp"\?/, 2],
  ["run net.yaml --set steps=-3", /--set steps=-3: steps: expected an integer >= 0; got -3/, 2],
  ["run full.yaml --set problem.start=[.nan,1]", /problem\.start\[0\]: expected a number; got NaN/, 2],
  ["run full.yaml --set problem.start=[1e200,1]", /loss or its gradient is not finite at the start/, 1],
  ["run full.yaml --set steps=1e99", /steps: expected an integer >= 0; got 1e\+99/, 2],
  ["run tasks.yaml --set method=pcgrda", /unknown method "pcgrda"; did you mean "pcGrad"\?/, 2],
  ["run tasks.yaml --set cost.trigger=weka", /unknown .*"weka"; did you mean "weak"\?/, 2],
  ["run tasks.yaml --set problem=toyy", /unknown .*"toyy"; did you mean "toy"\?/, 2],
  ["run table.yaml", /a: expected 2 values, one a column \(one, two\); got 1/, 2],
  ["run --resume broken-config", /config\.yaml/, 1],
  ["compare broken-summary", /summary\.json is not JSON: .* Is it truncated\?/, 1],
  ["export broken-weights --to safetensors", /broken-weights\/params\.safetensors: .*truncated/, 1],
  ["plot broken-records", /metrics\.jsonl:1: expected a JSON object; got "\{\\"step\\":0,"/, 1],
  ["compare no-steps", /The run no-steps has not recorded a step yet/, 1],
  [
    "export no-steps --to tenosrboard",
    /--to must be one of .*; got "tenosrboard"; did you mean "tensorboard"\?/,
    2,
  ],
  ["export no-steps --to csv --batch 3", /--batch is for --to onnx\./, 2],
  ["data verify mnist --directory cut", /train-images-idx3-ubyte.*(truncated|bytes)/, 1],
  ["plot no-steps --figure acuracy", /Did you mean "accuracy"\? It must be one of levelSets, /, 2],
  ["plot no-steps --scale ten", /argument 'ten' is invalid/, 2],
  ["compare not-a-run", /is not the directory of a run/, 1],
  ["compare", /missing required argument 'runs'/, 2],
  ["plot booth.yaml", /is a file; expected the directory of a run/, 1],
  ["export not-a-run --to csv", /is not the directory of a run/, 1],
  ["export not-a-run", /required option '--to <format>' not specified/, 2],
  ["diagnose nowhere", /There is no file nowhere/, 2],
  ["data eat", /the action must be one of list, verify, fetch, sample; got "eat"/, 2],
  ["data verify fashionMnits", /there is no "fashionMnits"; did you mean "fashionMnist"\?/, 2],
  ["data verify mnist --directory not-a-run", /The files of mnist .* are in none of these folders/, 1],
  ["list searchs", /There is no list of "searchs"; did you mean "searches"\?/, 2],
  ["init booth.yaml", /Cannot write booth\.yaml: it is there already\./, 1],
  [
    "init x.yaml --kind trian",
    /The kind must be one of minimize, .*train, .*; got "trian"; did you mean "train"\?/,
    2,
  ],
  ["reproduce booht", /no experiment of that name\. Did you mean "booth"\?/, 2],
  ["dance", /unknown command 'dance'/, 2],
];

describe("what the command line cannot do", () => {
  it.each(cases)(
    "%s: one clear message, no stack trace, nothing half-written",
    async (line, message, code) => {
      const { status, stdout, stderr } = await inProcess(line.split(" "), folder);
      expect(stderr).toMatch(/^isoloss: /m);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(stderr).not.toMatch(/defect/);
      expect(stdout).toBe("");
      expect(status).toBe(code);
      expect(everything()).toEqual(files);
      expect(existsSync(join(folder, "runs")) ? readdirSync(join(folder, "runs")) : []).toEqual([]);
    },
  );

  it("tells all that is wrong with a config, each with its line", async () => {
    write("three.yaml", booth.replace("optimizer: gd", "optimizer: gdd").replace("steps: 10", "steps: -1"));
    const { status, stderr } = await inProcess(["run", "three.yaml", "--set", "nmae=x"], folder);
    expect(status).toBe(2);
    expect(stderr.split("\n")).toEqual([
      "isoloss: 3 things are wrong with the config:",
      expect.stringMatching(/^three\.yaml:4:1: optimizer: unknown optimizer "gdd"; did you mean "gd"\?/),
      "three.yaml:6:1: steps: expected an integer >= 0; got -1",
      expect.stringMatching(/^--set nmae=x: nmae: unknown key; did you mean "name"\?/),
      "",
    ]);
  });
});
