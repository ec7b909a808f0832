// Operators that look up, write, order and select elements, and losses of labels.
import { astype, type NdArray } from "isoloss";
import { int, string } from "isoloss/internal";
import { bools, distinct, integers, tied, uniform } from "isoloss-test-support/graph/ops/op-case";
import { float32, int64, node } from "isoloss-test-support/nn/onnx/support";
import { type Attributes, type Case, given, withFile } from "./operator-case.js";

const single = (x: NdArray) => astype(x, "float32");
const x = single(uniform(1, [2, 3, 4]));
const apart = single(distinct(2, [2, 3, 4])[0]);
const ties = single(tied(3, [2, 3, 4]));
const whole = integers(4, [3, 4], 6);

/** An operator with several results. */
const several = (c: Case, outputs: readonly string[]): Case => ({
  ...c,
  node: { ...c.node, outputs },
});

const scores = single(uniform(5, [4, 3, 2]));
const labels = int64([0, 2, 1, 2, 0, 1, 1, 2], [4, 2]);
const weights = float32([0.5, 1.5, 2]);

const losses = (opType: string): Case[] => [
  given(opType, [scores, labels]),
  given(opType, [scores, labels], { reduction: string("sum") }),
  withFile(opType, scores, [labels, weights], { reduction: string("none") }),
  withFile(opType, scores, [labels, weights], { ignore_index: int(1) }),
  given(opType, [scores, labels], { ignore_index: int(2), reduction: string("sum") }),
];

const columns = int64([2, 0, -1, 1, 0, 2, 1, -3], [2, 1, 4]);
const updates = single(uniform(6, [2, 1, 4]));
const pairs = int64([0, 2, 1, -1, 0, 2], [3, 2]);
const rows = single(uniform(7, [3, 4]));

/** Every reduction; with `none` indices must be distinct. */
const scattered = (distinctOnes: Case, make: (attributes: Attributes) => Case): Case[] => [
  distinctOnes,
  ...["add", "mul", "max", "min"].map((reduction) => make({ reduction: string(reduction) })),
];

const boxes = float32(
  [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, -0.1, 1, 0.9, 0, 10, 1, 11, 1, 11.1, 0, 10.1, 0, 100, 1, 101],
  [1, 6, 4],
);
const boxScores = float32([0.9, 0.75, 0.6, 0.95, 0.5, 0.3, 0.2, 0.8, 0.1, 0.3, 0.4, 0.5], [1, 2, 6]);

export const indexCases: Readonly<Record<string, readonly Case[]>> = {
  Compress: [
    withFile("Compress", x, [bools(1, [3])], { axis: int(1) }),
    withFile("Compress", x, [{ shape: [5], data: Uint8Array.of(0, 1, 0, 1, 1) }]),
  ],
  Einsum: [
    given("Einsum", [x, rows], { equation: string("bij,ij->bi") }),
    given("Einsum", [x, rows], { equation: string("...ij,kj") }),
    given("Einsum", [single(uniform(8, [3, 2, 3]))], { equation: string("iji->j") }),
  ],
  GatherElements: [
    given("GatherElements", [x, columns], { axis: int(1) }),
    withFile("GatherElements", x, [int64([1, -2, 0, 0], [1, 1, 4])]),
  ],
  GatherND: [
    given("GatherND", [x, pairs]),
    given("GatherND", [x, int64([0, 2, -1, 1], [2, 2, 1])], { batch_dims: int(1) }),
    given("GatherND", [x, int64([1, -1, 3, 0, 0, 0], [2, 3])]),
  ],
  NegativeLogLikelihoodLoss: losses("NegativeLogLikelihoodLoss"),
  ReduceProd: [
    withFile("ReduceProd", x, [int64([0, -1])], { keepdims: int(0) }),
    withFile("ReduceProd", x, []),
    given("ReduceProd", [whole], { axes: { kind: "ints", value: [1] } }, 12),
  ],
  ReverseSequence: [
    given("ReverseSequence", [x, int64([2, 1, 2])]),
    given("ReverseSequence", [x, int64([3, 1])], { time_axis: int(1), batch_axis: int(0) }),
  ],
  Scatter: [withFile("Scatter", x, [columns, updates], { axis: int(1) }, 10)],
  ScatterElements: [
    ...scattered(given("ScatterElements", [x, columns, updates], { axis: int(1) }), (attributes) =>
      given("ScatterElements", [x, columns, updates], { axis: int(1), ...attributes }),
    ),
    // The standard leaves repeated indices open; ONNX Runtime takes the last update.
    given("ScatterElements", [x, int64([1, 1, 0, 1], [1, 1, 4]), single(uniform(11, [1, 1, 4]))], {
      axis: int(2),
    }),
    given("ScatterElements", [whole, int64([1, 1, 0], [1, 3]), int64([7, 8, 9], [1, 3])], {
      reduction: string("max"),
    }),
  ],
  ScatterND: scattered(
    given("ScatterND", [x, int64([1, 1, 0, -1], [2, 2]), single(uniform(10, [2, 4]))]),
    (attributes) => given("ScatterND", [x, pairs, rows], attributes),
  ),
  SoftmaxCrossEntropyLoss: [
    ...losses("SoftmaxCrossEntropyLoss"),
    several(given("SoftmaxCrossEntropyLoss", [scores, labels]), ["y", "z"]),
  ],
  TopK: [
    several(withFile("TopK", apart, [int64([2])]), ["y", "z"]),
    several(withFile("TopK", apart, [int64([3])], { axis: int(1), largest: int(0) }), ["y", "z"]),
    several(given("TopK", [apart], { k: int(2), axis: int(0) }, 9), ["y", "z"]),
    several(withFile("TopK", whole, [int64([3])]), ["y", "z"]),
  ],
  Trilu: [
    given("Trilu", [x]),
    withFile("Trilu", whole, [int64([-1], [])], { upper: int(0) }),
    withFile("Trilu", bools(2, [3, 3]), [int64([1], [])]),
  ],
};

/** Operators with results that have no derivative in what is given at run time. */
export const searchCases: Readonly<Record<string, readonly Case[]>> = {
  ArgMax: [
    given("ArgMax", [x], { axis: int(1) }),
    given("ArgMax", [ties], { axis: int(-1), keepdims: int(0) }),
    given("ArgMax", [ties], { axis: int(-1), select_last_index: int(1) }),
  ],
  ArgMin: [
    given("ArgMin", [x], { axis: int(1), keepdims: int(0) }),
    given("ArgMin", [ties]),
    given("ArgMin", [ties], { axis: int(2), select_last_index: int(1) }),
  ],
  Hardmax: [
    given("Hardmax", [ties], { axis: int(1) }),
    given("Hardmax", [ties]),
    given("Hardmax", [ties], { axis: int(1) }, 12),
  ],
  NonMaxSuppression: [
    {
      initializers: {
        boxes,
        scores: boxScores,
        most: int64([3]),
        overlap: float32([0.5]),
        lowest: float32([0.25]),
      },
      node: node("NonMaxSuppression", ["boxes", "scores", "most", "overlap", "lowest"]),
    },
    {
      initializers: { boxes, scores: boxScores, most: int64([4]), overlap: float32([0.25]) },
      node: node("NonMaxSuppression", ["boxes", "scores", "most", "overlap"], { center_point_box: int(1) }),
    },
  ],
  NonZero: [{ initializers: { t: ties }, node: node("NonZero", ["t"]) }],
  OneHot: [
    withFile("OneHot", int64([0, 3, -1, 7], [2, 2]), [int64([4]), float32([0.5, 2])]),
    withFile("OneHot", single(integers(9, [2, 3], 3)), [int64([3]), int64([0, 5])], { axis: int(1) }),
  ],
  Unique: [
    several({ initializers: { t: ties }, node: node("Unique", ["t"]) }, ["y", "i", "j", "n"]),
    several(
      { initializers: { t: float32([2, 1, 1, 3, 4, 3]) }, node: node("Unique", ["t"], { sorted: int(0) }) },
      ["y", "i", "j", "n"],
    ),
    several(
      {
        initializers: { t: float32([1, 0, 0, 1, 0, 0, 2, 3, 4], [3, 3]) },
        node: node("Unique", ["t"], { axis: int(0) }),
      },
      ["y", "i", "j", "n"],
    ),
  ],
};
