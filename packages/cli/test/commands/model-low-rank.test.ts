import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRng, encodeNpy } from "isoloss/data";
import { compareModels, fromOnnx } from "isoloss-onnx";
import { beforeAll, describe, expect, it } from "vitest";
import type { LowRankModel } from "../../src/commands/model/low-rank.js";
import { perceptron, unusedRank } from "../model/model-files.js";
import { withoutProgress, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const read = (name: string) => new Uint8Array(readFileSync(at(name)));
const shapes = (name: string) => Object.values(fromOnnx(read(name)).params).map(({ shape }) => shape.join());

beforeAll(() => {
  writeFileSync(at("model.onnx"), unusedRank());
  writeFileSync(at("relu.onnx"), perceptron("relu"));
  const rng = createRng(3);
  const data = Float32Array.from({ length: 40 * 6 }, () => rng.normal());
  writeFileSync(at("x.npy"), encodeNpy({ shape: [40, 6], data }));
});

const lowRank = ["model", "low-rank", "model.onnx", "--force", "--out", "smaller.onnx"];

describe("isoloss model low-rank", () => {
  it("drops rank that no weight uses, and the model computes the same", async () => {
    const { status, stdout, stderr } = await bench.run(...lowRank);
    expect([status, withoutProgress(stderr)]).toEqual([0, ""]);
    expect(shapes("smaller.onnx")).toEqual(["6,3", "3,5", "5,2"]);
    expect((await compareModels(read("model.onnx"), read("smaller.onnx"))).largest).toBeLessThan(1e-5);
    expect(stdout).toMatch(/^choice +SQNR \[95 % interval\] +same largest \[95 % interval\] +numbers +size/);
    // 6 x 3, 3 x 5 and 5 x 2 numbers.
    expect(stdout).toMatch(/^without unused rank +1\d\d\.\d dB +100\.0 % \[39\.8, 100\.0\] +43 +\d+ B$/m);
    expect(stdout).toMatch(/^down and 1 more +8 +3 +\S+$/m);
    expect(stdout).toMatch(
      /^Wrote smaller\.onnx: 1 of 1 space smaller, .* of model\.onnx\. No rank that is used was removed, and it computes the same to rounding: .* on random inputs\.$/m,
    );
  });

  it("measures on held-out inputs what less rank costs, beside the exact file", async () => {
    const document = await bench.json<LowRankModel>(
      ...lowRank,
      ...["--rank", "2", "--held-out", "x.npy", "--json"],
    );
    expect(document).toMatchObject({ rank: 2, energy: null, measured: "40 examples of x.npy" });
    expect(document.table.map(({ choice, numbers }) => [choice, numbers])).toEqual([
      ["without unused rank", 43],
      ["truncated", 32],
    ]);
    const [exact, truncated] = document.table;
    expect(exact.sqnr).toBeGreaterThan(100);
    expect(truncated.sqnr).toBeLessThan(40);
    expect(document.groups).toMatchObject([
      { parameters: ["down", "up"], size: 8, copies: 1, rank: 2, reason: null },
    ]);
    expect(document.groups[0].error).toBeGreaterThan(0.01);
    expect(document.bytes.after).toBe(read("smaller.onnx").length);
    expect(shapes("smaller.onnx")).toEqual(["6,2", "2,5", "5,2"]);
  });

  it("says that a rank above the used one removed none of it", async () => {
    const { stdout } = await bench.run(...lowRank, "--rank", "100");
    expect(stdout).toContain("No rank that is used was removed, and it computes the same to rounding: ");
    expect(stdout).not.toContain("something else");
  });

  it("takes the rank that a share of the squared singular values needs", async () => {
    const rank = async (...options: string[]) =>
      (await bench.json<LowRankModel>(...lowRank, ...options, "--json")).groups[0].rank;
    expect(await rank("--energy", "1")).toBe(3);
    expect(await rank("--energy", "0.0001")).toBe(1);
    expect(await rank("--energy", "1", "--rank", "2")).toBe(2);
  });

  it("says where activations stand between all layers", async () => {
    const { status, stdout } = await bench.run("model", "low-rank", "relu.onnx", "-o", "same.onnx");
    expect([status, stdout]).toEqual([
      0,
      "No space is touched by linear maps alone: activations and normalizations stand between all layers. Wrote same.onnx as it was.\n",
    ]);
    expect(read("same.onnx")).toEqual(read("relu.onnx"));
  });

  it.each<readonly [string, readonly string[], string, number]>([
    ["a rank of nothing", ["--rank", "0"], "It must be an integer of at least 1", 2],
    ["a share above 1", ["--energy", "99"], "It must be a number greater than 0, at most 1", 2],
    ["a share of nothing", ["--energy", "0"], "It must be a number greater than 0, at most 1", 2],
    ["the model's own file", ["-o", "./model.onnx"], "./model.onnx is the model that is read", 2],
    ["data that are not there", ["--held-out", "none.npy"], "none.npy", 1],
    ["an open size that is none", ["--size", "height=3"], 'must be one of batch; got "height"', 2],
  ])("refuses %s, and writes nothing", async (_, options, message, code) => {
    const out = options.includes("-o") ? [] : ["-o", "none.onnx"];
    const { status, stdout, stderr } = await bench.run("model", "low-rank", "model.onnx", ...out, ...options);
    expect([status, stdout]).toEqual([code, ""]);
    expect(stderr).toContain(message);
    expect(readdirSync(bench.folder)).not.toContain("none.onnx");
  });
});
