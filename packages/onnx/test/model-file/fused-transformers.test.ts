// Transformers as ONNX Runtime's optimizer writes them: with the sum of the stream inside of the norms.
import { astype, type NdArray } from "isoloss";
import { int, type OnnxNode } from "isoloss/internal";
import { balanced } from "isoloss/moves";
import { decodeModel } from "isoloss/onnx";
import { fromOnnx, toHalf, withParams } from "isoloss-onnx";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { opened } from "isoloss-test-support/model-file/builder";
import { type Arrays, fileOf, int64, type Kinds, node, runOrt } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { shiftedAlong } from "../../src/half/descend.js";
import { tracedFile } from "../../src/model-file/traced-file.js";

const ids = int64([3, 1, 4, 1, 5, 9, 2, 6], [2, 4]);
const random = (seed: number, ...shape: number[]): NdArray => astype(uniform(seed, shape), "float32");
const bytes = (seed: number, ...shape: number[]) =>
  astype(astype(uniform(seed, shape, 0, 256), "float32"), "int64");
const scales = (seed: number, ...shape: number[]) => astype(uniform(seed, shape, 0.05, 0.1), "float32");

interface Kind {
  readonly skip: string;
  /** Before the first block. */
  readonly first: readonly OnnxNode[];
  readonly tables: Arrays;
  /** The product at the end of the MLP. */
  readonly down: OnnxNode;
  readonly kinds: Kinds;
}

const own = (...given: Parameters<typeof node>): OnnxNode => ({ ...node(...given), domain: "com.microsoft" });

const kinds: Readonly<Record<string, Kind>> = {
  "LayerNorm, embeddings that are summed and fused products": {
    skip: "SkipLayerNormalization",
    first: [
      own("EmbedLayerNormalization", ["ids32", "", "tokens", "places", "", "g0", "b0"], {}, ["n0", "", "s0"]),
    ],
    tables: {
      tokens: random(1, 10, 32),
      places: random(2, 4, 32),
      b0: random(3, 32),
      down: random(4, 64, 32),
    },
    down: own("FusedMatMul", ["h", "down"], {}, ["d"]),
    kinds: {},
  },
  "RMSNorm and weights of four bits": {
    skip: "SkipSimplifiedLayerNormalization",
    first: [
      own("GatherBlockQuantized", ["tokens", "ids", "tokenScales"], { block_size: int(16) }, ["s0"]),
      node("SimplifiedLayerNormalization", ["s0", "g0"], {}, ["n0"]),
    ],
    tables: {
      tokens: bytes(1, 10, 16),
      tokenScales: scales(2, 10, 2),
      down: bytes(4, 32, 2, 16),
      downScales: scales(5, 32, 2),
    },
    down: own(
      "MatMulNBits",
      ["h", "down", "downScales"],
      { N: int(32), K: int(64), bits: int(4), block_size: int(32) },
      ["d"],
    ),
    kinds: { tokens: "uint8", down: "uint8" },
  },
};

function fileWith({ skip, first, tables, down, kinds }: Kind): Uint8Array {
  const product = (x: string, w: string, y: string) => node("MatMul", [x, w], {}, [y]);
  return fileOf({
    inputs: { ids },
    initializers: {
      ...tables,
      g0: random(6, 32),
      g1: random(7, 32),
      g2: random(8, 32),
      q: random(9, 32, 32),
      k: random(10, 32, 32),
      v: random(11, 32, 32),
      o: random(12, 32, 32),
      up: random(13, 32, 64),
      head: random(14, 32, 10),
    },
    kinds,
    nodes: [
      node("Cast", ["ids"], { to: int(6) }, ["ids32"]),
      ...first,
      ...["q", "k", "v"].map((w) => product("n0", w, `${w}0`)),
      own("MultiHeadAttention", ["q0", "k0", "v0"], { num_heads: int(4), unidirectional: int(1) }, ["a"]),
      product("a", "o", "o0"),
      own(skip, ["s0", "o0", "g1"], {}, ["n1", "", "", "s1"]),
      product("n1", "up", "u"),
      own("QuickGelu", ["u"], {}, ["h"]),
      down,
      own(skip, ["s1", "d", "g2"], {}, ["n2"]),
      product("n2", "head", "y"),
    ],
  });
}

describe.each(Object.entries(kinds))("of a transformer with %s", (_, kind) => {
  const file = fileWith(kind);
  const { model, found } = tracedFile("test", opened(file), { sizes: {}, epsilons: true });
  const { nodes } = decodeModel(file).graph;

  it("the stream is an exact scaling, by which the outputs keep every bit", async () => {
    const [stream] = found.scalings.filter(({ exact, stream }) => exact && stream?.epsilons.length === 3);
    const params: Record<string, NdArray> = {};
    for (const leg of stream.axes) {
      params[leg.path] = shiftedAlong(params[leg.path] ?? model.params[leg.path], leg, Int32Array.of(-5));
    }
    const moved = withParams(file, params);
    expect(await runOrt(moved, { ids })).toEqual(await runOrt(file, { ids }));
    expect(decodeModel(moved).graph.nodes.map(({ opType }) => opType)).toEqual(
      nodes.map(({ opType }) => opType),
    );
  });

  it("values and outputs, queries and keys of the attention are scaled, too", () => {
    const pairs = found.scalings.map(({ axes }) => axes.map(({ path }) => path).join());
    expect(pairs).toContain("q,k");
    expect(pairs).toContain("v,o");
  });

  it("balancing and float16 leave the nodes as they are", async () => {
    const plain = fromOnnx(file);
    const kept = tracedFile("test", opened(file), { sizes: {} }).found;
    const after = withParams(file, await balanced(plain.params, kept, { by: "norm" }));
    expect(decodeModel(after).graph.nodes).toEqual(nodes);
    const [before, balancedResult] = [await runOrt(file, { ids }), await runOrt(after, { ids })];
    expect(relativeError(balancedResult.y, before.y)).toBeLessThan(1e-4);
    const half = await toHalf(file, { tolerance: -Infinity });
    const isOwn = ({ domain }: OnnxNode) => domain === "com.microsoft";
    const typesOf = (list: readonly OnnxNode[]) => list.filter(isOwn).map(({ opType }) => opType);
    expect(typesOf(decodeModel(half.bytes).graph.nodes)).toEqual(typesOf(nodes));
    expect(relativeError((await runOrt(half.bytes, { ids })).y, before.y)).toBeLessThan(0.05);
  });
});
