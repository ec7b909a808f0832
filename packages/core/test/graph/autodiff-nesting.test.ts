import { evaluate, expectClose, float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, item, type NdArray } from "../../src/array.js";
import { grad, hvp, jvp } from "../../src/graph/autodiff.js";
import { add, mul, pow } from "../../src/graph/ops/arithmetic.js";
import { cos, exp, sin, square, tanh } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { stopGradient } from "../../src/graph/ops/stop-gradient.js";
import type { Tensor } from "../../src/graph/tensor.js";

const scalar = (x: number): NdArray => array(x, "float64");

/** A function of one number at one place. */
const at = (f: (x: Tensor) => Tensor, x: number): number => item(evaluate(f, scalar(x)));

describe("Nesting", () => {
  it("does not confuse the variables of nested derivatives", () => {
    // d/dx [x d/dy (x + y)] = 1, not 2: the inner derivative does not see its outer x
    expect(
      at(
        grad((x) => mul(x, grad((y: Tensor) => add(x, y))(x))),
        5,
      ),
    ).toBe(1);
    // d/dx [x d/dy (x y)] = d/dx x^2
    expect(
      at(
        grad((x) => mul(x, grad((y: Tensor) => mul(x, y))(x))),
        5,
      ),
    ).toBe(10);
    // d/dx [d/dy (x y^2) at y = x] = d/dx 2 x^2
    expect(
      at(
        grad((x) => grad((y: Tensor) => mul(x, square(y)))(x)),
        5,
      ),
    ).toBe(20);
    expect(
      at(
        (x) =>
          jvp(
            (y: Tensor) => mul(y, jvp((z: Tensor) => add(y, z), y, constant(1, "float64"))[1]),
            x,
            constant(1, "float64"),
          )[1],
        5,
      ),
    ).toBe(1);
  });

  it("does not differentiate in what a function closes over", () => {
    expect(at((x) => grad((y: Tensor) => mul(y, x))(mul(2, x)), 3)).toBe(3);
    expect(at((x) => grad((_: Tensor) => square(x))(x), 3)).toBe(0);
  });

  it.each([
    ["x^5", (x: Tensor) => pow(x, 5), (x: number) => 60 * x ** 2],
    ["sin(2x)", (x: Tensor) => sin(mul(2, x)), (x: number) => -8 * Math.cos(2 * x)],
    ["exp(x^2)", (x: Tensor) => exp(square(x)), (x: number) => (12 * x + 8 * x ** 3) * Math.exp(x * x)],
    ["1 / x", (x: Tensor) => pow(x, -1), (x: number) => -6 / x ** 4],
    // With t = tanh x and s = 1 - t^2: (tanh)''' = s (6 t^2 - 2)
    ["tanh x", tanh, (x: number) => (1 - Math.tanh(x) ** 2) * (6 * Math.tanh(x) ** 2 - 2)],
  ] as const)("gives the third derivative of %s", (_, f, third) => {
    for (const x of [0.3, -0.8, 1.7]) {
      const value = at(grad(grad(grad(f))), x);
      expect(Math.abs(value / third(x) - 1)).toBeLessThan(1e-13);
    }
  });

  it("gives the 8th derivative of the sine", () => {
    let f: (x: Tensor) => Tensor = sin;
    for (let i = 0; i < 8; i++) f = grad(f);
    expect(at(f, 0.4)).toBeCloseTo(Math.sin(0.4), 14);
  });

  it("mixes forward and reverse products: the derivative of J v is H v", () => {
    const f = (x: Tensor) => sum(mul(sin(x), exp(x)));
    const { twice, product } = evaluate(
      (x: Tensor, v: Tensor) => ({ twice: grad((y: Tensor) => jvp(f, y, v)[1])(x), product: hvp(f)(x, v) }),
      float64([0.1, 0.2]),
      float64([1, -2]),
    );
    expectClose(twice, product, 1e-14);
  });
});

describe("stopGradient", () => {
  it("keeps the value and stops derivatives of every order and direction", () => {
    const f = (x: Tensor) => mul(x, stopGradient(square(x)));
    expect(at(f, 3)).toBe(27);
    expect(at(grad(f), 3)).toBe(9);
    // The first derivative is the stopped factor itself, which is constant to the second one.
    expect(at(grad(grad(f)), 3)).toBe(0);
    expect(at((x) => jvp(f, x, constant(1, "float64"))[1], 3)).toBe(9);
  });

  it("stops the outer derivative of a gradient that is taken as a constant", () => {
    // d/dx [g(x) x] with g = d/dx x^3 stopped
    const f = (x: Tensor) => mul(x, stopGradient(grad((y: Tensor) => pow(y, 3))(x)));
    expect(at(grad(f), 2)).toBe(12);
  });

  it("does not stop what goes past it", () => {
    expect(
      at(
        grad((x) => add(stopGradient(cos(x)), square(x))),
        3,
      ),
    ).toBe(6);
  });
});
