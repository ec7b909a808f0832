import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "../../src/config/nearest.js";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["", "abc", 3],
    ["kitten", "sitting", 3],
    ["adagard", "adagrad", 1],
    ["ca", "abc", 3],
    ["flaw", "lawn", 2],
  ])("is that of %j and %j", (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it("is symmetric, zero for equal texts alone, and at most the longer length", () => {
    const word = fc.string({ maxLength: 8 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe("nearest", () => {
  const optimizers = ["gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"];

  it.each([
    ["adagard", "adagrad"],
    ["Adam", "adam"],
    ["adamW", "adamw"],
    ["rms-prop", "rmsprop"],
    ["sdg", "sgd"],
    ["moment", "momentum"],
    ["nesterov-momentum", "nesterov"],
  ])("takes %j for %j", (word, meant) => {
    expect(nearest(word, optimizers)).toBe(meant);
  });

  it.each(["lion", "", "shampoo", "x"])("takes %j for none", (word) => {
    expect(nearest(word, optimizers)).toBeUndefined();
  });

  it("takes a key in another case style for the same", () => {
    expect(nearest("learning_rate", ["learningRate", "steps"])).toBe("learningRate");
  });
});
