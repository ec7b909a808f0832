import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import { createOptimizer, optimizers } from "../../src/optim/registry.js";

describe("createOptimizer", () => {
  it.each(Object.keys(optimizers))("makes the optimizer of that name: %s", (name) => {
    expect(createOptimizer(name).name).toBe(name);
  });

  it("passes options on", () => {
    const params = array([1, 2]);
    expect(Object.keys(createOptimizer("adam", { amsgrad: true }).init(params))).toEqual([
      "step",
      "m",
      "v",
      "vMax",
    ]);
    expect(createOptimizer("adagrad", { initialSum: 0.5 }).init(params)).toEqual({ sum: array([0.5, 0.5]) });
    expect(createOptimizer("momentum", { dampening: 0.1 }).init(params)).toHaveProperty("step");
  });

  it("takes an option that is undefined for one left out", () => {
    expect(createOptimizer("sgd", { momentum: undefined }).name).toBe("sgd");
    expect(createOptimizer("momentum", { momentum: undefined }).init(array([1]))).toHaveProperty("velocity");
  });

  it.each(["adamax", "toString", ""])("names the known optimizers for an unknown one: %j", (name) => {
    expect(() => createOptimizer(name)).toThrow(OptionError);
    expect(() => createOptimizer(name)).toThrow(
      `must be one of gd, sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, lars, nadam, radam, lion, sam; got "${name}".`,
    );
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["gd", { momentum: 0.9 }, 'gd has no option "momentum"; it has weightDecay.'],
    ["sgd", { momentum: 1 }, "sgd: momentum must be a number in [0, 1); got 1."],
    ["sgd", { momentum: -0.1 }, "sgd: momentum must be a number in [0, 1); got -0.1."],
    ["sgd", { dampening: 2, momentum: 0.9 }, "sgd: dampening must be a number in [0, 1]; got 2."],
    ["sgd", { nesterov: 1, momentum: 0.9 }, "sgd: nesterov must be true or false; got 1."],
    [
      "sgd",
      { nesterov: true },
      "sgd: nesterov needs momentum > 0 and dampening 0; got momentum 0, dampening 0.",
    ],
    ["nesterov", { dampening: 0.5 }, "got momentum 0.9, dampening 0.5."],
    ["sgd", { weightDecay: -1 }, "sgd: weightDecay must be a finite number >= 0; got -1."],
    ["sgd", { weightDecay: Number.NaN }, "sgd: weightDecay must be a finite number >= 0; got NaN."],
    ["sgd", { weightDecay: "0.1" }, 'sgd: weightDecay must be a finite number >= 0; got "0.1".'],
    ["adagrad", { rateDecay: -1 }, "rateDecay"],
    ["adagrad", { initialSum: -1 }, "initialSum"],
    ["rmsprop", { decay: 1 }, "rmsprop: decay must be a number in [0, 1); got 1."],
    [
      "rmsprop",
      { alpha: 0.9 },
      'rmsprop has no option "alpha"; it has decay, epsilon, momentum, centered, weightDecay.',
    ],
    ["adam", { betas: [0.9, 1] }, "adam: betas must be a list of 2, each a number in [0, 1); got [0.9, 1]."],
    ["adam", { betas: [-0.1, 0.9] }, "betas"],
    ["adam", { betas: [0.9] }, "betas"],
    ["adam", { betas: null }, "adam: betas must be a list of 2, each a number in [0, 1); got null."],
    ["adam", { epsilon: -1e-8 }, "adam: epsilon must be a finite number >= 0; got -1e-8."],
    ["adamw", { lr: 0.1 }, 'adamw has no option "lr"; it has betas, epsilon, amsgrad, weightDecay.'],
    [
      "adamw",
      null as never,
      "adamw: options must be an object with betas, epsilon, amsgrad, weightDecay; got null.",
    ],
  ])("refuses options of %s: %j", (name, options, message) => {
    expect(() => createOptimizer(name, options)).toThrow(OptionError);
    expect(() => createOptimizer(name, options)).toThrow(message);
  });
});
