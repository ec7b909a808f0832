import { ndarray, sizeOf } from "isoloss";
import { createRng } from "isoloss/data";
import { int } from "isoloss/internal";
import { decodeModel } from "isoloss/onnx";
import { quantizeModel, quantizeWeights, toHalf } from "isoloss-onnx";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import { Builder } from "isoloss-test-support/model-file/builder";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { dequantized, layerWeights } from "../../src/model/layer-weights.js";
import { rowNames } from "../../src/model/page.js";

const rangesOf = (bytes: Uint8Array) => layerWeights(bytes).map(({ ranges }) => ranges);

/** Largest difference of the channels' ranges, relative to the largest of the layer. */
function differences(before: Uint8Array, after: Uint8Array): readonly number[] {
  const [old, changed] = [rangesOf(before), rangesOf(after)];
  expect(changed.map(({ length }) => length)).toEqual(old.map(({ length }) => length));
  return old.map((ranges, m) => {
    const distances = ranges.map((range, c) => Math.abs(range - changed[m][c]));
    return Math.max(...distances) / Math.max(...ranges);
  });
}

describe("layerWeights", () => {
  it("has the largest magnitude of each output channel, by hand", () => {
    const { graph } = decodeModel(networks.perceptron.bytes({ seed: 1 }));
    const [gemm, product] = graph.nodes.filter(({ opType }) => opType === "Gemm" || opType === "MatMul");
    const [first, second] = layerWeights(networks.perceptron.bytes({ seed: 1 }));
    expect([first.name, second.name]).toEqual([gemm.inputs[1], product.inputs[1]]);
    const numbers = (name: string) =>
      Array.from(graph.initializers.find((own) => own.name === name)?.data ?? [], Number);
    const rows = numbers(gemm.inputs[1]);
    expect(first.ranges).toEqual(
      Array.from({ length: 12 }, (_, c) => Math.max(...rows.slice(16 * c, 16 * c + 16).map(Math.abs))),
    );
    const columns = numbers(product.inputs[1]);
    expect(second.ranges).toEqual(
      Array.from({ length: 12 }, (_, c) =>
        Math.max(...Array.from({ length: 12 }, (_, i) => Math.abs(columns[12 * i + c]))),
      ),
    );
  });

  it.each(sampledRows(Object.entries(networks)))(
    "has the same layers of a %s network in integers of 8 and 4 bits and in float16, within a step",
    async (_, { bytes, shape }) => {
      const before = bytes({ seed: 1 });
      const rng = createRng(2);
      const x = {
        shape: [16, ...shape],
        data: Float32Array.from({ length: 16 * sizeOf(shape) }, () => rng.normal()),
      };
      const largest = (after: Uint8Array) => Math.max(...differences(before, after));
      for (const granularity of ["tensor", "channel"] as const) {
        const settings = { granularity, equalize: false, compensate: false, biasCorrection: false };
        const { bytes: after } = await quantizeModel(before, { calibration: [{ x }], ...settings });
        expect(largest(after)).toBeLessThan(1 / 127);
      }
      expect(largest(quantizeWeights(before).bytes)).toBeLessThan(1e-6);
      expect(largest(quantizeWeights(before, { bits: 4, blockSize: 16 }).bytes)).toBeLessThan(1 / 7);
      expect(largest((await toHalf(before, { move: false })).bytes)).toBeLessThan(1e-3);
    },
  );

  it("has the channels of all groups of a transposed convolution, by hand", () => {
    const b = new Builder();
    const weight = b.constant(
      "weight",
      ndarray(
        Float32Array.from({ length: 12 }, (_, i) => i + 1),
        [4, 3, 1, 1],
      ),
    );
    const file = b.bytes([1, 4, 2, 2], b.node("ConvTranspose", ["x", weight], { group: int(2) }));
    // Operands 0 and 1 make the first three channels, 2 and 3 the others.
    expect(layerWeights(file)).toEqual([{ name: weight, ranges: [4, 5, 6, 10, 11, 12] }]);
  });

  it("leaves out products of two activations", () => {
    const b = new Builder();
    const own = b.linear("x", 4, 4);
    const file = b.bytes([4, 4], b.node("MatMul", [own, own]));
    expect(layerWeights(file)).toHaveLength(1);
  });
});

describe("dequantized", () => {
  const tensor = (name: string, shape: number[], data: Float32Array | Int8Array | Uint8Array) => ({
    name,
    dtype: data instanceof Float32Array ? "float32" : data instanceof Int8Array ? "int8" : "uint8",
    shape,
    data,
  });
  const numbers = (
    attributes: Readonly<Record<string, number>>,
    [q, s, z]: readonly (readonly [number[], number[]])[],
  ) => {
    const tensors = [
      tensor("q", q[0], Uint8Array.from(q[1])),
      tensor("s", s[0], Float32Array.from(s[1])),
      tensor("z", z[0], Uint8Array.from(z[1])),
    ] as const;
    const node = {
      opType: "DequantizeLinear",
      inputs: ["q", "s", "z"],
      outputs: ["w"],
      attributes: Object.fromEntries(
        Object.entries(attributes).map(([key, value]) => [key, { kind: "int" as const, value }]),
      ),
    };
    return Array.from(dequantized(node, new Map(tensors.map((own) => [own.name, own])) as never)?.data ?? []);
  };

  it("is scale (q - zero) by tensor, by axis and by blocks, by hand", () => {
    const q = [
      [2, 3],
      [10, 11, 12, 20, 21, 22],
    ] as [number[], number[]];
    expect(numbers({}, [q, [[], [0.5]], [[], [10]]])).toEqual([0, 0.5, 1, 5, 5.5, 6]);
    expect(numbers({ axis: 0 }, [q, [[2], [1, 2]], [[2], [10, 20]]])).toEqual([0, 1, 2, 0, 2, 4]);
    expect(numbers({ axis: -1 }, [q, [[3], [1, 2, 4]], [[3], [10, 10, 10]]])).toEqual([0, 2, 8, 10, 22, 48]);
    const blocks = [
      [2, 2],
      [1, 2, 4, 8],
    ] as [number[], number[]];
    const zeros = [
      [2, 2],
      [0, 0, 0, 0],
    ] as [number[], number[]];
    expect(numbers({ axis: 1, block_size: 2 }, [q, blocks, zeros])).toEqual([10, 11, 24, 80, 84, 176]);
    const ofRows = [
      [1, 3],
      [1, 2, 4],
    ] as [number[], number[]];
    const none = [
      [1, 3],
      [0, 0, 0],
    ] as [number[], number[]];
    expect(numbers({ axis: 0, block_size: 2 }, [q, ofRows, none])).toEqual([10, 22, 48, 20, 42, 88]);
  });
});

describe("rowNames", () => {
  it("keeps the ends of long names, and numbers them where these are the same", () => {
    expect(rowNames(["conv", "b"])).toEqual(["conv", "b"]);
    const long = `${"features.".repeat(5)}conv.weight`;
    expect(rowNames(["conv", long])).toEqual(["conv", `…${long.slice(-29)}`]);
    expect(new Set(rowNames([`a${long}`, `b${long}`])).size).toBe(2);
  });
});
