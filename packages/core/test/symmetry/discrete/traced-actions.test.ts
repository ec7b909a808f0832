import { float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import { jit } from "../../../src/runtime/jit.js";
import type { DiscreteElement } from "../../../src/symmetry/discrete/discrete.js";
import { permutations } from "../../../src/symmetry/discrete/permutations.js";
import { signFlips } from "../../../src/symmetry/discrete/sign-flips.js";

const numbered = (shape: readonly number[]) =>
  float64(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1),
    [...shape],
  );
const params = { a: numbered([3, 2]), b: numbered([2, 6]), c: numbered([2, 5]) };
/** Whole parameters, a part along rows, one along columns, and a view of several axes. */
const spaces = [
  {
    size: 3,
    axes: [
      { path: "a", view: [3, 2], axis: 0 },
      { path: "b", part: { axis: 0, start: 1, count: 1 }, view: [2, 3, 1], axis: 1 },
    ],
  },
  { size: 2, axes: [{ path: "c", part: { axis: 1, start: 1, count: 4 }, view: [2, 2, 2], axis: 1 }] },
];
const tensorsOf = (element: DiscreteElement): Tensor[] =>
  element.map((units) => constant({ shape: [units.length], data: BigInt64Array.from(units, BigInt) }));

describe.each(["javascript", "onnx"] as const)("traced actions of discrete groups: %s", (runtime) => {
  it.each([
    permutations(params, spaces),
    signFlips(params, [...spaces, { size: 1, axes: [{ path: "b", view: [2, 6], axis: 0 }] }]),
  ])("move as the actions themselves: $name", async (symmetry) => {
    const rng = createRng(4);
    for (let k = 0; k < 5; k++) {
      const element = symmetry.random(rng);
      const acted = await jit((p) => symmetry.trace?.(p, tensorsOf(element)) ?? p, [params], { runtime });
      expect(await acted(params)).toEqual(symmetry.act(params, element));
      await acted.dispose();
    }
    const moved = await jit(
      (p, index) => symmetry.trace?.(p, symmetry.traceMove?.(index) ?? []) ?? p,
      [params, spec([], "int64")],
      { runtime },
    );
    for (let index = 0; index < symmetry.moves; index++) {
      const number = { shape: [], data: BigInt64Array.of(BigInt(index)) };
      expect(await moved(params, number)).toEqual(symmetry.act(params, symmetry.move(index)));
    }
    await moved.dispose();
  });
});
