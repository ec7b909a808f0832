import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { type NdArray, ndarray, takeRows } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { optimizers } from "isoloss/optim";
import { stored as twoArrays } from "isoloss-test-support/data/npz-files";
import { convnet, exported, images, operators, stored } from "isoloss-test-support/fine-tune/support";
import { beforeAll, describe, expect, it } from "vitest";
import { namedLosses } from "../../../onnx/src/fine-tune/fine-tune-options.js";
import { type FineTuning, lossNames, optimizerNames } from "../../src/commands/model/finetune.js";
import { changed, perceptron, withShape } from "../model/model-files.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const file = (name: string, bytes: Uint8Array | string) => writeFileSync(at(name), bytes);
const read = (name: string) => new Uint8Array(readFileSync(at(name)));
const model = exported(convnet({ channels: 4 }));

const finetune = (...args: string[]) => bench.run("model", "finetune", "model.onnx", ...args);
const usual = [
  "--data",
  "x.npy",
  "--labels",
  "y.npy",
  "--rate",
  "0.02",
  "--epochs",
  "3",
  "--force",
  "-o",
  "out.onnx",
];

/** Gray pictures of 8 x 8 pixels in a folder for each class: digits. */
function writeClasses(folder: string, { inputs, labels }: ReturnType<typeof images>): void {
  mkdirSync(at(folder));
  labels.data.forEach((label: number | bigint, i: number) => {
    const own = join(folder, ["zero", "one"][Number(label)] ?? "more");
    mkdirSync(at(own), { recursive: true });
    const pixels = Array.from<number | bigint, number>(inputs.data.slice(64 * i, 64 * i + 64), (v) =>
      Math.round(255 * Number(v)),
    );
    file(join(own, `${i}.png`), encode({ width: 8, height: 8, channels: 1, data: Uint8Array.from(pixels) }));
  });
}

/** The examples of the first classes. */
function ofClasses(classes: number, { inputs, labels }: ReturnType<typeof images>) {
  const rows = [...labels.data.keys()].filter((i) => Number(labels.data[i]) < classes);
  return { inputs: takeRows(inputs, rows), labels: takeRows(labels, rows) };
}

beforeAll(() => {
  const { inputs, labels } = images({ to: 200 });
  file("model.onnx", model);
  file("x.npy", encodeNpy(inputs));
  file("y.npy", encodeNpy(labels));
  file("two.npz", twoArrays());
  file("few.npy", encodeNpy(takeRows(labels, [0, 1, 2])));
  file("wrong.npy", encodeNpy(ndarray(new BigInt64Array(200).fill(12n, 7), [200]) as NdArray));
  file("real.npy", encodeNpy(ndarray(new Float32Array(200), [200])));
  file("flat.npy", encodeNpy(ndarray(new Float32Array(400), [200, 2])));
  const held = images({ from: 300, to: 360 });
  file("held-x.npy", encodeNpy(held.inputs));
  file("held-y.npy", encodeNpy(held.labels));
  writeClasses("classes", ofClasses(2, images({ to: 300 })));
  writeClasses("held", ofClasses(2, images({ from: 300, to: 400 })));
  writeClasses("others", ofClasses(3, images({ from: 300, to: 330 })));
});

describe("isoloss model finetune", () => {
  it("writes a file of the same form that is better on what is held out, with a line for each epoch", async () => {
    const { status, stdout, stderr } = await finetune(...usual);
    expect(stderr).toMatch(/^as it came: validation loss \S+, accuracy \S+ %\nepoch 1 of 3: training loss/);
    expect(stderr).toMatch(
      /^epoch 3 of 3: training loss \S+, validation loss \S+, accuracy \S+ %, \S+ m?s$/m,
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^epoch +training loss +validation loss +accuracy\nas it came +- /m);
    expect(stdout).toMatch(/^3 .* best$/m);
    expect(stdout).toMatch(
      /^Trained 246 numbers on 160 examples; 40 others chose the epoch\. For the training 2 layers had a batch normalization put in \(\S+, \S+\), .* compare with --no-restore, which trains/m,
    );
    expect(stdout).toMatch(
      /^Wrote out\.onnx: epoch 3, the best by validation loss\. The validation examples chose this epoch, .* --test 0\.1/m,
    );
    expect(operators(read("out.onnx"))).toEqual(operators(model));
    expect(read("model.onnx")).toEqual(model);
  });

  it("tells once why layers have no batch normalization, and not of a network without convolutions", async () => {
    const brief = ["--epochs", "1", "--quiet"];
    const two = await finetune(...usual, ...brief, "--freeze", "first.*", "--freeze", "second.*");
    expect(two.stdout).toMatch(
      /^layers without a batch normalization\n {2}\S+ \(Conv\) and 1 more {2}its weights must stay\n {2}\S+ \(\S+\) +no activation reads its result\n\n/,
    );
    file("flat.onnx", withShape(perceptron("relu"), ["batch", 4]));
    file(
      "x4.npy",
      encodeNpy(
        ndarray(
          Float32Array.from({ length: 80 }, (_, i) => Math.sin(i)),
          [20, 4],
        ),
      ),
    );
    file(
      "y4.npy",
      encodeNpy(
        ndarray(
          BigInt64Array.from({ length: 20 }, (_, i) => BigInt(i % 2)),
          [20],
        ),
      ),
    );
    const line =
      "model finetune flat.onnx --data x4.npy --labels y4.npy --rate 0.01 -o o.onnx --epochs 2 --quiet";
    const { stdout } = await bench.run(...line.split(" "));
    expect(stdout).toMatch(/^epoch +training loss/);
    expect(stdout).toMatch(
      /For the training 1 layer had a batch normalization put in \(\S+\), .*--no-restore/,
    );
    rmSync(at("o.onnx"), { force: true });
  });

  it("gives a document, and the same one for the same seed", async () => {
    const run = () =>
      bench.json<FineTuning>(
        "model",
        "finetune",
        "model.onnx",
        ...usual,
        "--quiet",
        "--json",
        "--freeze",
        "first.*",
      );
    const document = await run();
    expect(document).toMatchObject({
      file: at("model.onnx"),
      out: at("out.onnx"),
      ended: "complete",
      problem: null,
      classes: [],
      examples: { training: 160, validation: 40, test: 0 },
      test: null,
      best: 3,
    });
    expect(document.bytes).toBe(read("out.onnx").length);
    expect(document.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2, 3]);
    expect(document.parameters.frozen).toBe(40);
    expect(document.report.map(({ changed }) => changed)).toEqual([false, true, false]);
    expect(stored(read("out.onnx"), "first.weight")).toEqual(stored(model, "first.weight"));
    const losses = ({ epochs }: FineTuning) => epochs.map((row) => row.validationLoss);
    expect(losses(await run())).toEqual(losses(document));
  });

  it("takes folders of images as classes, and other data for validation", async () => {
    const args = [
      "--data",
      "classes",
      "--validation",
      "held",
      "--rate",
      "0.02",
      "--epochs",
      "8",
      "--force",
      "-o",
      "new/out.onnx",
    ];
    const { status, stdout, stderr } = await finetune(...args);
    expect(stdout).toMatch(/^classes\n {2}0 {2}one\n {2}1 {2}zero\n/);
    expect(stderr).toMatch(/^isoloss: classes: 8 of the model's 10 classes have no examples\.\n/);
    expect([status, existsSync(at("new/out.onnx"))]).toEqual([0, true]);
    const document = await bench.json<FineTuning>(
      "model",
      "finetune",
      "model.onnx",
      ...args,
      "--json",
      "--limit",
      "40",
    );
    expect(document.examples.training).toBe(40);
    expect(document.classes).toEqual(["one", "zero"]);
    const [before] = document.epochs;
    expect(document.epochs[document.best].validationAccuracy).toBeGreaterThan(
      before.validationAccuracy as number,
    );
    const arrays = ["--validation", "held-x.npy", "--validation-labels", "held-y.npy", "--quiet", "--json"];
    const other = await bench.json<FineTuning>("model", "finetune", "model.onnx", ...usual, ...arrays);
    expect(other.examples).toEqual({ training: 200, validation: 60, test: 0 });
  });

  it("reports the best epoch on test examples, which neither trained nor chose it", async () => {
    const { stdout } = await finetune(...usual, "--test", "0.1");
    const worth =
      /^Wrote out\.onnx: .* On 20 test examples, which chose nothing: loss \S+, accuracy \S+ % as it came; loss (\S+), accuracy \S+ % of epoch \d\.$/m;
    expect(stdout).toMatch(worth);
    const others = ["--test", "held-x.npy", "--test-labels", "held-y.npy", "--quiet", "--json"];
    const { test, examples } = await bench.json<FineTuning>(
      "model",
      "finetune",
      "model.onnx",
      ...usual,
      ...others,
    );
    expect(examples).toEqual({ training: 160, validation: 40, test: 60 });
    expect(test).toEqual({
      before: { loss: expect.any(Number), accuracy: expect.any(Number) },
      best: { loss: expect.any(Number), accuracy: expect.any(Number) },
    });
    expect(test?.best).not.toEqual(test?.before);
  });

  it("names other outputs that read trained weights", async () => {
    const trunk = { name: "pooled", dtype: "float32" as const, shape: ["batch", 4, 1, 1] };
    const input = { ...trunk, name: "echo", shape: ["batch", 1, 8, 8] };
    const echo = { opType: "Relu", inputs: ["x"], outputs: ["echo"], attributes: {} };
    const several = changed(model, ({ nodes, outputs }) => ({
      nodes: [...nodes, echo],
      outputs: [input, ...outputs, trunk],
    }));
    file("several.onnx", several);
    const run = (...args: string[]) =>
      bench.run("model", "finetune", "several.onnx", ...usual, "--output", "y", ...args);
    const unnamed = await bench.run("model", "finetune", "several.onnx", ...usual);
    expect(unnamed.stderr).toBe("isoloss: --output must be given: one of echo, y, pooled.\n");
    const changes = "Other outputs read trained weights and changed, too: pooled.";
    expect((await run()).stdout).toContain(changes);
    expect((await run("--freeze", "first.*", "--freeze", "second.*")).stdout).not.toContain("Other outputs");
  });

  it("writes nothing where no epoch is better, and where the training diverges at once", async () => {
    const still = await finetune(...usual, "--rate", "0", "--no-restore", "-o", "still.onnx", "--quiet");
    expect(still.status).toBe(1);
    expect(still.stdout).toContain("No epoch was better than model.onnx as it came: nothing was written.");
    expect(still.stderr).toBe("");
    const wild = [
      "--rate",
      "1e30",
      "--optimizer",
      "sgd",
      "-o",
      "still.onnx",
      "--quiet",
      "--json",
      "--no-restore",
    ];
    const { status, stdout, stderr } = await finetune(...usual, ...wild);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ out: null, bytes: null, ended: "diverged", best: 0 });
    expect(stderr).toMatch(
      /^isoloss: the training diverged: .* became .*, or clip the gradient with --clip-norm/,
    );
    expect(existsSync(at("still.onnx"))).toBe(false);
  });

  it("knows the losses and optimizers of the library", () => {
    expect([...lossNames].sort()).toEqual(Object.keys(namedLosses).sort());
    expect([...optimizerNames].sort()).toEqual(Object.keys(optimizers).sort());
  });

  it.each<[string, RegExp, number, ...string[]]>([
    [
      "no labels",
      /x\.npy needs labels: a \.npy file .*--validation-labels or --test-labels for other data/,
      2,
      "--data",
      "x.npy",
      "--rate",
      "1",
      "-o",
      "o.onnx",
    ],
    [
      "labels of other numbers",
      /few\.npy has 3 labels, x\.npy has 200 examples/,
      1,
      ...usual,
      "--labels",
      "few.npy",
    ],
    [
      "labels beyond the outputs",
      /labels must be classes in 0\.\.9.*example 7 has label 12/,
      1,
      ...usual,
      "--labels",
      "wrong.npy",
    ],
    ["real numbers as classes", /choose mse/, 2, ...usual, "--labels", "real.npy"],
    ["labels among others", /two\.npz holds w, n: expected one array/, 1, ...usual, "--labels", "two.npz"],
    ["a missing file", /Cannot read the data none\.npy/, 1, ...usual, "--data", "none.npy"],
    ["data of another shape", /the input "x" takes float32/, 1, ...usual, "--data", "flat.npy"],
    ["an unknown loss", /Did you mean "crossEntropy"\?/, 2, ...usual, "--loss", "cross-entropy"],
    ["an unknown optimizer", /Did you mean "adagrad"\?/, 2, ...usual, "--optimizer", "adagard"],
    ["an unknown output", /--output must be one of y; got "logits"/, 2, ...usual, "--output", "logits"],
    [
      "a pattern without a match",
      /the pattern "frist\.\*" selects none of first\.weight/,
      2,
      ...usual,
      "--freeze",
      "frist.*",
    ],
    ["a share beyond 1", /share between 0 and 1/, 2, ...usual, "--validation", "1.5"],
    [
      "labels for a share",
      /--validation-labels are for data of their own/,
      2,
      ...usual,
      "--validation-labels",
      "y.npy",
    ],
    ["labels for folders", /leave out the labels y\.npy/, 2, ...usual, "--data", "classes"],
    [
      "a class that is not trained",
      /others: the folders must be classes that are trained, one of one, zero; got "more"/,
      1,
      ...["--data", "classes", "--validation", "others", "--rate", "1", "-o", "o.onnx"],
    ],
    ["a rate that is no number", /--rate/, 2, ...usual, "--rate", "fast"],
    ["no rate", /--rate/, 2, "--data", "x.npy", "-o", "o.onnx"],
    ["its own file", /model\.onnx is the model that is read/, 2, ...usual, "-o", "model.onnx"],
    ["a file as a folder", /Cannot write to the folder/, 1, ...usual, "-o", "x.npy/out.onnx"],
  ])("refuses %s and writes nothing", async (_, message, code, ...args) => {
    const before = readdirSync(bench.folder).sort();
    const { status, stdout, stderr } = await finetune(...args);
    expect(stderr.replaceAll("\n", " ")).toMatch(message);
    expect(stderr).toMatch(/^isoloss: [^\n]*\n$/);
    expect([status, stdout]).toEqual([code, ""]);
    expect(readdirSync(bench.folder).sort()).toEqual(before);
    expect(read("model.onnx")).toEqual(model);
  });
});
