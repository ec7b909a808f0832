import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import { OptionError } from "../src/errors.js";
import {
  anyOf,
  finite,
  flag,
  inCode,
  integerFrom,
  type Kind,
  listOf,
  nested,
  nonNegative,
  number,
  type OptionsOf,
  oneOf,
  oneOrEach,
  optionTable,
  positive,
  record,
  share,
  smoothing,
  text,
} from "../src/options.js";

const table = optionTable("own", {
  rate: nonNegative.default(0.4),
  kind: oneOf(["sum", "mean"]).default("sum"),
  weights: listOf(finite).otherwise("1 each"),
  size: integerFrom(1).required(),
});

describe("a table of options", () => {
  it("is the type of the options, of which those without a default must be given", () => {
    expectTypeOf<OptionsOf<typeof table>>().branded.toEqualTypeOf<{
      readonly rate?: number | undefined;
      readonly kind?: "sum" | "mean" | undefined;
      readonly weights?: readonly number[] | undefined;
      readonly size: number;
    }>();
  });

  it("fills in the defaults of what is left out or undefined, and of nothing else", () => {
    expect(table.read({ size: 2 })).toEqual({ rate: 0.4, kind: "sum", size: 2 });
    expect(table.read({ size: 2, rate: undefined, kind: "mean" })).toEqual({
      rate: 0.4,
      kind: "mean",
      size: 2,
    });
    expect(table.read({ size: 3, rate: 0, weights: [1] })).toEqual({
      rate: 0,
      kind: "sum",
      weights: [1],
      size: 3,
    });
  });

  it("leaves what it is given as it is", () => {
    const given = Object.freeze({ size: 2 });
    expect(table.read(given)).not.toBe(given);
  });

  it("refuses an unknown name, with those that there are", () => {
    expect(() => table.read({ size: 1, rates: 1 })).toThrow(
      'own has no option "rates"; it has rate, kind, weights, size.',
    );
    expect(() => table.read({ size: 1, toString: 1 })).toThrow('own has no option "toString"');
  });

  it("refuses a value outside its range, with the range and the value", () => {
    expect(() => table.read({ size: 1, rate: -1 })).toThrow(
      "own: rate must be a finite number >= 0; got -1.",
    );
    expect(() => table.read({ size: 1, rate: Number.NaN })).toThrow("got NaN.");
    expect(() => table.read({ size: 1, kind: "total" })).toThrow(
      'own: kind must be one of sum, mean; got "total".',
    );
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    for (const [rate, shown] of [
      [5n, "5n"],
      [cyclic, "{ self: { self: { self: { self: ... } } } }"],
      [[1, Number.NaN], "[1, NaN]"],
      [() => 1, "a function"],
      [new Float64Array(30), "Float64Array of 30 elements"],
    ]) {
      expect(() => table.read({ size: 1, rate })).toThrow(`got ${shown}.`);
    }
  });

  it("asks for what must be given", () => {
    expect(() => table.read({})).toThrow("own: size must be given: an integer >= 1.");
    expect(() => table.read({ size: undefined })).toThrow(OptionError);
  });

  it.each([[null], ["sum"], [3], [[1, 2]]])("refuses what is no object: %j", (given) => {
    expect(() => table.read(given as never)).toThrow(OptionError);
  });
});

const taken: [string, Kind, unknown[], unknown[]][] = [
  ["a finite number", finite, [0, -1e300], [Infinity, Number.NaN, "0", null]],
  ["a finite number >= 0", nonNegative, [0, 1], [-1e-300, Infinity]],
  ["a finite number > 0", positive, [5e-324], [0, -1]],
  ["a number in [0, 1)", smoothing, [0, 0.999], [1, -0.1]],
  ["a number in [0, 1]", share, [0, 1], [1.1]],
  ["a number in (0, 1]", number({ above: 0, max: 1 }), [0.1, 1], [0]],
  ["an integer >= 1", integerFrom(1), [1, 7], [0, 1.5, 2 ** 60]],
  ["an integer", number({ integer: true }), [-3], [0.5, Infinity]],
  ["an integer >= 0, or Infinity", number({ integer: true, min: 0, infinite: true }), [0, Infinity], [-1]],
  ["true or false", flag, [true, false], [0, "true"]],
  ["a path", text("a path"), ["conv1.weight"], [1]],
  ["one of a, 1", oneOf(["a", 1]), ["a", 1], ["b", "1"]],
  ["false", oneOf([false]), [false], [true, 0]],
  ["a list, each an integer >= 1", listOf(integerFrom(1)), [[], [1, 2]], [[0], 1]],
  ["a list of 2, each a finite number", listOf(finite, { length: 2 }), [[1, 2]], [[1], [1, 2, 3]]],
  ["a list of 2 or more, each a finite number", listOf(finite, { least: 2 }), [[1, 2, 3]], [[1]]],
  ["an integer >= 1, or loader", anyOf(integerFrom(1), oneOf(["loader"])), [4, "loader"], [0, "all"]],
  ["a finite number, or a list with one for each task", oneOrEach(finite), [1, [1, 2]], [[], ["1"]]],
  [
    "{ epoch: an integer >= 0 }",
    record({ epoch: integerFrom(0) }),
    [{ epoch: 1 }],
    [{}, { epoch: -1 }, { epoch: 1, step: 2 }],
  ],
  ["an object of options", nested<OptionsOf<typeof table>>(table), [{}], [[], null, 1]],
  ["a function", inCode("a function", (v) => typeof v === "function"), [() => 0], [1]],
];

describe("kinds of options", () => {
  it.each(taken)("take what they say and nothing else: %s", (expected, kind, good, bad) => {
    expect(kind.expected).toBe(expected);
    for (const value of good) expect(kind.test(value)).toBe(true);
    for (const value of bad) expect(kind.test(value)).toBe(false);
  });

  it("of numbers take exactly the numbers of the range", () => {
    const bound = fc.integer({ min: -3, max: 3 });
    fc.assert(
      fc.property(bound, bound, fc.double({ min: -4, max: 4 }), (min, below, x) => {
        expect(number({ min, below }).test(x)).toBe(x >= min && x < below);
      }),
    );
  });
});
