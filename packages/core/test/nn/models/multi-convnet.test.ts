import { compiled, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { type NdArray, sizeOf } from "../../../src/array.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { multiConvnet } from "../../../src/nn/models/multi-convnet.js";
import { namedArrays } from "../../../src/tree.js";

const count = (tree: unknown): number =>
  Object.values(namedArrays(tree)).reduce((total, { shape }) => total + sizeOf(shape), 0);

describe("multiConvnet", () => {
  it("has as many parameters as published for 40 attributes", () => {
    const heads = Object.fromEntries(Array.from({ length: 40 }, (_, k) => [`attribute${k}`, 1]));
    const { params } = multiConvnet({ heads }).init(torchGenerator(0));
    expect(count(params.shared)).toBe(5_176_640);
    expect(count(params.heads)).toBe(20_520);
  });

  const network = multiConvnet({ heads: { a: 1, b: 3 }, inputs: 2, stages: [[3], [4, 5]], hidden: [6] });
  const first = network.init(torchGenerator(1), { dtype: "float64" });
  const x = torchRandn(torchGenerator(2), [48, 2, 6, 7], { dtype: "float64" });
  type Given = typeof first;
  const model = (isTraining: boolean) =>
    compiled(
      (p: TensorsOf<Given["params"]>, s: TensorsOf<Given["state"]>, images: Tensor) =>
        network.apply(p, images, { state: s, training: isTraining }),
      [first.params, first.state, x],
    );
  const [trains, evaluates] = [model(true), model(false)];
  type Result = { output: Record<string, NdArray>; state: Given["state"] };
  const run = (isTraining: boolean, state: Given["state"]): Result =>
    (isTraining ? trains : evaluates)(first.params, state, x) as unknown as Result;

  it("has an output for each task, and pools between stages alone", () => {
    const { output } = run(false, first.state);
    expect(output.a?.shape).toEqual([48, 1]);
    expect(output.b?.shape).toEqual([48, 3]);
  });

  it("carries statistics that make evaluation what training has seen", () => {
    let { state } = first;
    const trained = run(true, state);
    // Running means after many steps on one batch are that batch's, up to the unbiased variance.
    for (let step = 0; step < 100; step++) state = run(true, state).state;
    const [before, after] = [namedArrays(first.state), namedArrays(state)];
    expect(Object.keys(after)).toEqual(Object.keys(before));
    const evaluated = run(false, state);
    const [a, b] = [numbers(trained.output.b as NdArray), numbers(evaluated.output.b as NdArray)];
    a.forEach((value, k) => {
      expect(Math.abs(value - (b[k] as number))).toBeLessThan(0.05);
    });
  });
});
