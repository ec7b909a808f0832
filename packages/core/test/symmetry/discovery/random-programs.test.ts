import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { createRng } from "../../../src/math/rng.js";
import { allSteps, interpret, programs } from "../../graph/random-graph.js";
import { changes, normals, subject } from "./support.js";

const shapes = [[2, 3], [3, 2], [3], [2], [3, 3], [4], [2, 2, 2]] as const;

/** What is found in random programs of all operations, with what it does to their result. */
function tryPrograms(seed: number, count: number) {
  const cases = fc.sample(fc.record({ program: programs(14), draw: fc.nat({ max: 1e6 }) }), {
    numRuns: count,
    seed,
  });
  return cases.flatMap(({ program, draw }) => {
    const rng = createRng(draw);
    const values = shapes.map((shape): NdArray => normals(rng, shape));
    const isData = values.map(() => rng.int(4) === 0);
    const [p, d] = [true, false].map((kept) =>
      Object.fromEntries(values.flatMap((v, i) => (isData[i] !== kept ? [[`v${i}`, v]] : []))),
    );
    if (Object.keys(p).length === 0) return [];
    const s = subject(
      (params, data) => {
        const inputs = values.map((_, i) => (params as never)[`v${i}`] ?? (data as never)[`v${i}`]);
        const all = interpret(program, inputs, allSteps);
        const last = all.slice(rng.int(2) === 0 ? -1 : -2).filter((v) => v.dtype === "float64");
        return last.map((v) => sum(rng.int(3) === 0 ? square(v) : v)).reduce(add);
      },
      p as Record<string, NdArray>,
      d as Record<string, NdArray>,
    );
    const before = s.evaluate(s.values);
    if (!Number.isFinite(before) || Math.abs(before) < 1e-6 || Math.abs(before) > 1e4) return [];
    return changes(s, draw).map((c) => ({ ...c, program, draw, s }));
  });
}

describe("What is found in random programs of all operations", () => {
  it("keeps the result", () => {
    const found = tryPrograms(Number(process.env.SEED ?? 7), Number(process.env.COUNT ?? 300));
    const bad = found.filter(({ change }) => !(change < 1e-9));
    for (const b of bad.slice(0, 5)) console.log(b.what, b.change, b.draw);
    expect(bad).toHaveLength(0);
    for (const kind of ["scaling", "sign", "permutation", "linear"]) {
      console.log(kind, found.filter(({ what }) => what.startsWith(kind)).length);
    }
  });
});
