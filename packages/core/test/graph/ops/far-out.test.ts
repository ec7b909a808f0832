// Functions far from zero, where a square would be infinite, against PyTorch 2.6.0.
import { describe, expect, it } from "vitest";
import { array } from "../../../src/array.js";
import { grad } from "../../../src/graph/autodiff.js";
import { asinh, sinh } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { jit } from "../../../src/runtime/jit.js";

describe.each(["javascript", "onnx"] as const)("%s", (runtime) => {
  async function expectClose(
    f: (x: Tensor) => Tensor,
    x: readonly number[],
    dtype: "float32" | "float64",
    expected: readonly number[],
  ): Promise<void> {
    const values = array([...x], dtype);
    const compiled = await jit(f, [values], { runtime });
    const result = Array.from((await compiled(values)).data, Number);
    await compiled.dispose();
    const tolerance = dtype === "float32" ? 1e-5 : 1e-12;
    result.forEach((y, k) => {
      if (Number.isFinite(expected[k])) expect(y / expected[k] - 1).toBeCloseTo(0, -Math.log10(tolerance));
      else expect(y).toBe(expected[k]);
    });
  }

  const slope = (x: Tensor) => grad((u: Tensor) => sum(sinh(u)))(x);
  const curvature = (x: Tensor) => grad((u: Tensor) => sum(slope(u)))(x);

  it("gives sinh the derivatives cosh and sinh, which are finite where they are in the dtype", async () => {
    const singles = [2.5923527288327735e21, 2.5923527288327735e21, 8.258181330680653e37];
    await expectClose(slope, [50, -50, 88], "float32", singles);
    await expectClose(curvature, [50, -50, 88], "float32", [singles[0], -singles[1], singles[2]]);
    const doubles = [2.610734844882072e173, 5.276322032666384e307];
    await expectClose(slope, [400, -709.25], "float64", doubles);
    await expectClose(curvature, [400, -709.25], "float64", [doubles[0], -doubles[1]]);
  });

  it("gives asinh its value up to the largest number", async () => {
    const x = [1e300, -1e300, 1.7e308, 1e9, 2 ** 30, Infinity, -Infinity];
    const y = [
      ...[691.4686750787736, -691.4686750787736, 710.4199840737881, 21.416413017506354, 21.487562597358302],
      ...[Infinity, -Infinity],
    ];
    await expectClose(asinh, x, "float64", y);
    await expectClose(asinh, [1e30, -1e30], "float32", [69.77069997, -69.77069997]);
  });
});
