import { astype, type NdArray } from "isoloss";
import { float, int, type OnnxNode, string } from "isoloss/internal";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { node } from "isoloss-test-support/nn/onnx/support";
import { floats, strings } from "../../../core/src/runtime/onnx/schema.js";
import type { Attributes, Case } from "./operator-case.js";

const [length, batch, inputs, size] = [4, 2, 3, 5];

interface Options {
  readonly attributes?: Attributes;
  readonly directions?: number;
  /** Which of B, sequence_lens, initial_h, initial_c and P (operands 3 to 7) are given. */
  readonly operands?: readonly number[];
  readonly lengths?: readonly number[];
  readonly outputs?: readonly string[];
}

/** A recurrent operator on random sequences. */
function recurrent(
  opType: string,
  gates: number,
  { attributes = {}, directions = 1, operands = [], lengths = [4, 2], outputs = ["y", "h"] }: Options = {},
): Case {
  const drawn = (seed: number, ...shape: number[]): NdArray =>
    astype(uniform(seed, shape, -0.8, 0.8), "float32");
  const all: readonly NdArray[] = [
    drawn(1, length, batch, inputs),
    drawn(2, directions, gates * size, inputs),
    drawn(3, directions, gates * size, size),
    drawn(4, directions, 2 * gates * size),
    { shape: [batch], data: BigInt64Array.from(lengths, BigInt) },
    drawn(5, directions, batch, size),
    drawn(6, directions, batch, size),
    drawn(7, directions, 3 * size),
  ];
  const isGiven = (k: number) => k < 3 || operands.includes(k);
  const names = all.map((_, k) => (isGiven(k) ? `v${k}` : ""));
  const named = all.flatMap((x, k) => (isGiven(k) && k !== 4 ? [[`v${k}`, x] as const] : []));
  const operator: OnnxNode = node(
    opType,
    names.slice(0, Math.max(2, ...operands) + 1),
    { hidden_size: int(size), ...attributes },
    outputs,
  );
  return { inputs: Object.fromEntries(named), node: operator };
}

const bidirectional = { direction: string("bidirectional") };
const reverse = { direction: string("reverse") };

export const recurrentCases: Readonly<Record<string, readonly Case[]>> = {
  GRU: [
    recurrent("GRU", 3),
    recurrent("GRU", 3, { operands: [3, 5], attributes: { linear_before_reset: int(1) } }),
    recurrent("GRU", 3, { operands: [3, 5], attributes: bidirectional, directions: 2 }),
  ],
  LSTM: [
    recurrent("LSTM", 4, { outputs: ["y", "h", "c"] }),
    recurrent("LSTM", 4, {
      operands: [3, 5, 6, 7],
      attributes: bidirectional,
      directions: 2,
      outputs: ["y", "h", "c"],
    }),
    recurrent("LSTM", 4, { operands: [3, 6], attributes: { clip: float(0.4) }, outputs: ["y", "", "c"] }),
    recurrent("LSTM", 4, { operands: [3], attributes: { input_forget: int(1) }, outputs: ["y"] }),
  ],
  RNN: [
    recurrent("RNN", 1, { operands: [3, 5], attributes: reverse }),
    recurrent("RNN", 1, {
      operands: [3],
      directions: 2,
      attributes: {
        ...bidirectional,
        activations: strings(["LeakyRelu", "Affine"]),
        activation_alpha: floats([0.2, 0.7]),
        activation_beta: floats([0.1]),
      },
    }),
  ],
};
