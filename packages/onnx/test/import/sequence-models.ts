// Models that make sequences of tensors on the way.
import { astype, type NdArray } from "isoloss";
import { int } from "isoloss/internal";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { type FileOptions, int64, node } from "isoloss-test-support/nn/onnx/support";

const random = (seed: number, ...shape: number[]): NdArray => astype(uniform(seed, shape), "float32");

const at = (k: number): NdArray => int64([k], []);
const three = { a: random(1, 2, 3), b: random(2, 2, 3), c: random(3, 2, 3) };
const list = node("SequenceConstruct", ["a", "b", "c"], {}, ["list"]);
const long = { x: random(4, 2, 7) };
const joined = (name: string, axis = 0) => node("ConcatFromSequence", [name], { axis: int(axis) });

/** By the operator that a model is about; the last node gives y. */
export const sequenceModels: Readonly<Record<string, readonly FileOptions[]>> = {
  ConcatFromSequence: [
    { inputs: three, nodes: [list, joined("list", -1)] },
    {
      inputs: three,
      nodes: [list, node("ConcatFromSequence", ["list"], { axis: int(-1), new_axis: int(1) })],
    },
  ],
  Optional: [
    {
      inputs: three,
      nodes: [node("Optional", ["a"], {}, ["o"]), node("OptionalGetElement", ["o"])],
    },
  ],
  OptionalGetElement: [
    {
      inputs: three,
      nodes: [
        list,
        node("Optional", ["list"], {}, ["o"]),
        node("OptionalGetElement", ["o"], {}, ["l"]),
        joined("l"),
      ],
    },
  ],
  OptionalHasElement: [
    { inputs: three, nodes: [node("OptionalHasElement", ["a"])] },
    { inputs: three, nodes: [node("OptionalHasElement", [])] },
  ],
  SequenceAt: [
    { inputs: three, initializers: { k: at(1) }, nodes: [list, node("SequenceAt", ["list", "k"])] },
    { inputs: three, initializers: { k: at(-3) }, nodes: [list, node("SequenceAt", ["list", "k"])] },
  ],
  SequenceConstruct: [{ inputs: three, nodes: [list, joined("list")] }],
  SequenceEmpty: [
    {
      inputs: three,
      nodes: [
        node("SequenceEmpty", [], {}, ["none"]),
        node("SequenceInsert", ["none", "a"], {}, ["one"]),
        joined("one"),
      ],
    },
  ],
  SequenceErase: [
    { inputs: three, nodes: [list, node("SequenceErase", ["list"], {}, ["rest"]), joined("rest")] },
    {
      inputs: three,
      initializers: { k: at(-2) },
      nodes: [list, node("SequenceErase", ["list", "k"], {}, ["rest"]), joined("rest")],
    },
  ],
  SequenceInsert: [
    { inputs: three, nodes: [list, node("SequenceInsert", ["list", "a"], {}, ["more"]), joined("more")] },
    {
      inputs: three,
      initializers: { k: at(-1) },
      nodes: [list, node("SequenceInsert", ["list", "a", "k"], {}, ["more"]), joined("more")],
    },
  ],
  SequenceLength: [{ inputs: three, nodes: [list, node("SequenceLength", ["list"])] }],
  SplitToSequence: [
    {
      inputs: long,
      initializers: { n: at(3), k: at(2) },
      nodes: [
        node("SplitToSequence", ["x", "n"], { axis: int(1) }, ["list"]),
        node("SequenceAt", ["list", "k"]),
      ],
    },
    {
      inputs: long,
      initializers: { n: int64([2, 4, 1]), k: at(1) },
      nodes: [
        node("SplitToSequence", ["x", "n"], { axis: int(-1) }, ["list"]),
        node("SequenceAt", ["list", "k"]),
      ],
    },
    {
      inputs: long,
      initializers: { k: at(1) },
      nodes: [
        node("SplitToSequence", ["x"], { keepdims: int(0) }, ["list"]),
        node("SequenceAt", ["list", "k"]),
      ],
    },
  ],
};
