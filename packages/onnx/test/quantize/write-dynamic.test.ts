// Products that round what they read by its range in each run: by ONNX Runtime, by their definition in float64, and in JavaScript.
import type { NdArray } from "isoloss";
import { int } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import { normal, optimizedGraph, writtenQdq } from "isoloss-test-support/compress/quantize/support";
import { transformer, transformerInputs } from "isoloss-test-support/model-file/transformer";
import { fileOf, node, runImported, runOrt } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { quantizeModel } from "../../src/quantize/quantize-model.js";
import type { QdqSettings } from "../../src/quantize/write-qdq.js";

type Weights = QdqSettings["weights"];

const dynamic = (bytes: Uint8Array, weights: Weights, leave: readonly string[] = []) =>
  writtenQdq(bytes, new Map(), { activations: "dynamic", weights, leave: new Set(leave) });

const each: readonly (readonly [string, Weights])[] = [
  ["int8 per channel", { bits: 8, per: "channel" }],
  ["int8 per tensor", { bits: 8, per: "tensor" }],
  ["int8 of 7 bits", { bits: 8, per: "channel", reduceRange: true }],
  ["uint8 per channel", { bits: 8, per: "channel", type: "uint8" }],
];

/** Rows [rows, n] times W [n, m] by the standard's definitions of DynamicQuantizeLinear and MatMulInteger. */
function product(x: readonly number[], w: ArrayLike<number>, m: number, { per, reduceRange }: Weights) {
  const n = w.length / m;
  const [low, high] = [Math.min(0, ...x), Math.max(0, ...x)];
  const scale = Math.fround((high - low) / 255);
  const zero = Math.round(-low / scale);
  const q = x.map((v) => Math.min(Math.max(Math.round(v / scale) + zero, 0), 255) - zero);
  const largest = Array.from({ length: m }, (_, c) =>
    Math.max(...Array.from({ length: n }, (_, i) => Math.abs(w[i * m + c]))),
  );
  const limit = reduceRange ? 64 : 127;
  const scales = largest.map((own) => Math.fround((per === "tensor" ? Math.max(...largest) : own) / limit));
  return Array.from({ length: (x.length / n) * m }, (_, at) => {
    const [row, c] = [Math.floor(at / m), at % m];
    let sum = 0;
    for (let i = 0; i < n; i++) sum += q[row * n + i] * Math.round(w[i * m + c] / scales[c]);
    return sum * scale * scales[c];
  });
}

const numbers = ({ data }: NdArray) => Array.from<number | bigint, number>(data, Number);

const apart = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((v, i) => Math.abs(v - b[i]))) / Math.max(...b.map(Math.abs));

describe("A file of dynamic products", () => {
  const [w, b, v, c] = [normal(1, [6, 20]), normal(2, [6]), normal(3, [6, 5]), normal(4, [5])];
  const x = normal(5, [7, 20]);
  const bytes = fileOf({
    inputs: { x },
    initializers: { w, b, v, c },
    nodes: [
      node("Gemm", ["x", "w", "b"], { transB: int(1) }, ["h"]),
      node("Relu", ["h"], {}, ["r"]),
      node("MatMul", ["r", "v"], {}, ["p"]),
      node("Add", ["c", "p"]),
    ],
  });

  it.each(each)("computes what its definition does, with weights of %s", async (_, weights) => {
    const { bytes: file, report } = dynamic(bytes, weights);
    const { nodes } = decodeModel(file).graph;
    expect(
      nodes.map(({ opType }) => opType).filter((name) => /Integer|Dynamic|Gemm|^MatMul/.test(name)),
    ).toEqual([...["DynamicQuantizeLinear", "MatMulInteger", "DynamicQuantizeLinear", "MatMulInteger"]]);
    expect(report.nodes.map(({ bits }) => bits)).toEqual([8, 8]);
    const transposed = Array.from({ length: 120 }, (_, at) =>
      Number(w.data[(at % 6) * 20 + Math.floor(at / 6)]),
    );
    const hidden = product(numbers(x), transposed, 6, weights).map((y, i) =>
      Math.max(0, y + Number(b.data[i % 6])),
    );
    const expected = product(hidden, numbers(v), 5, weights).map((y, i) => y + Number(c.data[i % 5]));
    expect(apart(numbers((await runOrt(file, { x })).y), expected)).toBeLessThan(1e-5);
    expect(apart(numbers(runImported(file, { x }).y), expected)).toBeLessThan(1e-5);
  });

  it("rounds a value once for all products that read it, which ONNX Runtime runs with their factors as one node", async () => {
    const options = { width: 32, layers: 1, mlp: "relu" } as const;
    const { bytes: file, report } = dynamic(transformer(options), { bits: 8, per: "channel" });
    const count = (name: string) =>
      decodeModel(file).graph.nodes.filter(({ opType }) => opType === name).length;
    // Queries, keys and values; what attention adds; up and down; the head.
    expect([count("MatMulInteger"), count("DynamicQuantizeLinear")]).toEqual([7, 5]);
    const kernels = (await optimizedGraph(file)).nodes.map(({ opType }) => opType);
    const fused = ["MatMulIntegerToFloat", "DynamicQuantizeMatMul"];
    expect(kernels.filter((name) => fused.includes(name))).toHaveLength(7);
    expect(kernels.filter((name) => name === "MatMulInteger")).toEqual([]);
    expect(report.nodes.filter(({ opType }) => opType === "MatMul").every(({ bits }) => bits === 8)).toBe(
      true,
    );
    const { outputs } = await compareModels(transformer(options), file, {
      inputs: [transformerInputs(options)],
    });
    expect(outputs[0].relative).toBeLessThan(0.05);
  });

  it("leaves convolutions, and what is to stay float", () => {
    const { report } = dynamic(networks.plain.bytes({ seed: 1 }), { bits: 8, per: "channel" });
    const notes = report.nodes.map(({ opType, bits, note }) => [opType, bits, note]);
    const why = "it is no product: what it reads stays float";
    expect(notes).toEqual([
      ["Conv", 32, why],
      ["Conv", 32, why],
      ["Gemm", 8, undefined],
    ]);
    const left = dynamic(bytes, { bits: 8, per: "channel" }, ["h"]);
    expect(left.report.nodes.map(({ bits }) => bits)).toEqual([32, 8]);
  });
});

describe("quantizeModel", () => {
  const modes = async (bytes: Uint8Array, shape: readonly number[], options = {}) => {
    const examples = {
      calibration: [{ x: normal(2, [64, ...shape]) }],
      heldOut: [{ x: normal(3, [16, ...shape]) }],
    };
    const result = await quantizeModel(bytes, {
      ...examples,
      equalize: false,
      compensate: false,
      ...options,
    });
    return { ...result, modes: [...new Set(result.table.map(({ activations }) => activations))] };
  };

  it("tries dynamic products where these hold nearly all weights", async () => {
    const { bytes, shape } = networks.perceptron;
    const found = await modes(bytes({ seed: 1 }), shape);
    expect(found.modes).toEqual(["uint8", "dynamic"]);
    expect(
      new Set(found.table.filter((own) => own.activations === "dynamic").map((own) => own.granularity)),
    ).toEqual(new Set(["channel"]));
    expect((await modes(networks.plain.bytes({ seed: 1 }), networks.plain.shape)).modes).toEqual(["uint8"]);
  });

  it("makes them alone where they are asked for, also without examples, and rounds them by GPTQ", async () => {
    const { bytes, shape } = networks.perceptron;
    const before = bytes({ seed: 1 });
    const { table } = await modes(before, shape, { activations: "dynamic", compensate: true });
    expect(new Set(table.map(({ activations }) => activations))).toEqual(new Set(["dynamic"]));
    const best = (isCompensated: boolean) =>
      Math.max(...table.filter((own) => own.isCompensated === isCompensated).map(({ sqnr }) => sqnr));
    expect(best(true)).toBeGreaterThan(best(false) - 1);
    const { recommended, isRandom } = await quantizeModel(before, { activations: "dynamic" });
    expect(isRandom).toBe(true);
    expect(recommended.sqnr).toBeGreaterThan(30);
  });
});
