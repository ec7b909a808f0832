import { type NdArray, ndarray } from "isoloss";
import { createRng } from "isoloss/data";
import {
  type AttributeValue,
  int,
  mapFields,
  rawField,
  rawFields,
  rawMessage,
  writeValueInfo,
} from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { pruneUnits, pruneWeights, withParams } from "isoloss-onnx";
import { Builder, smallNetwork } from "isoloss-test-support/model-file/builder";
import { fileOf, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { graph } from "../../../core/src/runtime/onnx/schema.js";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { expectRuns, image } from "./prune-files-support.js";

const shapesOf = (bytes: Uint8Array) =>
  Object.values(fromOnnx(bytes).params).map(({ shape }) => shape.join());

/** Two layers with relu between. */
function twoLayers(): Uint8Array {
  const b = new Builder({ seed: 3 });
  const h = b.node("Relu", [b.conv("x", 3, 6, { size: 3, bias: true })]);
  return b.bytes(["batch", 3, 8, 8], b.conv(h, 6, 2));
}

/** Two layers, a batch-free Conv with a Clip to [0, 6 c] and another; what comes out does not depend on c. */
function clipped(c: number): Uint8Array {
  const b = new Builder({ seed: 3 });
  const bytes = b.bytes(
    ["batch", 3, 8, 8],
    b.conv(b.clip(b.conv("x", 3, 6, { size: 3, bias: true }), 0, 6 * c), 6, 2),
  );
  const factors = [c, c, 1 / c];
  const entries = Object.entries(fromOnnx(bytes).params).map(([name, { shape, data }], i) => [
    name,
    ndarray(
      (data as Float32Array).map((w) => factors[i] * w),
      shape,
    ),
  ]);
  return withParams(bytes, Object.fromEntries(entries));
}

describe("pruned weights of a file", () => {
  const before = smallNetwork();

  it("are zero, as many as asked for, and the rest of the file is the same", async () => {
    const { bytes, pruned, of, zeros, numbers } = await pruneWeights(before, {
      fraction: 0.5,
      balance: false,
    });
    // 4 x 3 x 3 x 3 and 5 x 4 filters, 2 x 5 of the last layer.
    expect([pruned, of]).toEqual([69, 138]);
    expect([zeros, numbers]).toEqual([69, 138 + 4 * 2 + 5 + 5 * 2 + 2]);
    const [old, own] = [before, bytes].map((file) => fromOnnx(file).params);
    for (const [name, { data }] of Object.entries(own)) {
      Array.from(data, Number).forEach((w, e) => {
        if (w !== 0) expect(w).toBe(Number(old[name].data[e]));
      });
    }
    expect(decodeModel(bytes).graph.nodes).toEqual(decodeModel(before).graph.nodes);
  });

  it("are ranked by their balanced values, and the others stay as they are in the file", async () => {
    const own = twoLayers();
    const { bytes } = await pruneWeights(own, { fraction: 0.5 });
    expect((await pruneWeights(own, { fraction: 0 })).bytes).toEqual(own);
    const [old, kept] = [own, bytes].map((file) => fromOnnx(file).params);
    for (const [name, { data }] of Object.entries(kept)) {
      Array.from(data, Number).forEach((w, e) => {
        if (w !== 0) expect(w).toBe(Number(old[name].data[e]));
      });
    }
  });

  it("do not depend on how layers around a Clip are scaled, whose bound follows them", async () => {
    const masks = [];
    for (const c of [1, 8, 0.125]) {
      const { bytes } = await pruneWeights(clipped(c), { fraction: 0.5 });
      masks.push(
        Object.values(fromOnnx(bytes).params).map(({ data }) => Array.from(data, Number).map((w) => w === 0)),
      );
      expect(decodeModel(bytes).graph.nodes.map(({ opType }) => opType)).toContain("Clip");
    }
    expect(masks[1]).toEqual(masks[0]);
    expect(masks[2]).toEqual(masks[0]);
  });

  it("are not numbers that are added alone, such as the -Infinity of a mask", async () => {
    const mask = { shape: [2, 2], data: Float32Array.of(0, -Infinity, 0, 0) };
    const b = new Builder();
    const masked = b.node("Add", [b.product("x", 2, 2, { bias: false }), b.constant("mask", mask)]);
    const own = b.bytes(["batch", 2, 2], b.product(b.node("Softmax", [masked]), 2, 3));
    const { bytes, of } = await pruneWeights(own, { fraction: 0.5 });
    expect(of).toBe(2 * 2 + 2 * 3);
    const stored = Object.entries(fromOnnx(bytes).params).find(([name]) => name.startsWith("mask"));
    expect(stored?.[1]).toEqual(mask);
  });

  it("differ by the score", async () => {
    const [magnitude, lamp] = await Promise.all(
      (["magnitude", "lamp"] as const).map((by) => pruneWeights(before, { fraction: 0.8, by })),
    );
    expect(magnitude.bytes).not.toEqual(lamp.bytes);
    expect(magnitude.zeros).toBe(lamp.zeros);
  });

  it("are refused for bad options and bytes", async () => {
    await expect(pruneWeights(before, { fraction: -1 })).rejects.toThrow(
      "fraction must be a number in [0, 1]",
    );
    await expect(pruneWeights(Uint8Array.of(1, 2), { fraction: 0.5 })).rejects.toThrow(
      "not a readable ONNX model",
    );
    await expect(pruneWeights(before, { fraction: 0.5, sizes: { depth: 3 } })).rejects.toThrow(
      'pruneWeights: sizes has "depth"',
    );
  });
});

describe("pruned units of a file", () => {
  it("make its tensors smaller, with batch norms, bounds and linear layers", async () => {
    const before = smallNetwork();
    const { bytes, groups, numbers } = await pruneUnits(before, { fraction: 0.5, multiple: 1 });
    expect(groups.map(({ size, removed, reason }) => [size, removed, reason])).toEqual([
      [4, 2, undefined],
      [5, 2, undefined],
    ]);
    expect(shapesOf(bytes)).toEqual(["2,3,3,3", "2", "2", "3,2,1,1", "3", "3", "3", "2,3", "2"]);
    expect(bytes.length).toBeLessThan(before.length);
    // 2 x 3 x 9 + 2 x 2 + 3 x 2 + 3 + 2 x 3 + 2 x 3 + 2, with scale and shift of the norms.
    expect(numbers).toBe(54 + 4 + 6 + 3 + 6 + 6 + 2);
    await expectRuns(bytes, image(3));
  });

  it("keep the file as it is at fraction 0", async () => {
    const before = smallNetwork();
    const { bytes, groups } = await pruneUnits(before, { fraction: 0 });
    expect(bytes).toEqual(before);
    expect(groups.map(({ removed }) => removed)).toEqual([0, 0]);
  });

  it("leave one unit of each group", async () => {
    const { bytes } = await pruneUnits(smallNetwork(), { fraction: 1, multiple: 1 });
    expect(shapesOf(bytes).slice(0, 4)).toEqual(["1,3,3,3", "1", "1", "1,1,1,1"]);
    await expectRuns(bytes, image(3));
  });

  it("leave multiples of 8 channels, the nearest to the share, unless another number is asked for", async () => {
    const b = new Builder();
    const first = b.node("Relu", [b.conv("x", 2, 20, { size: 3 })]);
    const second = b.node("Relu", [b.conv(first, 20, 32)]);
    const third = b.node("Relu", [b.conv(second, 32, 6)]);
    // Each unit of the image is 16 columns of the linear layer.
    const before = b.bytes(["batch", 2, 4, 4], b.linear(b.node("Flatten", [third]), 96, 3));
    const kept = async (options: { fraction: number; multiple?: number }) =>
      (await pruneUnits(before, options)).groups.map(({ size, removed }) => size - removed);
    // The shares are 18, 28.8 and 5.4 of 20, 32 and 6.
    expect(await kept({ fraction: 0.1 })).toEqual([16, 32, 6]);
    expect(await kept({ fraction: 0.5 })).toEqual([8, 16, 6]);
    expect(await kept({ fraction: 0.5, multiple: 4 })).toEqual([12, 16, 4]);
    expect(await kept({ fraction: 0.1, multiple: 1 })).toEqual([18, 29, 5]);
    // 14, 22.4 and 4.2.
    expect(await kept({ fraction: 0.3, multiple: 1 })).toEqual([14, 22, 4]);
    expect(await kept({ fraction: 0.3, multiple: 2 })).toEqual([14, 22, 4]);
    // Less than half a unit of each.
    expect(await kept({ fraction: 0.01 })).toEqual([20, 32, 6]);
    expect(await kept({ fraction: 0 })).toEqual([20, 32, 6]);
  });

  it("are ranked by scalings alone: a linear map would mix the units that are ranked", async () => {
    // Without an activation between, any basis of the 3 units will do; the products of norms are 3.0, 2.2 and 4.3.
    const w = [-0.3, 0.2, -1.8, 0.1, 0.4, 1.5, -1.6, -0.9, -0.6, 1.2, 0.5, -0.1];
    const v = [-1, -0.4, -0.9, 0.4, -1.1, 1, -0.3, -1.3, -0.1, 1.6, -0.4, 0.6];
    const before = fileOf({
      inputs: { x: ndarray(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]), [2, 4]) },
      initializers: { w: ndarray(Float32Array.from(w), [4, 3]), v: ndarray(Float32Array.from(v), [3, 4]) },
      nodes: [node("MatMul", ["x", "w"], {}, ["h"]), node("MatMul", ["h", "v"])],
    });
    const { bytes } = await pruneUnits(before, { fraction: 0.34, multiple: 1 });
    expect(fromOnnx(bytes).params.v).toEqual(
      ndarray(Float32Array.from(v.filter((_, e) => Math.floor(e / 4) !== 1)), [2, 4]),
    );
  });

  it("do not depend on how layers around a Clip are scaled", async () => {
    const kept = async (c: number) => {
      const { bytes } = await pruneUnits(clipped(c), { fraction: 0.5, multiple: 1 });
      return Array.from(Object.values(fromOnnx(bytes).params)[1].data, Number).map((w) => w / c);
    };
    expect(await kept(8)).toEqual(await kept(1));
    expect(await kept(0.125)).toEqual(await kept(1));
  });

  it("are found in Constants", async () => {
    const { bytes } = await pruneUnits(smallNetwork({ constants: true }), { fraction: 0.5, multiple: 1 });
    expect(shapesOf(bytes)[0]).toBe("2,3,3,3");
    await expectRuns(bytes, image(3));
  });

  it.each([
    ["a flattened image", (b: Builder, h: string) => b.node("Flatten", [h])],
    [
      "a Reshape of a fixed size",
      (b: Builder, h: string) =>
        b.node("Reshape", [h, b.constant("shape", { shape: [2], data: BigInt64Array.of(-1n, 96n) })]),
    ],
  ])("go from the columns of the linear layer behind %s", async (_, flat) => {
    const b = new Builder();
    const h = b.node("Relu", [b.conv("x", 2, 6, { size: 3 })]);
    const before = b.bytes(["batch", 2, 4, 4], b.linear(flat(b, h), 96, 3));
    const { bytes, groups } = await pruneUnits(before, { fraction: 0.5, multiple: 1 });
    expect(groups.map(({ removed }) => removed)).toEqual([3]);
    expect(shapesOf(bytes)).toEqual(["3,2,3,3", "3,48", "3"]);
    await expectRuns(bytes, image(2, 4));
  });

  it.each([
    ["LSTM", 4],
    ["GRU", 3],
    ["RNN", 1],
  ])("are those of a recurrence, whose attribute says how many there are: %s", async (opType, gates) => {
    const b = new Builder();
    const [w, r] = [b.weights("w", [1, 5 * gates, 3]), b.weights("r", [1, 5 * gates, 5])];
    const [states] = b.nodes(opType, ["x", w, r], 1, { hidden_size: int(5) });
    const axis = b.constant("axis", { shape: [1], data: BigInt64Array.of(1n) });
    const file = b.bytes([4, "batch", 3], b.product(b.node("Squeeze", [states, axis]), 5, 2));
    const { bytes, groups } = await pruneUnits(file, { fraction: 0.4, multiple: 1 });
    expect(groups.map(({ removed }) => removed)).toEqual([2]);
    await expectRuns(bytes, { shape: [4, 2, 3], data: image(1, 4).data.slice(0, 24) });
  });

  it("go without what the file says of values inside it", async () => {
    const b = new Builder();
    const h = b.node("Relu", [b.conv("x", 2, 4, { size: 3 })]);
    const before = mapFields(b.bytes(["batch", 2, 4, 4], b.conv(h, 4, 1)), {
      7: (graph) =>
        rawMessage([
          ...rawFields(graph),
          rawField(13, (w, n) =>
            w.message(n, (v) => writeValueInfo(v, { name: h, dtype: "float32", shape: [2, 4, 4, 4] })),
          ),
        ]),
    });
    const { bytes } = await pruneUnits(before, { fraction: 0.5, multiple: 1 });
    await expectRuns(bytes, image(2, 4));
  });

  it("shrink initializers that are inputs, too, as before IR version 4", async () => {
    const old = smallNetwork({ opset: 9 });
    const model = decodeModel(old);
    const before = encodeModel({
      ...model,
      irVersion: 3,
      graph: {
        ...model.graph,
        inputs: [
          ...model.graph.inputs,
          ...model.graph.initializers.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
        ],
      },
    });
    const { bytes } = await pruneUnits(before, { fraction: 0.5, multiple: 1 });
    const { graph } = decodeModel(bytes);
    for (const { name, shape } of graph.initializers) {
      expect(graph.inputs.find((input) => input.name === name)?.shape).toEqual(shape);
    }
    await expectRuns(bytes, image(3));
  });

  it("stay where groups of channels, norms over units or fixed sizes need them, and say why", async () => {
    const b = new Builder();
    const first = b.node("Relu", [b.conv("x", 2, 4, { size: 3 })]);
    const group = b.conv(first, 4, 4, { size: 3, group: 2 });
    const grouped = b.node("Relu", [group]);
    const pooled = b.node("Flatten", [
      b.node("GlobalAveragePool", [b.node("Relu", [b.conv(grouped, 4, 6)])]),
    ]);
    const hidden = b.linear(pooled, 6, 6);
    const normed = b.node("LayerNormalization", [hidden, b.weights("g", [6], 0.1, 1), b.weights("s", [6])]);
    const before = b.bytes(["batch", 2, 8, 8], b.linear(normed, 6, 2));
    const { bytes, groups } = await pruneUnits(before, { fraction: 0.5, multiple: 1 });
    // Both groups of the convolution are a space, as are the channels inside of each at its two ends.
    expect(groups.map(({ size, removed }) => [size, removed])).toEqual([
      [2, 1],
      [2, 0],
      [2, 0],
      [6, 3],
      [6, 0],
    ]);
    const reasons = groups.flatMap(({ reason }) => reason ?? []);
    expect(reasons.slice(0, 2)).toEqual(Array(2).fill(`the convolution ${group} has 2 groups of channels`));
    expect(reasons[2]).toMatch(/^the model uses the number of its units: without them it differs by /);
    await expectRuns(bytes, image(2));
  });

  it("are refused for bad options", async () => {
    await expect(pruneUnits(smallNetwork(), { fraction: 2 })).rejects.toThrow(
      "fraction must be a number in [0, 1]",
    );
    await expect(pruneUnits(smallNetwork(), { fraction: 0.5, keep: 3 } as never)).rejects.toThrow("keep");
    await expect(pruneUnits("model" as never, { fraction: 0.5 })).rejects.toThrow("pruneUnits");
  });
});

it("units whose weights a branch of an If reads stay, and those that both read are none", async () => {
  const normal = (shape: readonly number[], seed: number): NdArray => {
    const rng = createRng(seed);
    return {
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    };
  };
  const branch = (weight: string, from = "h"): AttributeValue =>
    graph({
      name: weight,
      inputs: [],
      outputs: [{ name: `${weight}_y`, dtype: "float32" }],
      initializers: [],
      nodes: [node("MatMul", [from, weight], {}, [`${weight}_y`])],
    });
  const x = normal([2, 3], 1);
  const withBranches = (otherwise: AttributeValue) =>
    fileOf({
      inputs: { x },
      initializers: {
        w: normal([3, 4], 2),
        v: normal([4, 2], 3),
        u: normal([4, 2], 4),
        k: normal([3, 2], 5),
        yes: { shape: [], data: Uint8Array.of(1) },
      },
      nodes: [
        node("MatMul", ["x", "w"], {}, ["r"]),
        node("Relu", ["r"], {}, ["h"]),
        node("If", ["yes"], { then_branch: branch("v"), else_branch: otherwise }),
      ],
    });
  const { bytes, groups } = await pruneUnits(withBranches(branch("k", "x")), { fraction: 0.5, multiple: 1 });
  expect(groups).toMatchObject([{ parameters: ["w", "v"], removed: 0 }]);
  expect(groups[0].reason).toContain('"v" is used in a graph inside a node');
  await expectRuns(bytes, x);
  expect((await pruneUnits(withBranches(branch("u")), { fraction: 0.5, multiple: 1 })).groups).toEqual([]);
});

it("the shape of a shared Reshape stays, and so do its units", async () => {
  const b = new Builder();
  const shape = b.constant("shape", { shape: [2], data: BigInt64Array.of(-1n, 4n) });
  const flat = (x: string) => b.node("Reshape", [b.node("GlobalAveragePool", [b.conv(x, 2, 4)]), shape]);
  const sum = b.node("Add", [b.linear(flat("x"), 4, 2), b.linear(flat("x"), 4, 2)]);
  const { groups } = await pruneUnits(b.bytes(["batch", 2, 8, 8], sum), { fraction: 0.5, multiple: 1 });
  expect(groups.map(({ removed }) => removed)).toEqual([0, 0]);
  expect(groups[0].reason).toMatch(/^the file fixes the number of its units: Gemm "gemm\d+": /);
});
