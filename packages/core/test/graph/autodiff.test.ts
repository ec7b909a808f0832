import fc from "fast-check";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { checkDerivatives, evaluate, expectClose, float64, int64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { array, item, type NdArray } from "../../src/array.js";
import { DTypeError, ShapeError } from "../../src/errors.js";
import {
  backward,
  dot,
  grad,
  hvp,
  jacobian,
  jvp,
  mapTree,
  valueAndGrad,
  vjp,
} from "../../src/graph/autodiff.js";
import { elu, gelu } from "../../src/graph/ops/activation.js";
import { add, cast, mul, sub } from "../../src/graph/ops/arithmetic.js";
import { greater, where } from "../../src/graph/ops/compare.js";
import { exp, sin, square, tanh } from "../../src/graph/ops/elementary.js";
import { constant, input } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { argmax, sum } from "../../src/graph/ops/reduce.js";
import { logSoftmax } from "../../src/graph/ops/softmax.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { settings } from "./ops/op-table.js";

const scalar = (x: number): NdArray => array(x, "float64");

/** A function of one number at one place. */
const at = (f: (x: Tensor) => Tensor, x: number): number => item(evaluate(f, scalar(x)));

describe("valueAndGrad", () => {
  it("gives the value and a gradient of the parameters' structure", () => {
    // L = w1 . x + (w2)^2: dL/dw1 = x, dL/dw2 = 2 w2
    type Params = { layers: [{ weight: Tensor }, { scale: Tensor }] };
    const loss = ({ layers: [a, b] }: Params, x: Tensor) => add(sum(mul(a.weight, x)), square(b.scale));
    const params = { layers: [{ weight: float64([1, 2, 3]) }, { scale: scalar(4) }] };
    const [value, gradient] = evaluate(
      (p: Params, x: Tensor) => valueAndGrad(loss)(p, x),
      params as never,
      float64([5, 6, 7]),
    ) as unknown as [NdArray, { layers: [{ weight: NdArray }, { scale: NdArray }] }];
    expect(item(value)).toBe(5 + 12 + 21 + 16);
    expectClose(gradient.layers[0].weight, float64([5, 6, 7]));
    expect(item(gradient.layers[1].scale)).toBe(8);
  });

  it("takes a number in any shape of size one", () => {
    const g = evaluate(
      (x: Tensor) => grad((y: Tensor) => sum(square(y), { keepDims: true }))(x),
      float64([1, 2]),
    );
    expectClose(g, float64([2, 4]));
  });

  it("refuses a function that gives no number", () => {
    const x = input([3], "float64");
    expect(() => grad((y: Tensor) => square(y))(x)).toThrow(ShapeError);
    expect(() => grad((y: Tensor) => square(y))(x)).toThrow(/one number.*float64\[3\].*sum or mean/);
    expect(() => grad((y: Tensor) => argmax(y))(x)).toThrow(/int64\[\]/);
    expect(() => grad(() => 3 as unknown as Tensor)(x)).toThrow(/number/);
  });

  it.each([
    ["grad", (p: { n: Tensor }) => grad(() => constant(1))(p)],
    ["vjp", (p: { n: Tensor }) => vjp((q) => q.n, p)],
    ["jvp", (p: { n: Tensor }) => jvp((q) => q.n, p, p)],
    ["jacobian", (p: { n: Tensor }) => jacobian(() => [constant(1)])(p)],
  ] as const)("refuses integer parameters in %s, by their path", (op, differentiate) => {
    const call = () => differentiate({ n: input([2], "int64") });
    expect(call).toThrow(DTypeError);
    expect(call).toThrow(new RegExp(`${op}.*"n".*int64\\[2\\]`));
  });

  it("takes integers among the further arguments", () => {
    const loss = (w: Tensor, labels: Tensor) => sum(mul(w, cast(labels, "float64")));
    expectClose(
      evaluate((w: Tensor, n: Tensor) => grad(loss)(w, n), float64([1, 1]), int64([3, 5])),
      float64([3, 5]),
    );
  });

  it("gives zeros to parameters that the loss does not use, or uses only through integers", () => {
    const loss = ({ used, rounded }: Record<string, Tensor>) =>
      add(sum(square(used)), sum(cast(cast(rounded, "int64"), "float64")));
    const { unused, rounded } = evaluate((p: Record<string, Tensor>) => grad(loss)(p), {
      used: float64([1]),
      unused: float64([1, 2, 3]),
      rounded: float64([1.5, 2.5]),
    }) as unknown as Record<string, NdArray>;
    expectClose(unused, float64([0, 0, 0]));
    expectClose(rounded, float64([0, 0]));
  });

  it("adds up all uses of a parameter", () => {
    // d/dx (x^2 + x sin x + x) = 2x + sin x + x cos x + 1
    const f = (x: Tensor) => add(add(mul(x, x), mul(x, sin(x))), x);
    expect(at(grad(f), 0.7)).toBeCloseTo(1.4 + Math.sin(0.7) + 0.7 * Math.cos(0.7) + 1, 14);
  });

  it("tells two leaves apart that are one tensor", () => {
    // f(a, b) = a b^2 at a = b = 3: (b^2, 2 a b)
    const f = ({ a, b }: Record<string, Tensor>) => mul(a, square(b));
    const g = evaluate((x: Tensor) => grad(f)({ a: x, b: x }), scalar(3));
    expect(item(g.a)).toBe(9);
    expect(item(g.b)).toBe(18);
  });

  it("differentiates through a selection without the branch that is not taken", () => {
    const f = (x: Tensor) => sum(where(greater(x, 0), square(x), mul(3, x)));
    expectClose(evaluate(grad(f), float64([-1, 2])), float64([3, 4]));
  });
});

describe("vjp and jvp", () => {
  type Pair = { x: Tensor; y: Tensor };
  // f(x, y) = (x y, [sin x, x + y^2]) with the Jacobian [[y, x], [cos x, 0], [1, 2y]]
  const f = ({ x, y }: Pair) => ({ product: mul(x, y), list: [sin(x), add(x, square(y))] });
  const point = { x: scalar(0.5), y: scalar(2) };

  it("give the products with the Jacobian of a function of trees", () => {
    const { back, forward } = evaluate((p: Pair) => {
      const [value, pull] = vjp(f, p);
      const one = constant(1, "float64");
      const back = pull({ product: one, list: [constant(10, "float64"), constant(100, "float64")] });
      const [, forward] = jvp(f, p, { x: one, y: constant(-1, "float64") });
      return { value, back, forward };
    }, point) as unknown as {
      back: Record<"x" | "y", NdArray>;
      forward: { product: NdArray; list: NdArray[] };
    };
    expect(item(back.x)).toBeCloseTo(2 + 10 * Math.cos(0.5) + 100, 13);
    expect(item(back.y)).toBeCloseTo(0.5 + 400, 13);
    expect(item(forward.product)).toBeCloseTo(2 - 0.5, 14);
    expect(item(forward.list[0])).toBeCloseTo(Math.cos(0.5), 14);
    expect(item(forward.list[1])).toBeCloseTo(1 - 4, 14);
  });

  it("give the value of the function as it is", () => {
    const values = evaluate((x: Tensor) => ({ a: vjp(exp, x)[0], b: jvp(exp, x, x)[0] }), scalar(0.3));
    expect(item(values.a)).toBe(Math.exp(0.3));
    expect(item(values.b)).toBe(Math.exp(0.3));
  });

  it("are transposes of each other: <u, J v> = <J' u, v>", () => {
    const network = ({ a, b }: Record<string, Tensor>) => logSoftmax(matmul(b, tanh(matmul(a, gelu(a)))));
    fc.assert(
      fc.property(fc.nat({ max: 1e6 }), (seed) => {
        const draw = (k: number, ...shape: number[]) => uniform(seed + k, shape);
        const params = { a: draw(0, 3, 3), b: draw(1, 2, 3) };
        const tangents = { a: draw(2, 3, 3), b: draw(3, 2, 3) };
        const { left, right } = evaluate(
          (p: Record<string, Tensor>, v: Record<string, Tensor>, u: Tensor) => ({
            left: dot(u, jvp(network, p, v)[1]),
            right: dot(vjp(network, p)[1](u), v),
          }),
          params,
          tangents,
          draw(4, 2, 3),
        ) as unknown as Record<string, NdArray>;
        expect(item(left)).toBeCloseTo(item(right), 11);
      }),
      settings(10),
    );
  });

  it("give zeros where the function does not depend on its argument", () => {
    const { back, forward } = evaluate(
      (x: Tensor) => ({
        back: vjp(() => constant(1, "float64"), x)[1](constant(1, "float64")),
        forward: jvp(() => constant(array([1, 2], "float64")), x, x)[1],
      }),
      float64([3, 4, 5]),
    );
    expectClose(back, float64([0, 0, 0]));
    expectClose(forward, float64([0, 0]));
  });

  it("match cotangents and tangents by their names, whatever their order", () => {
    const g = (q: Pair) => ({ x: mul(10, q.x), y: mul(100, q.y) });
    const loss = (q: Pair) => add(sum(square(q.x)), mul(3, sum(square(q.y))));
    const { pulled, pushed, product, inner } = evaluate(
      (x: Tensor, y: Tensor) => {
        const [p, other] = [
          { x, y },
          { y, x },
        ];
        return {
          pulled: vjp(g, p)[1](other).x,
          pushed: jvp(g, p, other)[1].x,
          product: hvp(loss)(p, other).y,
          inner: dot(p, other),
        };
      },
      scalar(2),
      scalar(5),
    );
    expect([pulled, pushed, product, inner].map(item)).toEqual([20, 20, 30, 29]);
  });

  it("refuse cotangents and tangents of another structure or shape, by their own names", () => {
    const p = { x: input([2], "float64"), y: input([2], "float64") };
    const other = input([3], "float64");
    const [, pull] = vjp(f, p);
    expect(() => pull({ product: other, list: [p.x, p.y] })).toThrow(ShapeError);
    expect(() => pull({ product: p.x, list: [p.x] })).toThrow(
      "vjp: cotangents must have the entries product, list.0, list.1; got product, list.0.",
    );
    expect(() => jvp(f, p, { x: other, y: p.y })).toThrow(/jvp.*float64\[2\].*float64\[3\]/);
    expect(() => jvp(f, p, { x: p.x } as Pair)).toThrow("jvp: tangents must have the entries x, y; got x.");
    expect(() => hvp((q: Pair) => sum(q.x))(p, { x: p.x } as Pair)).toThrow(ShapeError);
  });
});

describe("backward", () => {
  it("gives the cotangents of inputs and of values on the way at once", () => {
    const { dx, dh } = evaluate(
      (x: Tensor) => {
        const h = square(x);
        const [dx, dh] = backward([sum(mul(h, h))], [constant(1, "float64")], [x, h]);
        return { dx, dh };
      },
      float64([1, 2]),
    );
    expectClose(dx, float64([4, 32]));
    expectClose(dh, float64([2, 8]));
  });

  it("adds the outputs' contributions, also where an output is an input", () => {
    const g = evaluate((x: Tensor) => backward([x, square(x)], [x, x], [x])[0], float64([3]));
    expectClose(g, float64([3 + 3 * 6]));
  });

  it("refuses a cotangent of another shape", () => {
    const x = input([2], "float64");
    expect(() => backward([x], [sum(x)], [x])).toThrow(/float64\[2\].*float64\[\]/);
    expect(() => backward([x], [], [x])).toThrow(/float64\[2\] must have its shape; got undefined/);
  });
});

describe("hvp", () => {
  it("gives the Hessian of Rosenbrock's function times a vector", () => {
    // H = [[1200 x^2 - 400 y + 2, -400 x], [-400 x, 200]] at (-1, -1): [[1602, 400], [400, 200]]
    type Point = { x: Tensor; y: Tensor };
    const rosenbrock = ({ x, y }: Point) => add(mul(100, square(sub(y, square(x)))), square(sub(1, x)));
    const h = evaluate(
      (p: Point, v: Point) => hvp(rosenbrock)(p, v),
      { x: scalar(-1), y: scalar(-1) },
      { x: scalar(2), y: scalar(-3) },
    ) as unknown as Record<string, NdArray>;
    expect(item(h.x)).toBeCloseTo(2 * 1602 - 3 * 400, 9);
    expect(item(h.y)).toBeCloseTo(2 * 400 - 3 * 200, 9);
  });

  it("agrees with differences of the gradient of a network", () => {
    const x = constant(uniform(3, [4, 5]));
    const loss = ({ w1, w2 }: Record<string, Tensor>) => sum(square(matmul(elu(matmul(x, w1)), w2)));
    checkDerivatives(loss, { w1: uniform(1, [5, 3]), w2: uniform(2, [3, 2]) });
  });

  it("is zero for a linear function and symmetric for any", () => {
    const linear = (x: Tensor) => sum(mul(x, 3));
    expectClose(
      evaluate((x: Tensor) => hvp(linear)(x, x), float64([1, 2])),
      float64([0, 0]),
    );
    const f = (x: Tensor) => sum(exp(matmul(x, tanh(x))));
    const [u, v] = [uniform(6, [3, 3]), uniform(7, [3, 3])];
    const { a, b } = evaluate(
      (x: Tensor, s: Tensor, t: Tensor) => ({ a: dot(s, hvp(f)(x, t)), b: dot(t, hvp(f)(x, s)) }),
      uniform(5, [3, 3], -1, 1),
      u,
      v,
    );
    expect(item(a) / item(b)).toBeCloseTo(1, 12);
  });
});

describe("jacobian", () => {
  it("stacks the gradients of the losses, with zeros where one does not depend on a parameter", () => {
    type Params = { w: Tensor; s: Tensor };
    const losses = ({ w, s }: Params, x: Tensor) => [sum(mul(w, x)), mul(s, s), mul(s, sum(w))];
    const [values, j] = evaluate(
      (p: Params, x: Tensor) => jacobian(losses)(p, x),
      { w: float64([1, 2]), s: scalar(3) },
      float64([4, 5]),
    ) as unknown as [NdArray[], Record<string, NdArray>];
    expect(values.map(item)).toEqual([14, 9, 9]);
    expectClose(j.w, float64([4, 5, 0, 0, 3, 3], [3, 2]));
    expectClose(j.s, float64([0, 6, 3]));
  });

  it("keeps the leading axis for a single loss", () => {
    const [, j] = evaluate((x: Tensor) => jacobian((y: Tensor) => [sum(square(y))])(x), float64([1, 2]));
    expectClose(j, float64([2, 4], [1, 2]));
  });

  it("refuses losses that are no numbers", () => {
    expect(() => jacobian((x: Tensor) => [x])(input([2]))).toThrow(/jacobian.*float32\[2\]/);
  });
});

describe("dot and mapTree", () => {
  it("work on all leaves of trees", () => {
    type Params = { w: Tensor; list: Tensor[] };
    const { product, summed } = evaluate(
      (a: Params, b: Params) => ({ product: dot(a, b), summed: mapTree((x, y) => sub(x, y), a, b) }),
      { w: float64([1, 2]), list: [scalar(3)] },
      { w: float64([10, 20]), list: [scalar(30)] },
    ) as unknown as { product: NdArray; summed: { w: NdArray; list: NdArray[] } };
    expect(item(product)).toBe(10 + 40 + 90);
    expectClose(summed.w, float64([-9, -18]));
    expect(item(summed.list[0])).toBe(-27);
  });

  it("refuse trees that do not fit each other", () => {
    const [a, b] = [input([2]), input([3])];
    expect(() => dot({ a }, { a: b })).toThrow(/dot.*\[2\].*\[3\]/);
    expect(() => dot([a], [a, a])).toThrow(ShapeError);
    expect(() => mapTree(add, [a, a], [a])).toThrow(/mapTree/);
  });
});
