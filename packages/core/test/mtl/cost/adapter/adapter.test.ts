import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../../../src/array.js";
import { OptionError } from "../../../../src/errors.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { trace } from "../../../../src/graph/trace.js";
import { type Adapter, createAdapter, type Factors } from "../../../../src/mtl/cost/adapter/adapter.js";
import { compileJavaScript } from "../../../../src/runtime/javascript/executable.js";
import { namedArrays } from "../../../../src/tree.js";
import { netData, plane, smallNet } from "../support.js";

/** D of every site. */
function displacementOf(adapter: Adapter, factors: readonly Factors<NdArray>[]): NdArray[] {
  const f = (given: readonly Factors<Tensor>[]) => ({ D: adapter.displacement(given) });
  const { graph } = trace(({ factors }) => f(factors), { factors });
  const results = compileJavaScript(graph).runSync(namedArrays({ factors }));
  return adapter.sites.map((_, i) => results[`D.${i}`]);
}

const { shared } = smallNet(2);

describe("adapters", () => {
  it("move weights of two or more axes, convolutions as matrices", () => {
    const { sites } = createAdapter(shared, { kind: "low-rank" });
    expect(sites.map(({ path, rows, columns }) => [path, rows, columns])).toEqual([
      ["conv.weight", 3, 9],
      ["fc.weight", 8, 27],
    ]);
  });

  it("are low-rank only where that takes fewer numbers", () => {
    // Rank 5: 5 (3 + 9) > 27, 5 (8 + 27) < 216.
    expect(createAdapter(shared).sites.map(({ kind }) => kind)).toEqual(["dense", "low-rank"]);
    expect(createAdapter(shared, { rank: 2 }).sites.map(({ kind }) => kind)).toEqual([
      "low-rank",
      "low-rank",
    ]);
  });

  it("move vectors only when named, or when there is nothing else", () => {
    const named = createAdapter(shared, { layers: ["fc.bias"] });
    expect(named.sites).toMatchObject([{ path: "fc.bias", kind: "dense" }]);
    expect(createAdapter(plane(1, 2).shared).sites).toMatchObject([{ path: "x", kind: "dense" }]);
  });

  it("move the layers that patterns name", () => {
    const sitesOf = (...layers: string[]) => createAdapter(shared, { layers }).sites.map(({ path }) => path);
    expect(sitesOf("*.weight")).toEqual(["conv.weight", "fc.weight"]);
    expect(sitesOf("f*.weight")).toEqual(["fc.weight"]);
    expect(() => sitesOf("conv.*", "gru.*")).toThrow('fc.bias; got "gru.*"');
  });

  it("begin with D = 0, A within LoRA's bounds and the same for the same seed", () => {
    const adapter = createAdapter(shared, { rank: 2 });
    const factors = adapter.init(3);
    for (const D of displacementOf(adapter, factors)) expect([...D.data].every((v) => v === 0)).toBe(true);
    const [conv] = factors as readonly { A: NdArray; B: NdArray }[];
    expect(conv.A.shape).toEqual([2, 9]);
    expect(conv.B.shape).toEqual([3, 2]);
    const largest = Math.max(...Array.from(conv.A.data as Float64Array, Math.abs));
    expect(largest).toBeLessThanOrEqual(1 / 3);
    expect(largest).toBeGreaterThan(0.2);
    expect(adapter.init(3)).toEqual(factors);
    expect(adapter.init(4)).not.toEqual(factors);
  });

  it("displace a linear layer by (alpha / r) B A, and a convolution by that in its shape", () => {
    const weights = { linear: netData(1, 1).y, conv: netData(1, 1).x };
    const tree = {
      linear: { ...weights.linear, shape: [1, 1] },
      conv: { shape: [1, 1, 5, 5], data: weights.conv.data },
    };
    const adapter = createAdapter(tree, { kind: "low-rank", rank: 2, alpha: 6 });
    const row = Array.from({ length: 25 }, (_, j) => j);
    const factors = [
      { A: array([[2], [3]], "float64"), B: array([[5, 7]], "float64") },
      { A: array([row, row.map((j) => -j)], "float64"), B: array([[2, 1]], "float64") },
    ];
    const [linear, conv] = displacementOf(adapter, factors);
    expect([...linear.data]).toEqual([3 * (2 * 5 + 3 * 7)]);
    expect(conv.shape).toEqual([1, 1, 5, 5]);
    expect([...conv.data]).toEqual(row.map((j) => 3 * (2 * j - j)));
  });

  it("merge a share of D into new arrays and leave the old ones and all else alone", () => {
    const adapter = createAdapter(shared, { layers: ["fc.bias"] });
    const D = array(
      Array.from({ length: 8 }, () => 2),
      "float64",
    );
    const before = [...(shared.fc.bias?.data ?? [])];
    const merged = adapter.mergeArrays(shared, [D], 0.25);
    expect([...(merged.fc.bias?.data ?? [])]).toEqual(before.map((v) => Number(v) + 0.5));
    expect([...(shared.fc.bias?.data ?? [])]).toEqual(before);
    expect(merged.fc.weight).toBe(shared.fc.weight);
    expect(merged.conv).toEqual(shared.conv);
  });

  it("reject unknown layers and values out of range", () => {
    expect(() => createAdapter(shared, { layers: ["fc2.weight"] })).toThrow(
      'one or more of conv.weight, conv.bias, fc.weight, fc.bias; got "fc2.weight"',
    );
    expect(() => createAdapter(shared, { layers: [] })).toThrow(OptionError);
    expect(() => createAdapter(shared, { rank: 0 })).toThrow("rank must be an integer >= 1");
    expect(() => createAdapter(shared, { kind: "loha" as never })).toThrow(OptionError);
  });
});
