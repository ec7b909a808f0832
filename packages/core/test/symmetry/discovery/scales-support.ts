import { randomCases } from "isoloss-test-support/random-cases";
import type { Subject, Values } from "isoloss-test-support/symmetry/discovery/support";
import { randomT } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import { type NdArray, sizeOf } from "../../../src/array.js";
import { type Graph, nodesOf } from "../../../src/graph/graph.js";
import { retype } from "../../../src/graph/retype.js";
import { isFloat, type Tensor } from "../../../src/graph/tensor.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import type { ScalingGenerator } from "../../../src/symmetry/discovery/descriptors.js";
import { scalesOf, type TensorScale } from "../../../src/symmetry/discovery/scales/scales.js";
import { scaling } from "../../../src/symmetry/scaling.js";
import { namedArrays } from "../../../src/tree.js";
import { randomNetwork } from "./random-network.js";

/** The factors of a tensor's elements; undefined where they are not known. */
function factorsOf(
  scale: TensorScale,
  shape: readonly number[],
  T: readonly NdArray[],
): (number | undefined)[] {
  return Array.from({ length: sizeOf(shape) }, (_, at) => {
    let log = 0;
    for (const { axes, forms } of scale) {
      const index = axes.reduce((i, axis) => {
        const stride = sizeOf(shape.slice(axis + 1));
        return i * shape[axis] + (Math.floor(at / stride) % shape[axis]);
      }, 0);
      const terms = forms[index];
      if (terms === undefined) return undefined;
      for (const { generator, unit, power } of terms) log += power * Number(T[generator].data[unit]);
    }
    return Math.exp(log);
  });
}

interface Inner {
  readonly nodes: readonly Tensor[];
  valuesAt(values: Values): readonly NdArray[];
}

/** All floats that a subject's graph computes. */
function innerOf({ graph, data }: Subject): Inner {
  const nodes = nodesOf(graph).filter(({ dtype, inputs }) => isFloat(dtype) && inputs.length > 0);
  const outputs = nodes.map((tensor, k) => ({ name: `n${k}`, tensor }));
  const run = compileJavaScript(retype({ inputs: graph.inputs, outputs }, "float64") as Graph);
  return {
    nodes,
    valuesAt(values) {
      const results = run.runSync({ ...values, ...namedArrays({ d: data }) });
      return nodes.map((_, k) => results[`n${k}`]);
    },
  };
}

/**
 * Scales a network at random and compares all inner values with what `scalesOf` says; returns how many nodes changed, and
 * how many have values of which nothing is said.
 */
export async function checked(
  s: Subject,
  scalings: readonly ScalingGenerator[],
  tolerance: number,
  seed: number,
) {
  const { nodes, valuesAt } = innerOf(s);
  const symmetry = scaling<Values>(scalings);
  const T = randomT(symmetry.algebra, 1, seed);
  const [before, after] = [valuesAt(s.values), valuesAt((await symmetry.act(s.values, T, {})) as Values)];
  let [changed, unknown] = [0, 0];
  scalesOf(s.graph, scalings, nodes).forEach((scale, k) => {
    const factors = factorsOf(scale, nodes[k].shape, T);
    const got = Array.from(after[k].data as Float64Array);
    const expected = factors.map((factor, i) =>
      factor === undefined ? got[i] : factor * Number(before[k].data[i]),
    );
    const size = Math.max(1, ...expected.map(Math.abs));
    const off = Math.max(...got.map((v, i) => Math.abs(v - expected[i])));
    expect(off / size, `node ${k} of network ${seed}: ${nodes[k]}`).toBeLessThan(tolerance);
    if (factors.includes(undefined)) unknown++;
    else if (factors.some((factor) => Math.abs((factor as number) - 1) > 1e-6)) changed++;
  });
  return { changed, unknown };
}

export const networkKinds = ["vectors", "images", "attention"] as const;

export function expectFactors(rows: readonly (typeof networkKinds)[number][]): void {
  it.each(rows)("gives the factors of all inner values of random networks of %s", async (kind) => {
    let [tried, changed, unknown] = [0, 0, 0];
    const networks = randomCases(100);
    for (let seed = 0; tried < networks; seed++) {
      const s = randomNetwork(seed, kind);
      const exact = s.found.scalings.filter((g) => g.exact);
      if (exact.length === 0) continue;
      tried++;
      const seen = await checked(s, exact, 1e-10, seed);
      changed += seen.changed;
      unknown += seen.unknown;
    }
    expect(changed).toBeGreaterThan(5 * networks);
    expect(unknown).toBeLessThan(0.1 * changed);
  });
}
