// Rotary positions as exporters write them: turns and scales of each frequency in ONNX Runtime.
import { astype, type NdArray } from "isoloss";
import { createRng } from "isoloss/data";
import { int, type OnnxNode } from "isoloss/internal";
import { type Discovery, isRefusal, orthogonal } from "isoloss/symmetry";
import { withParams } from "isoloss-onnx";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { opened } from "isoloss-test-support/model-file/builder";
import {
  architectures,
  type TransformerOptions,
  transformer,
  transformerInputs,
} from "isoloss-test-support/model-file/transformer";
import { type Arrays, fileOf, int64, node, runOrt } from "isoloss-test-support/nn/onnx/support";
import { randomT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { shiftedAlong } from "../../src/half/descend.js";
import { tracedFile } from "../../src/model-file/traced-file.js";

const random = (seed: number, ...shape: number[]): NdArray => astype(uniform(seed, shape), "float32");
const own = (...given: Parameters<typeof node>): OnnxNode => ({ ...node(...given), domain: "com.microsoft" });

/** Attention of four heads of 16 units, queries of two share one of keys, between products. */
function attention(nodes: readonly OnnxNode[], opset = 18): Uint8Array {
  const integers = Object.fromEntries(["ends", "total"].map((name) => [name, "int32" as const]));
  return fileOf({
    inputs: { x: random(1, 2, 3, 12) },
    initializers: {
      wq: random(2, 12, 64),
      wk: random(3, 12, 32),
      wv: random(4, 12, 32),
      head: random(5, 64, 5),
      cos: random(6, 9, 8),
      sin: random(7, 9, 8),
      c: random(8, 9, 5),
      s: random(9, 9, 5),
      places: int64([0, 1, 2, 3, 4, 5], [2, 3]),
      ends: int64([2, 2]),
      total: int64([3], []),
    },
    kinds: integers,
    nodes: [
      ...["q", "k", "v"].map((w) => node("MatMul", ["x", `w${w}`], {}, [w])),
      ...nodes,
      node("MatMul", ["a", "head"]),
    ],
    opset,
  });
}

const heads = { num_heads: int(4), kv_num_heads: int(2) };

interface Case {
  readonly file: Uint8Array;
  readonly inputs: Arrays;
  readonly layers: number;
  /** Planes of a layer: heads of keys times frequencies. */
  readonly planes: number;
}

const ofTransformer = (options: TransformerOptions, planes: number): Case => ({
  file: transformer(options),
  inputs: transformerInputs(options),
  layers: 2,
  planes,
});

const partly = { rotary_embedding_dim: int(10) };
const x = { x: random(8, 2, 3, 12) };
const cases: Readonly<Record<string, Case>> = {
  Llama: ofTransformer(architectures.Llama, 16),
  Mistral: ofTransformer(architectures.Mistral, 4),
  "Phi, of whose heads a part is turned": ofTransformer(architectures.Phi, 8),
  "RotaryEmbedding of a part of each head": {
    file: attention(
      [
        node("RotaryEmbedding", ["q", "c", "s", "places"], { num_heads: int(4), ...partly }, ["q1"]),
        node("RotaryEmbedding", ["k", "c", "s", "places"], { num_heads: int(2), ...partly }, ["k1"]),
        node("Attention", ["q1", "k1", "v"], { q_num_heads: int(4), kv_num_heads: int(2) }, ["a"]),
      ],
      23,
    ),
    inputs: x,
    layers: 1,
    planes: 10,
  },
  "queries, keys and values of one product": ofTransformer(
    { positions: "rotary", fusedQkv: true, keyHeads: 2 },
    8,
  ),
  "RotaryEmbedding and Attention of operator set 23": {
    file: attention(
      [
        node("RotaryEmbedding", ["q", "cos", "sin", "places"], { num_heads: int(4) }, ["q1"]),
        node("RotaryEmbedding", ["k", "cos", "sin", "places"], { num_heads: int(2) }, ["k1"]),
        node("Attention", ["q1", "k1", "v"], { q_num_heads: int(4), kv_num_heads: int(2) }, ["a"]),
      ],
      23,
    ),
    inputs: x,
    layers: 1,
    planes: 16,
  },
  "GroupQueryAttention with neighbors as pairs": {
    file: attention([
      own(
        "GroupQueryAttention",
        ["q", "k", "v", "", "", "ends", "total", "cos", "sin"],
        { ...heads, do_rotary: int(1), rotary_interleaved: int(1) },
        ["a", "", ""],
      ),
    ]),
    inputs: x,
    layers: 1,
    planes: 16,
  },
};

const planesIn = ({ orthogonal }: Discovery) => orthogonal.filter(({ keeps }) => keeps === "orientation");

/** Scalings of queries and keys alone. */
const scalesIn = ({ scalings }: Discovery) =>
  scalings.filter(
    ({ size, axes }) =>
      size > 1 && axes.every(({ path }) => /^w[qk]$|\.(q|k|qkv)\.(weight|bias)$/.test(path)),
  );

describe.each(Object.entries(cases))("In %s", (_, { file, inputs, layers, planes }) => {
  const { model, found } = tracedFile("test", opened(file), { sizes: {} });

  it("each frequency of each head of keys has a turn and a scale", () => {
    expect(planesIn(found).map(({ copies }) => copies)).toEqual(Array(layers).fill(planes));
    // What is not turned of heads has scales of its own.
    const scales = scalesIn(found).filter(({ size }) => size === planes);
    expect(scales.map(({ size }) => size)).toEqual(Array(layers).fill(planes));
  });

  it("powers of two keep every bit of the outputs in ONNX Runtime", async () => {
    const rng = createRng(1);
    const params: Record<string, NdArray> = {};
    for (const { size, axes } of scalesIn(found)) {
      const shifts = Int32Array.from({ length: size }, () => rng.int(13) - 6);
      for (const leg of axes) {
        params[leg.path] = shiftedAlong(params[leg.path] ?? model.params[leg.path], leg, shifts);
      }
    }
    expect(Object.keys(params).length).toBeGreaterThanOrEqual(2 * layers);
    expect(await runOrt(withParams(file, params), inputs)).toEqual(await runOrt(file, inputs));
  });

  it("turns keep the outputs to rounding", async () => {
    const symmetry = orthogonal<typeof model.params>(planesIn(found));
    const params = await symmetry.act(model.params, randomT(symmetry.algebra, 1, 1), {});
    if (isRefusal(params)) throw new Error(params.refused);
    const [before, after] = [await runOrt(file, inputs), await runOrt(withParams(file, params), inputs)];
    expect(after).not.toEqual(before);
    for (const [name, value] of Object.entries(after)) {
      expect(relativeError(value, before[name])).toBeLessThan(1e-5);
    }
  });
});
