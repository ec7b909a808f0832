import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRng, encodeNpy } from "isoloss/data";
import { compareModels, fromOnnx, withParams } from "isoloss-onnx";
import { architectures, transformer } from "isoloss-test-support/model-file/transformer";
import { beforeAll, describe, expect, it } from "vitest";
import type { Quantized } from "../../src/commands/model/quantize.js";
import type { RotatedModel } from "../../src/commands/model/rotate.js";
import { changed, perceptron, unusedRank } from "../model/model-files.js";
import { withoutProgress, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const read = (name: string) => new Uint8Array(readFileSync(at(name)));

/** "down" [6, 8] and "up" [8, 5] with a third unit of eight that is 300 times as large as the others on both sides. */
const peaked = changed(unusedRank(), ({ initializers }) => ({
  initializers: initializers.map((tensor) => {
    const unitOf = { down: (k: number) => k % 8, up: (k: number) => Math.floor(k / 5) }[tensor.name];
    if (unitOf === undefined) return tensor;
    const data = Float32Array.from(tensor.data as Float32Array, (v, k) => (unitOf(k) === 2 ? 300 : 1) * v);
    return { ...tensor, data };
  }),
}));

beforeAll(() => {
  writeFileSync(at("peaked.onnx"), peaked);
  writeFileSync(at("relu.onnx"), perceptron("relu"));
  const rng = createRng(3);
  const data = Float32Array.from({ length: 40 * 6 }, () => rng.normal());
  writeFileSync(at("x.npy"), encodeNpy({ shape: [40, 6], data }));
});

const rotate = ["model", "rotate", "peaked.onnx", "--force", "-o", "turned.onnx"];

/** Largest magnitude of a parameter, relative to its root mean square. */
function peak(name: string, parameter: string): number {
  const values = Array.from(fromOnnx(read(name)).params[parameter].data, Number);
  const square = values.reduce((sum, v) => sum + v * v, 0) / values.length;
  return Math.max(...values.map(Math.abs)) / Math.sqrt(square);
}

describe("isoloss model rotate", () => {
  it("spreads a unit that stands out over its space, and the model computes the same", async () => {
    const { status, stdout, stderr } = await bench.run(...rotate, "--held-out", "x.npy");
    expect([status, stderr]).toEqual([0, ""]);
    expect((await compareModels(peaked, read("turned.onnx"), { seed: 7 })).largest).toBeLessThan(1e-5);
    for (const name of ["down", "up"])
      expect(peak("turned.onnx", name)).toBeLessThan(0.5 * peak("peaked.onnx", name));
    expect(fromOnnx(read("turned.onnx")).params.last).toEqual(fromOnnx(peaked).params.last);
    expect(stdout).toMatch(/^space +size +kind\n-*[- ]*\n?down and 1 more +8 +linear$/m);
    expect(stdout).toMatch(/^largest weight \/ root mean square +before +after$/m);
    expect(stdout).toMatch(
      /^Wrote turned\.onnx\. On 40 examples of x\.npy no output differs from that of peaked\.onnx by/m,
    );
  });

  it("gives a document, for each rotation and seed", async () => {
    const document = (...options: string[]) => bench.json<RotatedModel>(...rotate, ...options, "--json");
    const descended = await document("--by", "descended", "--seed", "3");
    expect(descended).toMatchObject({
      file: at("peaked.onnx"),
      out: at("turned.onnx"),
      by: "descended",
      seed: 3,
      bytes: read("turned.onnx").length,
      spaces: [{ kind: "linear", size: 8, copies: 1, parameters: ["down", "up"] }],
    });
    for (const { parameter, before, after } of descended.weights) {
      expect(before).toBeCloseTo(peak("peaked.onnx", parameter), 5);
      expect(after).toBeCloseTo(peak("turned.onnx", parameter), 5);
    }
    const turned = read("turned.onnx");
    await document("--by", "random", "--seed", "3");
    expect(read("turned.onnx")).not.toEqual(turned);
    await document("--by", "descended", "--seed", "3");
    expect(read("turned.onnx")).toEqual(turned);
  });

  it("says where nothing can be turned, and writes the model as it is", async () => {
    const { status, stdout } = await bench.run("model", "rotate", "relu.onnx", "-o", "same.onnx");
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(
        /^No space can be turned\. No space is touched by .* alone\. Wrote same\.onnx as it was\.\n$/,
      ),
    ]);
    expect(read("same.onnx")).toEqual(perceptron("relu"));
  });

  it("turns the residual stream of a transformer, after its gains moved into the layers behind them", async () => {
    writeFileSync(at("llama.onnx"), transformer(architectures.Llama));
    const { spaces, largest } = await bench.json<RotatedModel>(
      ...["model", "rotate", "llama.onnx", "-o", "turned-llama.onnx", "--json"],
    );
    expect(spaces).toContainEqual(expect.objectContaining({ kind: "orthogonal", size: 32 }));
    expect(largest).toBeLessThan(1e-4);
    const { params } = fromOnnx(read("turned-llama.onnx"));
    for (const v of params["final.gain"].data) expect(Math.abs(Number(v))).toBeCloseTo(1, 5);
  });

  it("lists no space that it leaves as it is behind a gain of 0", async () => {
    const llama = transformer(architectures.Llama);
    const gain = fromOnnx(llama).params["final.gain"];
    const data = Float32Array.from(gain.data as Float32Array, (v, k) => (k === 0 ? 0 : v));
    writeFileSync(at("zero.onnx"), withParams(llama, { "final.gain": { ...gain, data } }));
    const { spaces } = await bench.json<RotatedModel>(
      ...["model", "rotate", "zero.onnx", "-o", "turned-zero.onnx", "--json"],
    );
    expect(spaces).not.toContainEqual(expect.objectContaining({ kind: "orthogonal", size: 32 }));
  });

  it("names the gains that keep a residual stream from turning, in isoloss model symmetries", async () => {
    writeFileSync(at("gemma.onnx"), transformer(architectures["Gemma 3"]));
    const { stdout } = await bench.run("model", "symmetries", "gemma.onnx");
    expect(stdout).toMatch(
      /^A space of 36 units, such as a residual stream, cannot be rotated: 0\.attended\.after\.gain, /m,
    );
  });

  it("has the page with the peaks", async () => {
    const { status } = await bench.run(...rotate, "--report", "page.html");
    expect(status).toBe(0);
    const html = readFileSync(at("page.html"), "utf8");
    expect(html).toMatch(/Written to turned\.onnx: rotations, hadamard\./);
    expect(html).toMatch(/Peaks.*down.*up/s);
    expect(html).not.toMatch(/NaN|undefined|\[object/);
  });

  it.each<[string, RegExp, number]>([
    ["--by turned", /Allowed choices are hadamard, random, descended/, 2],
    ["--seed -1", /integer/, 2],
    ["--tolerance 0", /at most 0 is allowed.*Nothing was written/, 1],
    ["--held-out none.npy", /none\.npy/, 1],
    ["--out peaked.onnx", /is the model that is read/, 2],
  ])("refuses %s, and writes nothing", async (options, message, code) => {
    const own = options.startsWith("--out") ? [] : ["-o", "none.onnx"];
    const { status, stdout, stderr } = await bench.run(
      ...["model", "rotate", "peaked.onnx", ...own, ...options.split(" ")],
    );
    expect([status, stdout, stderr]).toEqual([code, "", expect.stringMatching(message)]);
    expect(readdirSync(bench.folder)).not.toContain("none.onnx");
    expect(read("peaked.onnx")).toEqual(peaked);
  });
});

describe("isoloss model quantize --rotate", () => {
  const quantize = (file: string, more: readonly string[] = []) =>
    bench.json<Quantized>(
      ...["model", "quantize", file, "--calibration", "more.npy", "--force", "-o", "int8.onnx"],
      ...[
        "--rotate",
        "--no-equalize",
        "--no-compensate",
        "--bias-correction",
        "none",
        "--activations",
        "uint8",
      ],
      ...["--json", ...more],
    );

  it("tries rotated weights, which are better where a unit stands out", async () => {
    const rng = createRng(4);
    const data = Float32Array.from({ length: 400 * 6 }, () => rng.normal());
    writeFileSync(at("more.npy"), encodeNpy({ shape: [400, 6], data }));
    const { table } = await quantize("peaked.onnx", ["--limit", "400"]);
    expect(table.map(({ candidate, per }) => [candidate, per])).toEqual([
      ["as it is", "channel"],
      ["rotated", "channel"],
      ["as it is", "tensor"],
      ["rotated", "tensor"],
    ]);
    const [, , asItIs, rotated] = table.map(({ sqnr }) => sqnr ?? Number.NaN);
    expect(rotated).toBeGreaterThan(asItIs);
  });

  it("says where there is nothing to turn", async () => {
    writeFileSync(
      at("x4.npy"),
      encodeNpy({ shape: [40, 4], data: new Float32Array(160).map((_, i) => Math.sin(i)) }),
    );
    const { status, stdout, stderr } = await bench.run(
      ...["model", "quantize", "relu.onnx", "--calibration", "x4.npy", "--force", "-o", "int8.onnx"],
      ...["--rotate", "--no-equalize"],
    );
    expect([status, withoutProgress(stderr)]).toEqual([
      0,
      expect.stringMatching(/^isoloss: int8\.onnx is larger than relu\.onnx: .*\n$/),
    ]);
    expect(stdout).toContain("rotated  the model has no space that linear maps or lengths alone touch");
  });
});
