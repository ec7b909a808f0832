import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { DTypeError, IsolossError, OptionError, ShapeError } from "../../src/errors.js";
import { elu, gelu, leakyRelu, relu, softplus } from "../../src/graph/ops/activation.js";
import { add, div, maximum, mul, neg, pow, sub } from "../../src/graph/ops/arithmetic.js";
import { equal, greater, lessEqual, logicalAnd, logicalNot, where } from "../../src/graph/ops/compare.js";
import { exp, sqrt } from "../../src/graph/ops/elementary.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { argmax, max, mean, min, sum, variance } from "../../src/graph/ops/reduce.js";
import { logSoftmax, softmax } from "../../src/graph/ops/softmax.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { type Spec, spec, trace } from "../../src/graph/trace.js";
import { bool, double, float, int, rejects } from "./ops/rejections.js";

rejects("Arithmetic", [
  ["add of unequal sizes", () => add(float(2, 3), float(2, 4)), ShapeError, ["add", "[2, 3]", "[2, 4]"]],
  ["sub of unequal ranks", () => sub(float(2, 3), float(2)), ShapeError, ["sub", "[2, 3]", "[2]"]],
  ["mul with an empty axis", () => mul(float(0), float(3)), ShapeError, ["mul", "[0]", "[3]"]],
  [
    "div of two dtypes",
    () => div(float(2), double(2)),
    DTypeError,
    ["div", "float32[2]", "float64[2]", "cast"],
  ],
  ["maximum of bools", () => maximum(bool(2), bool(2)), DTypeError, ["maximum", "bool[2]", "cast"]],
  ["neg of bools", () => neg(bool(3)), DTypeError, ["neg", "bool[3]", "cast"]],
  ["pow of integers", () => pow(int(3), 2), DTypeError, ["pow", "int64[3]", "cast"]],
  ["mul of integers by a fraction", () => mul(int(3), 0.5), DTypeError, ["mul", "int64", "0.5", "cast"]],
  [
    "add of an array of another dtype",
    () => add(double(2), array([1, 2])),
    DTypeError,
    ["add", "float32[2]"],
  ],
  [
    "add of a tree",
    () => add(float(2), { w: float(2) } as unknown as Tensor),
    DTypeError,
    ["add", "object", "params.weight"],
  ],
]);

rejects("Comparisons and selection", [
  ["greater of unequal sizes", () => greater(float(2), float(3)), ShapeError, ["greater", "[2]", "[3]"]],
  [
    "lessEqual of unequal sizes",
    () => lessEqual(float(2), float(3)),
    ShapeError,
    ["lessEqual", "[2]", "[3]"],
  ],
  ["greater of bools", () => greater(bool(2), bool(2)), DTypeError, ["greater", "bool[2]", "cast"]],
  ["equal of two dtypes", () => equal(float(2), int(2)), DTypeError, ["equal", "float32[2]", "int64[2]"]],
  ["logicalAnd of floats", () => logicalAnd(float(2), float(2)), DTypeError, ["logicalAnd", "float32[2]"]],
  ["logicalNot of floats", () => logicalNot(float(2)), DTypeError, ["logicalNot", "float32[2]"]],
  ["where on floats", () => where(float(2), float(2), 0), DTypeError, ["where", "bool", "float32[2]"]],
  ["where of unequal sizes", () => where(bool(2), float(3), 0), ShapeError, ["where", "[2]", "[3]"]],
]);

rejects("Functions of one float", [
  ["exp of integers", () => exp(int(2)), DTypeError, ["exp", "int64[2]", "cast"]],
  ["sqrt of bools", () => sqrt(bool(2)), DTypeError, ["sqrt", "bool[2]", "cast"]],
  ["relu of integers", () => relu(int(2)), DTypeError, ["relu", "int64[2]"]],
  ["leakyRelu of integers", () => leakyRelu(int(2)), DTypeError, ["leakyRelu", "int64[2]"]],
  ["elu of integers", () => elu(int(2)), DTypeError, ["elu", "int64[2]"]],
  ["gelu of integers", () => gelu(int(2)), DTypeError, ["gelu", "int64[2]"]],
  ["softplus of integers", () => softplus(int(2)), DTypeError, ["softplus", "int64[2]"]],
  ["leakyRelu of slope NaN", () => leakyRelu(float(2), Number.NaN), OptionError, ["leakyRelu", "NaN"]],
]);

rejects("Reductions", [
  ["sum of bools", () => sum(bool(2)), DTypeError, ["sum", "bool[2]"]],
  ["sum over a missing axis", () => sum(float(2, 3), { axes: 2 }), ShapeError, ["sum", "axis 2"]],
  ["max over an axis twice", () => max(float(2, 3), { axes: [1, -1] }), ShapeError, ["max", "1, -1"]],
  ["min of bools", () => min(bool(2)), DTypeError, ["min", "bool[2]"]],
  ["max over an empty axis", () => max(float(0, 3), { axes: 0 }), ShapeError, ["max", "float32[0, 3]"]],
  ["mean of integers", () => mean(int(4)), DTypeError, ["mean", "int64[4]", "cast"]],
  ["variance of integers", () => variance(int(4)), DTypeError, ["variance", "int64[4]", "cast"]],
  ["variance over a missing axis", () => variance(float(2), { axes: 1 }), ShapeError, ["variance", "axis 1"]],
  ["argmax of bools", () => argmax(bool(2)), DTypeError, ["argmax", "bool[2]"]],
  ["argmax over an empty axis", () => argmax(float(2, 0)), ShapeError, ["argmax", "float32[2, 0]"]],
  ["argmax of a scalar", () => argmax(float()), ShapeError, ["argmax", "axis -1"]],
]);

rejects("Products", [
  [
    "matmul of unequal inner sizes",
    () => matmul(float(2, 3), float(4, 5)),
    ShapeError,
    ["[2, 3]", "[4, 5]", "3 and 4"],
  ],
  [
    "matmul of a transposed operand",
    () => matmul(float(3, 2), float(2, 5), { transposeA: true }),
    ShapeError,
    ["matmul", "[3, 2] (transposed)", "[2, 5]"],
  ],
  [
    "matmul of a batch with one matrix",
    () => matmul(float(7, 2, 3), float(4, 5)),
    ShapeError,
    ["matmul", "[7, 2, 3]", "[4, 5]"],
  ],
  [
    "matmul of unequal batches",
    () => matmul(float(2, 3, 4), float(5, 4, 3)),
    ShapeError,
    ["matmul", "[2, 3, 4]", "[5, 4, 3]"],
  ],
  ["matmul with a vector", () => matmul(float(2, 3), float(3)), ShapeError, ["matmul", "[2, 3]", "[3]"]],
  [
    "matmul of integers",
    () => matmul(int(2, 3), int(3, 2)),
    DTypeError,
    ["matmul", "int64[2, 3]", "int64[3, 2]"],
  ],
  [
    "matmul of two dtypes",
    () => matmul(float(2, 3), double(3, 2)),
    DTypeError,
    ["matmul", "float32[2, 3]", "float64[3, 2]"],
  ],
  ["softmax of integers", () => softmax(int(3)), DTypeError, ["softmax", "int64[3]"]],
  ["softmax of a scalar", () => softmax(float()), ShapeError, ["softmax", "axis -1"]],
  [
    "logSoftmax over a missing axis",
    () => logSoftmax(float(3), { axis: 1 }),
    ShapeError,
    ["logSoftmax", "axis 1"],
  ],
]);

describe("trace", () => {
  it("lets an operation's error through as it is, with the stack of the caller's line", () => {
    const wrongLayer = (x: Tensor, w: Tensor) => matmul(x, w);
    let thrown: Error | undefined;
    try {
      trace(wrongLayer, [spec([2, 3]), spec([4, 5])]);
    } catch (error) {
      thrown = error as Error;
    }
    expect(thrown).toBeInstanceOf(ShapeError);
    expect(thrown?.stack).toContain("wrongLayer");
  });

  it("refuses a function that returns no tensor", () => {
    expect(() => trace(() => [], [spec([2])])).toThrow(ShapeError);
    expect(() => trace(() => ({ loss: 3 }), [spec([2])])).toThrow(/"loss" found number/);
  });

  it("refuses tensors in JavaScript's operators, which know none", () => {
    const doubled = (x: Tensor) => (x as never) * 2;
    expect(() => trace(doubled, [spec([2])])).toThrow(/JavaScript's operators.* write add\(a, b\)/);
    expect(() => trace((x: Tensor) => `${x}`, [spec([2])])).toThrow(/found string/);
  });

  it("refuses arguments that get one name", () => {
    const type = spec([2]);
    const two = () => trace((args) => add(args["x.0"], args.x[0]), { "x.0": type, x: [type] });
    expect(two).toThrow(/two inputs are named "x.0"/);
  });

  it("refuses one array in the place of arguments", () => {
    const one = spec([2]) as unknown as [Spec];
    expect(() => trace((x) => neg(x), one)).toThrow(
      /a list of examples, .* or an object of them by name; .*\. Write trace\(f, \[x\]\)\./,
    );
  });

  it("gives errors their own names and one common class", () => {
    const error = new ShapeError("message");
    expect(error).toBeInstanceOf(IsolossError);
    expect(error.name).toBe("ShapeError");
    expect(() => add(float(2), float(3))).toThrow(IsolossError);
  });
});
