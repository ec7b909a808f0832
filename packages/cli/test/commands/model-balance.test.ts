import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRng, encodeNpy } from "isoloss/data";
import { compareModels, fromOnnx } from "isoloss-onnx";
import { transformer } from "isoloss-test-support/model-file/transformer";
import { beforeAll, describe, expect, it } from "vitest";
import type { BalancedModel } from "../../src/commands/model/balance.js";
import type { ImbalanceOfModel } from "../../src/commands/model/imbalance.js";
import { changed, convolutions, normalized, perceptron, withShape } from "../model/model-files.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const at = (name: string) => join(bench.folder, name);
const file = (name: string, bytes: Uint8Array | string) => writeFileSync(at(name), bytes);
const read = (name: string) => new Uint8Array(readFileSync(at(name)));

/** A perceptron of 4, 3 and 2 units, its first layer times 1000 and 64 more in the first unit. */
const uneven = changed(perceptron("relu"), ({ initializers }) => ({
  initializers: initializers.map((tensor) => {
    const units = tensor.name.includes("layers.0") ? tensor.data.length / 3 : Number.POSITIVE_INFINITY;
    if (!Number.isFinite(units)) return tensor;
    const factor = (k: number) => 1000 * (k < units ? 64 : 1);
    return { ...tensor, data: Float32Array.from(tensor.data as Float32Array, (v, k) => v * factor(k)) };
  }),
}));

beforeAll(() => {
  file("uneven.onnx", uneven);
  file("open.onnx", withShape(uneven, ["batch", 4]));
  file("tanh.onnx", perceptron("tanh"));
  file("text.onnx", "no model");
  for (const activation of ["Clip", "Relu", "Sigmoid"] as const)
    file(`${activation}.onnx`, convolutions(activation, { wide: 8 }));
  file("normalized.onnx", normalized());
  const rng = createRng(3);
  const images = Float32Array.from({ length: 160 }, () => 5 * rng.normal());
  file("x.npy", encodeNpy({ shape: [40, 4], data: images }));
});

/** Largest magnitude of each unit's weights: rows of the first layer, columns of the second. */
function rangesOf(name: string) {
  const { params } = fromOnnx(read(name));
  const [first, second] = [0, 1].map((m) => Array.from(params[`net.layers.${m}.weight`].data, Number));
  const range = (values: readonly number[]) => Math.max(...values.map(Math.abs));
  return [0, 1, 2].map((i) => [range(first.slice(4 * i, 4 * i + 4)), range([second[i], second[3 + i]])]);
}

describe("isoloss model imbalance", () => {
  it("prints the groups, and whether balancing pays", async () => {
    const { status, stdout } = await bench.run("model", "imbalance", "uneven.onnx");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^weights +units +factor +sigma$/m);
    expect(stdout).toMatch(/^net\.layers\.0\.weight and 2 more +3 +\d+/m);
    expect(stdout).toMatch(/Balancing is likely to make training by SGD faster\./);
    expect(stdout).toMatch(/Weights in int8 with one scale for a tensor lose (\d\.\d|all) of their 8 bits/);
  });

  it("gives a document", async () => {
    const document = await bench.json<ImbalanceOfModel>(
      "model",
      "imbalance",
      "open.onnx",
      "--size",
      "batch=2",
      "--json",
    );
    expect(document).toMatchObject({ file: at("open.onnx"), sizes: { batch: 2 }, settled: true });
    expect(document.groups).toEqual([
      {
        size: 3,
        factor: document.factor,
        sigma: document.sigma,
        parameters: ["net.layers.0.weight", "net.layers.0.bias", "net.layers.1.weight"],
      },
    ]);
  });

  it.each([
    ["tanh.onnx", "Scalings of units end at Tanh (1 node)."],
    ["Sigmoid.onnx", "Scalings of units end at Sigmoid (2 nodes)."],
    [
      "normalized.onnx",
      "Scalings of units end at BatchNormalization (1 node). isoloss model fold moves batch normalizations into the layers before them, where it can.",
    ],
  ])(
    "names the operator that ends scalings, and gives no verdict on what it did not measure: %s",
    async (name, ends) => {
      const { stdout } = await bench.run("model", "imbalance", name);
      expect(stdout.includes("can be scaled")).toBe(name !== "normalized.onnx");
      expect(stdout).toContain(ends);
      const balanced = await bench.run("model", "balance", name, "--force", "-o", "out.onnx");
      expect(balanced.stdout).toContain(ends);
      const found = await bench.run("model", "symmetries", name);
      expect(found.stdout).toContain(ends);
      if (name === "normalized.onnx") return;
      expect(stdout).toBe(
        `No group of units can be scaled. ${ends}\n\nScales were not measured, as no group of units can be scaled. Float16 holds all weights in its normal range.\n`,
      );
      const { groups, factor, sigma, lostBits } = await bench.json<ImbalanceOfModel>(
        ...["model", "imbalance", name, "--json"],
      );
      expect([groups, factor, sigma, lostBits]).toEqual([[], null, null, null]);
    },
  );

  it("measures weights around a Clip as those around a Relu, as its bounds follow them", async () => {
    const of = (name: string) => bench.json<ImbalanceOfModel>("model", "imbalance", name, "--json");
    const { file: _, ...clip } = await of("Clip.onnx");
    expect(clip.groups.map(({ size }) => size)).toEqual([16, 20]);
    expect(await of("Relu.onnx")).toMatchObject(clip);
  });
});

describe("isoloss model balance", () => {
  it("writes the same function with even weights, and says what it did", async () => {
    const args = [
      "model",
      "balance",
      "uneven.onnx",
      "--by",
      "range",
      "-o",
      "even.onnx",
      "--held-out",
      "x.npy",
    ];
    const { status, stdout } = await bench.run(...args);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^largest weights +before +after$/m);
    expect(stdout).toMatch(/^before: Scales differ .*Balancing is likely/m);
    expect(stdout).toMatch(/^after: Scales differ .*not expected to make training faster/m);
    expect(stdout).toMatch(
      /^Wrote even\.onnx\. On 40 examples of x\.npy no output differs from that of uneven\.onnx by more than \S+,/m,
    );
    for (const [incoming, outgoing] of rangesOf("even.onnx")) expect(incoming / outgoing).toBeCloseTo(1, 5);
    expect((await compareModels(uneven, read("even.onnx"), { seed: 7 })).largest).toBeLessThan(1e-6);
  });

  it("counts no tensor of zeros, which no factor changes", async () => {
    const withoutBias = changed(uneven, ({ initializers }) => ({
      initializers: initializers.map((own) =>
        own.name.endsWith("bias") ? { ...own, data: new Float32Array(own.data.length) } : own,
      ),
    }));
    file("zeros.onnx", withoutBias);
    const args = ["model", "balance", "zeros.onnx", "--by", "range", "-o", "counted.onnx", "--json"];
    expect((await bench.json<BalancedModel>(...args)).changed).toBe(2);
  });

  it("by powers of two changes no bit of an output", async () => {
    const args = ["model", "balance", "open.onnx", "--powers-of-two", "-o", "exact.onnx", "--json"];
    const document = await bench.json<BalancedModel>(...args);
    expect(document).toMatchObject({
      file: at("open.onnx"),
      out: at("exact.onnx"),
      by: "norm",
      powersOfTwo: true,
      changed: 3,
      largest: 0,
    });
    expect(document.bytes).toBe(read("exact.onnx").length);
    expect(document.after.factor).toBeLessThan(2 ** 0.5 + 1e-3);
    expect(document.ranges[0]).toMatchObject({ parameter: expect.stringMatching(/^net\.layers\.0/) });
    expect(document.ranges[0].after).toBeLessThan(document.ranges[0].before / 100);
    expect((await compareModels(uneven, read("exact.onnx"), { seed: 7 })).largest).toBe(0);
  });

  it("writes the model as it is where nothing can be scaled", async () => {
    const { stdout } = await bench.run("model", "balance", "tanh.onnx", "-o", "same.onnx");
    expect(stdout).toMatch(/There was nothing to change: wrote same\.onnx as it was\.\n$/);
    expect(read("same.onnx")).toEqual(perceptron("tanh"));
  });

  it("keeps a unit whose weights are 0, and its bound, as they are", async () => {
    // The first layer's weights of the first channel are 0, its bias is not.
    const dead = changed(read("Clip.onnx"), ({ initializers }) => ({
      initializers: initializers.map((tensor, n) => {
        if (n !== initializers.findIndex(({ shape }) => shape.length === 4)) return tensor;
        const unit = tensor.data.length / tensor.shape[0];
        return {
          ...tensor,
          data: Float32Array.from(tensor.data as Float32Array, (v, k) => (k < unit ? 0 : v)),
        };
      }),
    }));
    file("dead.onnx", dead);
    const args = ["model", "balance", "dead.onnx", "--by", "range", "--force", "-o", "even.onnx", "--json"];
    const { ranges, lifted } = await bench.json<BalancedModel>(...args);
    expect(lifted).toBe(true);
    expect(Object.keys(fromOnnx(dead).params)).toEqual(
      expect.arrayContaining(ranges.map(({ parameter }) => parameter)),
    );
    const largest = Object.values(fromOnnx(read("even.onnx")).params).flatMap(({ data }) =>
      Array.from(data as Float32Array, Math.abs),
    );
    expect(Math.max(...largest)).toBeLessThan(1000);
  });

  it("scales the bounds of a Clip with the weights, exactly", async () => {
    const args = ["model", "balance", "Clip.onnx", "--powers-of-two", "--force", "-o", "even.onnx", "--json"];
    const document = await bench.json<BalancedModel>(...args);
    expect(document).toMatchObject({ lifted: true, stops: [], largest: 0 });
    expect(document.before.factor).toBeGreaterThan(3);
    expect(document.after.factor).toBeLessThan(2 ** 0.5 + 1e-3);
    const { params } = fromOnnx(read("even.onnx"));
    const relu = ["model", "balance", "Relu.onnx", "--powers-of-two", "-o", "relu.onnx", "--json"];
    expect((await bench.json<BalancedModel>(...relu)).lifted).toBe(false);
    expect(params).toMatchObject(fromOnnx(read("relu.onnx")).params);
    const text = await bench.run(
      "model",
      "balance",
      "Clip.onnx",
      "--by",
      "range",
      "--force",
      "-o",
      "even.onnx",
    );
    expect(text.stdout).toContain(
      "Bounds of Clip, Max and Min became numbers of channels, which move with the weights.",
    );
  });

  it("moves the residual stream of a transformer with the epsilons of its norms", async () => {
    file("stream.onnx", transformer({ fused: true, tied: true, outlier: 500 }));
    const line = [
      "model",
      "balance",
      "stream.onnx",
      "--powers-of-two",
      "--force",
      "-o",
      "even.onnx",
      "--json",
    ];
    expect(await bench.json<BalancedModel>(...line)).toMatchObject({ lifted: false, largest: 0 });
    const epsilonOf = (name: string) => {
      const { params } = fromOnnx(read(name), { epsilons: true });
      return Number(Object.entries(params).find(([own]) => own.endsWith(".epsilon"))?.[1].data[0]);
    };
    const exponent = Math.log2(epsilonOf("even.onnx") / epsilonOf("stream.onnx"));
    expect(exponent).toBeLessThan(0);
    expect(exponent % 2).toBe(-0);
    const { stdout } = await bench.run("model", "symmetries", "stream.onnx");
    expect(stdout).toContain("stream of 32 units, written by tokens, positions, ");
  });

  it("allows what weights are rounded by in a file of float16", async () => {
    await bench.run("model", "half", "uneven.onnx", "-o", "half.onnx");
    const balanced = await bench.json<BalancedModel>(
      "model",
      "balance",
      "half.onnx",
      "--force",
      "-o",
      "even.onnx",
      "--json",
    );
    expect(balanced.largest).toBeGreaterThan(1e-4);
    expect(balanced.largest).toBeLessThan(10 * 2 ** -11);
    const same = await bench.run("model", "verify", "half.onnx", "even.onnx");
    expect([same.status, same.stdout]).toEqual([0, expect.stringContaining("by more than 0.0049,")]);
  });

  it("writes nothing where the new model differs by more than the tolerance, nor over its input", async () => {
    const strict = await bench.run(
      "model",
      "balance",
      "uneven.onnx",
      "-o",
      "strict.onnx",
      "--tolerance",
      "0",
    );
    expect([strict.status, strict.stderr]).toEqual([
      1,
      expect.stringMatching(/at most 0 is allowed.*Nothing was written/),
    ]);
    expect(() => read("strict.onnx")).toThrow("no such file");
    const over = await bench.run("model", "balance", "uneven.onnx", "-o", "./uneven.onnx");
    expect([over.status, over.stderr]).toEqual([2, expect.stringMatching(/is the model that is read/)]);
    expect(read("uneven.onnx")).toEqual(uneven);
  });

  it.each<[string, RegExp, number]>([
    ["imbalance text.onnx", /Cannot read text\.onnx as an ONNX model/, 1],
    ["imbalance gone.onnx", /Cannot read the model gone\.onnx/, 1],
    ["imbalance uneven.onnx --size batch=2", /--size batch: the file fixes all sizes/, 2],
    ["imbalance", /missing required argument 'file'/, 2],
    ["balance uneven.onnx", /required option '-o, --out <file>' not specified/, 2],
    ["balance text.onnx -o new.onnx", /Cannot read text\.onnx as an ONNX model/, 1],
    ["balance uneven.onnx -o new.onnx --by size", /Allowed choices are norm, range/, 2],
    ["balance uneven.onnx -o new.onnx --held-out gone.npy", /Cannot read the data gone\.npy/, 1],
    ["balance uneven.onnx -o new.onnx --held-out text.onnx", /is no \.npy, \.npz, PNG or JPEG file/, 1],
    ["balance uneven.onnx -o new.onnx --tolerance -1", /tolerance/, 2],
  ])("model %s says what is wrong", async (command, message, code) => {
    const { status, stdout, stderr } = await bench.run("model", ...command.split(" "));
    expect([status, stdout, stderr]).toEqual([code, "", expect.stringMatching(message)]);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
