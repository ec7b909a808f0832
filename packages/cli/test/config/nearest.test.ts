import { describe, expect, it } from "vitest";
import { nearest } from "../../src/config/nearest.js";

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
