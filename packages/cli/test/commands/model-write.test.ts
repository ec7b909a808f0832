import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { createRng, encodeNpy } from "isoloss/data";
import { mapMessages, rawField, rawFields, rawMessage } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { compareModels, fromOnnx } from "isoloss-onnx";
import { beforeAll, describe, expect, it } from "vitest";
import type { SymmetriesOfModel } from "../../src/commands/model/symmetries.js";
import type { Prepared } from "../../src/model/write-prepared.js";
import { changed, normalized, perceptron, withExternalData, withShape } from "../model/model-files.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const file = (name: string, bytes: Uint8Array | string) => writeFileSync(at(name), bytes);
const read = (name: string) => new Uint8Array(readFileSync(at(name)));
const operators = (name: string) => decodeModel(read(name)).graph.nodes.map(({ opType }) => opType);

beforeAll(() => {
  file("model.onnx", normalized());
  const rng = createRng(3);
  file(
    "images.npy",
    encodeNpy({ shape: [40, 3, 8, 8], data: Float32Array.from({ length: 7680 }, () => rng.normal()) }),
  );
  mkdirSync(at("photos"));
  for (let i = 0; i < 12; i++) {
    const data = Uint8Array.from({ length: 12 * 10 * 3 }, () => rng.int(256));
    file(`photos/${i}.png`, encode({ width: 12, height: 10, channels: 3, data }));
  }
});

describe("isoloss model fold", () => {
  it("writes a file that computes the same without the batch norms, and says what it did and what not", async () => {
    const { status, stdout } = await bench.run("model", "fold", "model.onnx", "--out", "folded.onnx");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^changed\n {2}hidden \(BatchNormalization\) {2}folded into Conv/);
    expect(stdout).toMatch(
      /^left as they are\n {2}input \(BatchNormalization\) {2}its input is an input of the model$/m,
    );
    expect(stdout).toMatch(
      /^Wrote folded\.onnx: 1 changed, 1 left as they are\. On random inputs no output differs from that of model\.onnx by more than \S+, relative/m,
    );
    expect(operators("folded.onnx").filter((name) => name === "BatchNormalization")).toEqual([
      "BatchNormalization",
    ]);
    const { largest } = await compareModels(normalized(), read("folded.onnx"), { seed: 7 });
    expect(largest).toBeLessThan(1e-5);
  });

  it("says which integers its random inputs were", async () => {
    const ids = changed(normalized(), ({ inputs, initializers, nodes, outputs }) => ({
      inputs: [...inputs, { name: "ids", dtype: "int64", shape: [2] }],
      initializers: [
        ...initializers,
        { name: "table", dtype: "float32", shape: [50, 3], data: new Float32Array(150).fill(1) },
      ],
      nodes: [...nodes, { opType: "Gather", inputs: ["table", "ids"], outputs: ["rows"], attributes: {} }],
      outputs: [...outputs, { name: "rows", dtype: "float32", shape: [2, 3] }],
    }));
    file("ids.onnx", ids);
    const { stdout } = await bench.run("model", "fold", "ids.onnx", "--out", "ids-folded.onnx");
    expect(stdout).toMatch(
      /On random inputs \("ids" reaches \d of the 50 rows of its table\) no output differs/,
    );
  });

  it("frees the scalings and permutations of the layer", async () => {
    const kinds = async (name: string) => {
      const { symmetries } = await bench.json<SymmetriesOfModel>("model", "symmetries", name, "--json");
      return symmetries
        .filter(({ axes }) => axes.some(({ parameter, axis }) => parameter === "conv.weight" && axis === 0))
        .map(({ kind, size }) => `${kind} ${size}`);
    };
    expect(await kinds("model.onnx")).toEqual([]);
    expect(await kinds("folded.onnx")).toEqual(["scaling 4", "permutation 4"]);
  });

  it("gives a document", async () => {
    const prepared = await bench.json<Prepared>(
      "model",
      "fold",
      "model.onnx",
      "-o",
      "new/folded.onnx",
      "--json",
    );
    expect(prepared).toMatchObject({
      file: at("model.onnx"),
      out: at("new/folded.onnx"),
      changed: 1,
      left: 1,
    });
    expect(prepared.bytes).toBe(read("new/folded.onnx").length);
    expect(prepared.largest).toBeLessThan(1e-5);
    expect(prepared.report.map(({ node, opType, changed: isChanged }) => [node, opType, isChanged])).toEqual([
      ["input", "BatchNormalization", false],
      ["hidden", "BatchNormalization", true],
    ]);
  });

  it("puts data of other files into the new one, and names the file that is missing", async () => {
    mkdirSync(at("external"));
    const { bytes, data } = withExternalData(normalized(), "conv.weight", "weights.bin");
    file("external/model.onnx", bytes);
    const missing = await bench.run("model", "fold", "external/model.onnx", "-o", "whole.onnx");
    expect([missing.status, missing.stderr]).toEqual([
      1,
      expect.stringMatching(
        /Cannot read external\/model\.onnx as an ONNX model: its data in external\/weights\.bin: no such file/,
      ),
    ]);
    file("external/weights.bin", data);
    expect((await bench.run("model", "fold", "external/model.onnx", "-o", "whole.onnx")).status).toBe(0);
    expect((await compareModels(read("whole.onnx"), read("folded.onnx"))).largest).toBe(0);
    const over = await bench.run("model", "fold", "external/model.onnx", "-o", "external/weights.bin");
    expect([over.status, over.stderr]).toEqual([2, expect.stringMatching(/is the model that is read/)]);
    expect(read("external/weights.bin")).toEqual(data);
  });

  it("never writes over its input, whatever it is called", async () => {
    linkSync(at("model.onnx"), at("hard.onnx"));
    symlinkSync(at("model.onnx"), at("soft.onnx"));
    for (const out of ["model.onnx", "./model.onnx", at("model.onnx"), "hard.onnx", "soft.onnx"]) {
      const { status, stderr } = await bench.run("model", "fold", "model.onnx", "--out", out);
      expect([status, stderr]).toEqual([
        2,
        expect.stringMatching(/is the model that is read: name another file with --out/),
      ]);
    }
    expect(read("model.onnx")).toEqual(normalized());
  });

  it.each([
    ["fold", []],
    ["restore", ["--calibration", "images.npy"]],
    ["balance", []],
    ["rotate", []],
    ["quantize", ["--calibration", "images.npy"]],
    ["prune", ["--fraction", "0.5"]],
    ["half", []],
    ["low-rank", []],
    ["finetune", ["--data", "images.npy", "--labels", "labels.npy", "--rate", "0.1"]],
  ])("leaves a file that is there unless it is to be replaced: %s", async (command, args) => {
    file("there.onnx", "old");
    // Before the data are read, and the long work.
    const { status, stdout, stderr } = await bench.run(
      "model",
      command,
      "model.onnx",
      "-o",
      "there.onnx",
      ...args,
    );
    expect([status, stdout, stderr]).toEqual([
      1,
      "",
      `isoloss: Cannot write there.onnx: it is there already. Choose another name, or replace it with ${command === "half" ? "--replace" : "--force"}.\n`,
    ]);
    expect(readFileSync(at("there.onnx"), "utf8")).toBe("old");
  });

  it("writes nothing where the new model differs by more than the tolerance", async () => {
    file("kept.onnx", "old");
    const { status, stderr } = await bench.run(
      "model",
      "fold",
      "model.onnx",
      "--force",
      "-o",
      "kept.onnx",
      "--tolerance",
      "0",
    );
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^isoloss: The new model differs from model\.onnx by \S+ \(\S+ in float64\), .*at most 0 is allowed.*Nothing was written/,
      ),
    ]);
    expect(readFileSync(at("kept.onnx"), "utf8")).toBe("old");
    expect(readdirSync(bench.folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  it("leaves out what an exporter noted in nodes, if it is told to", async () => {
    const trace = "File model.py, line 12: return self.layer(x)";
    const noted = mapMessages(perceptron("relu"), {
      node: (own) => rawMessage([...rawFields(own), rawField(6, (w, n) => w.string(n, trace))]),
    });
    file("noted.onnx", noted);
    const fold = ["model", "fold", "noted.onnx", "--force", "-o", "same.onnx"];
    await bench.run(...fold);
    expect(read("same.onnx")).toEqual(noted);
    const { stdout } = await bench.run(...fold, "--drop-metadata");
    expect(stdout).toMatch(/^Wrote same\.onnx\. .* \d+ B of metadata left out\.$/m);
    expect(read("same.onnx")).toEqual(perceptron("relu"));
  });

  it("says that there is nothing to fold, and writes the model as it is", async () => {
    file("relu.onnx", perceptron("relu"));
    const { status, stdout } = await bench.run("model", "fold", "relu.onnx", "--force", "-o", "same.onnx");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^There was no node to change\.\n\nWrote same\.onnx\. /);
    expect(read("same.onnx")).toEqual(perceptron("relu"));
  });

  it("folds a model that it cannot run, if it is told not to compare", async () => {
    const foreign = changed(normalized(), ({ nodes }) => ({
      nodes: nodes.map((node) => (node.opType === "Relu" ? { ...node, opType: "Frobnicate" } : node)),
    }));
    file("foreign.onnx", foreign);
    const compared = await bench.run("model", "fold", "foreign.onnx", "-o", "out.onnx");
    expect([compared.status, compared.stderr]).toEqual([1, expect.stringMatching(/Frobnicate.*--no-verify/)]);
    const { status, stdout } = await bench.run(
      "model",
      "fold",
      "foreign.onnx",
      "-o",
      "out.onnx",
      "--no-verify",
    );
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/It was not compared with the file before\.$/m),
    ]);
    expect(operators("out.onnx")).toContain("Frobnicate");
  });
});

describe("isoloss model restore", () => {
  it("puts batch norms back whose statistics are those of the examples", async () => {
    const line = "model restore folded.onnx --calibration images.npy -o restored.onnx";
    const { status, stdout } = await bench.run(...line.split(" "));
    expect(status, stdout).toBe(0);
    expect(stdout).toMatch(/^changed\n {2}\S+ \(Conv\) {2}/);
    expect(stdout).toMatch(/^Wrote restored\.onnx: 1 changed, /m);
    expect(operators("restored.onnx").filter((name) => name === "BatchNormalization")).toHaveLength(2);
    const { largest } = await compareModels(read("folded.onnx"), read("restored.onnx"), { seed: 7 });
    expect(largest).toBeLessThan(1e-4);
  });

  it("takes a folder of images, in the size of the input, and batches of a fixed size", async () => {
    file("fixed.onnx", withShape(read("folded.onnx"), [5, 3, 8, 8]));
    const line =
      "model restore fixed.onnx --calibration photos -o fixed-restored.onnx --json --mean 0.5 --std 0.25";
    const prepared = await bench.json<Prepared>(...line.split(" "));
    expect(prepared.changed).toBe(1);
    expect(fromOnnx(read("fixed-restored.onnx")).inputs[0].shape).toEqual([5, 3, 8, 8]);
  });

  it.each<[string, RegExp, number]>([
    ["folded.onnx -o x.onnx", /required option '--calibration <path>' not specified/, 2],
    ["folded.onnx --calibration images.npy", /required option '-o, --out <file>' not specified/, 2],
    [
      "folded.onnx --calibration nowhere -o x.onnx",
      /Cannot read the data nowhere: no such file or directory/,
      1,
    ],
    ["folded.onnx --calibration images.npy -o folded.onnx", /is the model that is read/, 2],
    ["folded.onnx --calibration images.npy --mean 1 -o x.onnx", /--mean and --std are for images/, 2],
    ["folded.onnx --calibration images.npy --epsilon 0 -o x.onnx", /epsilon/, 2],
    ["relu.onnx --calibration images.npy -o x.onnx", /images\.npy has the shape \[40, 3, 8, 8\]/, 1],
  ])("says what is wrong with %s", async (line, message, code) => {
    file("relu.onnx", perceptron("relu"));
    const { status, stderr, stdout } = await bench.run("model", "restore", ...line.split(" "));
    expect([status, stdout, stderr]).toEqual([code, "", expect.stringMatching(message)]);
    expect(stderr).toMatch(/^isoloss: /);
    expect(readdirSync(bench.folder)).not.toContain("x.onnx");
  });
});
