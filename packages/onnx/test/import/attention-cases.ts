// Attention, rotary embeddings and Fourier transforms.
import { astype, type NdArray } from "isoloss";
import { float, int } from "isoloss/internal";
import { bools, uniform } from "isoloss-test-support/graph/ops/op-case";
import { int64, node } from "isoloss-test-support/nn/onnx/support";
import { type Attributes, type Case, given, withFile } from "./operator-case.js";

const random = (seed: number, ...shape: number[]): NdArray => astype(uniform(seed, shape), "float32");

const [q, k, v] = [random(1, 2, 4, 3, 5), random(2, 2, 2, 6, 5), random(3, 2, 2, 6, 4)];
const [flatQ, flatK, flatV] = [random(4, 2, 3, 8), random(5, 2, 6, 4), random(6, 2, 6, 6)];
const past = [random(7, 2, 2, 3, 5), random(8, 2, 2, 3, 4)];

/** An attention with further operands, null for one that is left out, and with some of its results. */
function attention(
  operands: readonly (NdArray | null)[],
  attributes: Attributes = {},
  outputs: readonly string[] = ["y"],
  opset = 23,
): Case {
  const name = (i: number) => (operands[i] ? String.fromCharCode(97 + i) : "");
  return {
    inputs: Object.fromEntries(operands.flatMap((array, i) => (array ? [[name(i), array]] : []))),
    node: node(
      "Attention",
      operands.map((_, i) => name(i)),
      attributes,
      outputs,
    ),
    opset,
  };
}

const stage = (mode: number): Case =>
  attention([q, k, v, random(9, 3, 6)], { qk_matmul_output_mode: int(mode), softcap: float(0.5) }, [
    "y",
    "",
    "",
    "z",
  ]);

const [cos, sin] = [random(10, 7, 2), random(11, 7, 2)];
const positions = int64([0, 4, 6, 1, 1, 2], [2, 3]);
const rotated = (x: NdArray, attributes: Attributes): Case => ({
  ...withFile("RotaryEmbedding", x, [cos, sin, positions], attributes),
  opset: 23,
});

const signal = random(12, 2, 9, 1);
const complex = random(13, 2, 6, 2);

export const attentionCases: Readonly<Record<string, readonly Case[]>> = {
  Attention: [
    attention([q, k, v]),
    attention([q, k, v], { is_causal: int(1), scale: float(0.25) }),
    attention([flatQ, flatK, flatV], { q_num_heads: int(4), kv_num_heads: int(2), softcap: float(0.5) }),
    attention([q, k, v, random(9, 2, 1, 3, 6)]),
    attention([q, k, v, bools(1, [3, 6])]),
    attention([q, k, v, null, ...past], { is_causal: int(1) }, ["y", "k", "v"]),
    attention([q, k, v, random(9, 3, 9), ...past], {}, ["y", "k", "v"]),
    stage(0),
    stage(1),
    stage(2),
    stage(3),
    attention([q, k, v, null, null, null, int64([4, 6])], {}, ["y"], 24),
    attention([q, k, v, null, null, null, int64([4, 6])], { is_causal: int(1) }, ["y"], 24),
  ],
  DFT: [
    given("DFT", [signal], {}, 19),
    given("DFT", [signal], { onesided: int(1) }, 19),
    given("DFT", [complex], { inverse: int(1) }, 19),
    withFile("DFT", random(14, 2, 3, 5, 2), [int64([4], []), int64([1], [])], {}, 20),
    withFile("DFT", signal, [int64([16], [])], {}, 20),
  ],
  RotaryEmbedding: [
    rotated(random(15, 2, 5, 3, 4), {}),
    rotated(random(15, 2, 5, 3, 4), { interleaved: int(1) }),
    rotated(random(16, 2, 3, 8), { num_heads: int(2) }),
    rotated(random(17, 2, 5, 3, 6), { rotary_embedding_dim: int(4) }),
    given("RotaryEmbedding", [random(18, 2, 5, 3, 4), random(19, 2, 3, 2), random(20, 2, 3, 2)], {}, 23),
  ],
  STFT: [
    withFile("STFT", signal, [int64([2], []), null, int64([4], [])]),
    withFile("STFT", signal, [int64([3], []), random(21, 5)], { onesided: int(0) }),
  ],
};
