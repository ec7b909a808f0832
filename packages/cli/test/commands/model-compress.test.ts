import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRng, encodeNpy } from "isoloss/data";
import { decodeModel, fromOnnx } from "isoloss/onnx";
import { beforeAll, describe, expect, it } from "vitest";
import type { Half } from "../../src/commands/model-half.js";
import type { PrunedModel } from "../../src/commands/model-prune.js";
import { changed, normalized, perceptron, withShape } from "../model/model-files.js";
import { withoutProgress, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const read = (name: string) => new Uint8Array(readFileSync(at(name)));

beforeAll(async () => {
  writeFileSync(at("model.onnx"), normalized());
  const rng = createRng(3);
  const data = Float32Array.from({ length: 16 * 192 }, () => rng.normal());
  writeFileSync(at("images.npy"), encodeNpy({ shape: [16, 3, 8, 8], data }));
  await bench.run("model", "fold", "model.onnx", "-o", "folded.onnx");
});

const prune = ["model", "prune", "folded.onnx", "--out", "pruned.onnx", "--fraction"];

describe("isoloss model prune", () => {
  it("writes a file with zeros, and measures it beside the one that is not balanced", async () => {
    const { status, stdout, stderr } = await bench.run(...prune, "0.5");
    expect([status, withoutProgress(stderr)]).toEqual([0, ""]);
    expect(stdout).toMatch(/^ranked +SQNR +same largest +numbers +zeros +size/);
    expect(stdout).toMatch(/^balanced +-?\d+\.\d dB +/m);
    expect(stdout).toMatch(/^as they are +-?\d+\.\d dB +/m);
    expect(stdout).toMatch(
      /^Wrote pruned\.onnx: pruned by magnitude, ranked by weights after balance, .* of folded\.onnx\. It computes something else: the table says how far outputs moved on random inputs\.$/m,
    );
  });

  it("gives a document whose counts are those of the file", async () => {
    const document = await bench.json<PrunedModel>(
      ...prune,
      ...["0.7", "--by", "lamp", "--no-balance", "--held-out", "images.npy", "--json"],
    );
    expect(document).toMatchObject({
      file: at("folded.onnx"),
      out: at("pruned.onnx"),
      by: "lamp",
      fraction: 0.7,
      balanced: false,
      measured: "16 examples of images.npy",
      groups: [],
    });
    expect(document.table.map(({ ranked }) => ranked)).toEqual(["balanced", "as they are"]);
    const numbers = Object.values(fromOnnx(read("pruned.onnx")).params).flatMap(({ data }) =>
      Array.from(data, Number),
    );
    expect(document.table[1].zeros).toBe(numbers.filter((w) => w === 0).length);
    expect(document.table[1].numbers).toBe(numbers.length);
    expect(document.bytes.after).toBe(read("pruned.onnx").length);
  });

  it("removes units, and the file gets smaller", async () => {
    const document = await bench.json<PrunedModel>(...prune, "0.5", "--units", "--json");
    expect(document.by).toBe("units");
    expect(document.groups).toMatchObject([{ size: 4, removed: 2, reason: null }]);
    expect(document.bytes.after).toBeLessThan(document.bytes.before);
    const text = await bench.run(...prune, "0.5", "--units");
    expect(text.stdout).toMatch(
      /^Wrote pruned\.onnx: 2 units of 1 group removed, ranked by weights after balance/m,
    );
    const none = await bench.run(...prune, "0.2", "--units");
    expect(none.stdout).toMatch(
      /^Wrote pruned\.onnx: no units removed, as a fraction of 0\.2 takes none of the largest group, which has 4: it is folded\.onnx as it was\.$/m,
    );
    expect(read("pruned.onnx")).toEqual(read("folded.onnx"));
  });

  it.each([
    ["a fraction above 1", ["1.5"], "It must be a number in [0, 1]"],
    ["a fraction that is no number", ["half"], "It must be a number"],
    ["a score and units", ["0.5", "--units", "--by", "lamp"], "cannot be used with"],
    ["an unknown score", ["0.5", "--by", "size"], "magnitude, lamp"],
    ["the model's own file", ["0.5", "-o", "./folded.onnx"], "is the model that is read"],
    ["data that are not there", ["0.5", "--held-out", "none.npy"], "none.npy"],
    ["an open size that is none", ["0.5", "--size", "depth=3"], "depth"],
  ])("is refused with %s", async (_, options, message) => {
    const before = read("folded.onnx");
    const { status, stderr } = await bench.run(...prune, ...options);
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
    expect(read("folded.onnx")).toEqual(before);
  });

  it("is refused of a file that is no model", async () => {
    writeFileSync(at("text.onnx"), "no model");
    const { status, stderr } = await bench.run(
      ...["model", "prune", "text.onnx", "-o", "none.onnx", "--fraction", "0.5"],
    );
    expect(status).not.toBe(0);
    expect(stderr).toContain("Cannot read text.onnx as an ONNX model");
  });
});

const half = ["model", "half", "folded.onnx", "--out", "half.onnx"];

describe("isoloss model half", () => {
  it("writes a file of float16, with counts and errors moved and as it is", async () => {
    const { status, stdout, stderr } = await bench.run(...half);
    expect([status, withoutProgress(stderr)]).toEqual([0, ""]);
    expect(stdout).toMatch(/^numbers +weights over \/ below +activations over \/ below +error, rounded/);
    expect(stdout).toMatch(/^moved +0 \/ \d+ of \d+ +- +\S+ +\d+\.\d dB/m);
    expect(stdout).toMatch(/^as they are +0 \/ \d+ of \d+ +- +\S+ +\d+\.\d dB/m);
    expect(stdout).toMatch(/^Wrote half\.onnx: \d+ units scaled by powers of two, .* of folded\.onnx\./m);
    const { graph } = decodeModel(read("half.onnx"));
    const types = new Set(graph.initializers.map(({ dtype }) => dtype));
    expect(types.has("float16")).toBe(true);
    expect(types.has("float32")).toBe(false);
  });

  it("gives a document, with activations where there are data", async () => {
    const document = await bench.json<Half>(
      ...half,
      "--calibration",
      "images.npy",
      "--io",
      "float16",
      "--json",
    );
    expect(document).toMatchObject({
      out: at("half.onnx"),
      io: "float16",
      measured: "16 examples of images.npy",
    });
    expect(document.table.map(({ numbers }) => numbers)).toEqual(["moved", "as they are"]);
    expect(document.table[0].activations?.numbers).toBeGreaterThan(1000);
    expect(document.table[0].sqnr).toBeGreaterThan(40);
    expect(document.bytes.after).toBeLessThan(document.bytes.before);
    const plain = await bench.json<Half>(...half, "--no-move", "--json");
    expect(plain).toMatchObject({ moved: 0, measured: "random inputs" });
    expect(plain.table.map(({ numbers }) => numbers)).toEqual(["as they are"]);
  });

  it("does not write a file whose outputs are not finite, unless it is forced to", async () => {
    // Outputs of about 1e7, which no scaling of hidden units brings below 65504.
    const large = changed(perceptron("relu"), ({ initializers }) => ({
      initializers: initializers.map((tensor) => ({
        ...tensor,
        data: (tensor.data as Float32Array).map((w) => (tensor.shape[0] === 2 ? 1e7 * w : w)),
      })),
    }));
    writeFileSync(at("large.onnx"), large);
    writeFileSync(at("kept.onnx"), "old");
    const line = ["model", "half", "large.onnx", "--out", "kept.onnx"];
    const { status, stdout, stderr } = await bench.run(...line);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^moved .* not finite .*\n(.*\n)*\nNot written to kept\.onnx: /m);
    expect(stderr).toMatch(
      /^isoloss: kept\.onnx was not written: with every result rounded to float16, its outputs are not finite\. Ways out: give examples by --calibration.*; keep the model in float32\. To write it all the same, add --force\.$/m,
    );
    expect(stderr).not.toMatch(/--no-move|model fold/);
    expect(readFileSync(at("kept.onnx"), "utf8")).toBe("old");
    const document: Half = JSON.parse((await bench.run(...line, "--json")).stdout);
    expect(document).toMatchObject({ out: null, table: [{ rounded: null }, { rounded: null }] });
    expect((await bench.run(...line, "--force")).status).toBe(0);
    expect(decodeModel(read("kept.onnx")).graph.initializers[0].dtype).toBe("float16");
  });

  it("takes a file whose Reshape reads a shape that a Loop passes on, as balance and symmetries do", async () => {
    const looped = changed(withShape(perceptron("relu"), ["batch", 4]), ({ nodes, initializers }) => {
      const body = {
        ...{ name: "step", initializers: [], outputs: ["going", "shape2", "x2"].map((name) => ({ name })) },
        inputs: [
          { name: "i", dtype: "int64", shape: [] },
          { name: "going", dtype: "bool", shape: [] },
          { name: "shape", dtype: "int64", shape: [2] },
          { name: "x", dtype: "float32", shape: ["batch", 3] },
        ] as const,
        nodes: [
          { opType: "Identity", inputs: ["shape"], outputs: ["shape2"], attributes: {} },
          { opType: "Identity", inputs: ["x"], outputs: ["x2"], attributes: {} },
        ],
      };
      const loop = {
        ...{ opType: "Loop", inputs: ["count", "", "rows", "relu"], outputs: ["same", "passed"] },
        attributes: { body: { kind: "graph" as const, value: body } },
      };
      return {
        initializers: [
          ...initializers,
          { name: "count", dtype: "int64", shape: [], data: BigInt64Array.of(3n) },
          { name: "rows", dtype: "int64", shape: [2], data: BigInt64Array.of(-1n, 3n) },
        ],
        nodes: nodes.flatMap((node) => {
          if (node.opType !== "Relu") return [node];
          const reshape = { opType: "Reshape", inputs: ["passed", "same"], attributes: {} };
          return [{ ...node, outputs: ["relu"] }, loop, { ...reshape, outputs: node.outputs }];
        }),
      };
    });
    writeFileSync(at("looped.onnx"), looped);
    for (const line of [
      "symmetries looped.onnx",
      "balance looped.onnx -o o.onnx",
      "half looped.onnx -o h.onnx",
    ]) {
      const { status, stderr } = await bench.run("model", ...line.split(" "));
      expect([line, status, withoutProgress(stderr)]).toEqual([line, 0, ""]);
    }
    expect(decodeModel(read("h.onnx")).graph.nodes.map(({ opType }) => opType)).not.toContain("Loop");
  });

  it("is refused of a file of float16, which the message names", async () => {
    await bench.run(...half);
    const { status, stderr } = await bench.run("model", "half", "half.onnx", "-o", "again.onnx");
    expect(status).not.toBe(0);
    expect(stderr).toContain("half.onnx: toHalf takes a model of float32");
  });

  it.each([
    ["an unknown type", ["--io", "int8"], "float32, float16"],
    ["the model's own file", ["-o", "./folded.onnx"], "is the model that is read"],
    ["data that are not there", ["--calibration", "none.npy"], "none.npy"],
  ])("is refused with %s", async (_, options, message) => {
    const { status, stderr } = await bench.run(...half, ...options);
    expect(status).not.toBe(0);
    expect(stderr).toContain(message);
  });
});
