import { evaluate, expectClose, float64, numbers, readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray, ndarray, sizeOf } from "../../src/array.js";
import { decodeSafetensors, encodeSafetensors } from "../../src/data/safetensors.js";
import { DataError } from "../../src/errors.js";
import type { Tensor } from "../../src/graph/tensor.js";
import type { TensorsOf } from "../../src/graph/trace.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { multiResnet18 } from "../../src/nn/models/multi-resnet18.js";
import { resnet18 } from "../../src/nn/models/resnet18.js";
import { fromStateDict } from "../../src/nn/state-dict.js";
import { flatten, namedArrays, unflatten } from "../../src/tree.js";

/** A ResNet-18 of PyTorch under torchvision's names, written by bench/torch/golden_state_dict.py. */
const golden = readGolden<{
  width: number;
  classes: number;
  hidden: number;
  names: [string, number[]][];
  logits: number[][];
  training: { outputs: number[][][]; runningMean: number[]; hiddenVariance: number[] };
}>("resnet18-state-dict.json");

/** Element e of tensor p, as in that program. */
const filled = (name: string, shape: readonly number[], p: number): NdArray => ({
  shape,
  data: Float64Array.from({ length: sizeOf(shape) }, (_, e) =>
    name.endsWith("running_var") ? 1 + 0.1 * Math.sin(p + e) : 0.3 * Math.sin(0.7 * p + 1.3 * e + 0.1),
  ),
});

const tensors: Record<string, NdArray> = Object.fromEntries(
  golden.names.map(([name, shape], p) => [
    name,
    name.endsWith("num_batches_tracked") ? ndarray(BigInt64Array.of(3n), []) : filled(name, shape, p),
  ]),
);
const stored = decodeSafetensors(encodeSafetensors(tensors)).tensors;

const images = (task: number): NdArray => {
  const shape = [2, 3, 40, 40];
  const at = (i: number, d: number) => Math.floor(i / sizeOf(shape.slice(d + 1))) % (shape[d] as number);
  const wave = (i: number) => 0.9 * at(i, 0) + 1.7 * at(i, 1) + 0.13 * at(i, 2) + 0.29 * at(i, 3) + task;
  return float64(
    Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(wave(i))),
    shape,
  );
};

const { width, classes, hidden } = golden;
const model = resnet18({ stem: "imagenet", width, classes });
const start = model.init(torchGenerator(0), { dtype: "float64" });
const classify = (params: typeof start.params, state: typeof start.state) =>
  numbers(
    evaluate(
      (p: TensorsOf<typeof params>, s: TensorsOf<typeof state>, x: Tensor) =>
        model.apply(p, x, { state: s }).output,
      params,
      state,
      images(0),
    ) as NdArray,
  );

describe("fromStateDict", () => {
  it("fills a ResNet-18 from PyTorch's names, so that it says what PyTorch says", () => {
    const [params, state] = [fromStateDict(start.params, stored), fromStateDict(start.state, stored)];
    expectClose(float64(classify(params, state)), float64(golden.logits.flat()), 1e-11);
  });

  it("finds the names behind model. and module., or a prefix that is given", () => {
    for (const prefix of ["model.", "module.", "encoder."]) {
      const renamed = Object.fromEntries(Object.entries(stored).map(([name, t]) => [`${prefix}${name}`, t]));
      const options = prefix === "encoder." ? { prefix } : {};
      expect(fromStateDict(start.params, renamed, options)).toEqual(fromStateDict(start.params, stored));
    }
  });

  it("gives back what was written, bit for bit, in the precision of the tree", () => {
    const drawn = resnet18({ width: 2 }).init(torchGenerator(4));
    const file = encodeSafetensors({ ...namedArrays(drawn.params), ...namedArrays(drawn.state) });
    const other = resnet18({ width: 2 }).init(torchGenerator(5));
    const read = decodeSafetensors(file).tensors;
    expect(fromStateDict(other.params, read)).toEqual(drawn.params);
    expect(fromStateDict(other.state, read)).toEqual(drawn.state);
    const single = resnet18({ stem: "imagenet", width, classes }).init(torchGenerator(0));
    expect(fromStateDict(single.params, stored).conv1.weight.data).toBeInstanceOf(Float32Array);
  });

  it("names what is missing and what has another shape", () => {
    const { "conv1.weight": _, ...rest } = stored;
    expect(() => fromStateDict(start.params, rest)).toThrow(DataError);
    expect(() => fromStateDict(start.params, rest)).toThrow('"conv1.weight" is missing. Take the state_dict');
    const wide = resnet18({ stem: "imagenet", width, classes: 3 }).init(torchGenerator(0));
    expect(() => fromStateDict(wide.params, stored)).toThrow(
      '"fc.weight" is [10, 32] instead of [3, 32]; "fc.bias" is [10] instead of [3].',
    );
    expect(() => fromStateDict(start.params, {})).toThrow("and 57 more");
  });
});

describe("multiResnet18", () => {
  const network = multiResnet18({ heads: { first: 3, second: 2 }, width, hidden, dropout: 0 });
  const drawn = network.init(torchGenerator(0), { dtype: "float64" });
  /** The tensors of a PyTorch module filled from tensor `first` on: those of a norm and its statistics, too. */
  const from = <T>(tree: T, names: readonly string[], first: number): T => {
    const { leaves, paths, def } = flatten<NdArray>(tree, isNdArray);
    const made = paths.map((path, i) =>
      filled(path, (leaves[i] as NdArray).shape, first + names.indexOf(path)),
    );
    return unflatten(def, made) as T;
  };
  const affine = ["weight", "bias"];
  const params = {
    shared: {
      trunk: fromStateDict(drawn.params.shared.trunk, stored),
      hidden: {
        linear: from(drawn.params.shared.hidden.linear, affine, 200),
        norm: from(drawn.params.shared.hidden.norm, affine, 202),
      },
    },
    heads: {
      first: from(drawn.params.heads.first, affine, 300),
      second: from(drawn.params.heads.second, affine, 310),
    },
  };
  const state = {
    trunk: fromStateDict(drawn.state.trunk, stored),
    hidden: from(drawn.state.hidden, ["running_mean", "running_var"], 204),
  };

  it("says of each task's images what PyTorch says, and keeps its statistics task after task", () => {
    const result = evaluate(
      (p: TensorsOf<typeof params>, s: TensorsOf<typeof state>, first: Tensor, second: Tensor) =>
        network.apply(p, { first, second }, { state: s, training: true }),
      params,
      state,
      images(0),
      images(1),
    ) as unknown as { output: Record<string, NdArray>; state: typeof state };
    const { outputs, runningMean, hiddenVariance } = golden.training;
    for (const [t, task] of ["first", "second"].entries()) {
      expectClose(
        float64(numbers(result.output[task] as NdArray)),
        float64((outputs[t] as number[][]).flat()),
        1e-8,
      );
    }
    expectClose(float64(numbers(result.state.trunk.bn1.running_mean)), float64(runningMean), 1e-12);
    expectClose(float64(numbers(result.state.hidden.running_var)), float64(hiddenVariance), 1e-8);
  });
});
