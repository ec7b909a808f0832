import { describe, expect, it } from "vitest";
import { describeOptions } from "../src/describe-options.js";
import { OptionError } from "../src/errors.js";
import { createMethod, methods, methodWrappers } from "../src/mtl/registry.js";
import { models } from "../src/nn/models/registry.js";
import { datasets } from "../src/node/registry.js";
import { optimizers } from "../src/optim/registry.js";
import { schedules } from "../src/optim/schedule-registry.js";
import type { OptionTableData } from "../src/options.js";
import { imageProblems, multiTaskProblems, problems } from "../src/problems/registry.js";
import { discreteSymmetries, foundSymmetries, mlpSymmetries } from "../src/symmetry/registry.js";
import { objectives, orbitObjectives } from "../src/teleport/objective/registry.js";
import { orbitSearches, searches } from "../src/teleport/search/registry.js";
import { whens } from "../src/teleport/when-registry.js";
import { lineSearches } from "../src/train/line-search/registry.js";

const registries: Record<string, Readonly<Record<string, { readonly options: OptionTableData }>>> = {
  optimizers,
  schedules,
  methods,
  methodWrappers,
  models,
  problems,
  imageProblems,
  multiTaskProblems,
  mlpSymmetries,
  foundSymmetries,
  discreteSymmetries,
  objectives,
  orbitObjectives,
  searches,
  orbitSearches,
  whens,
  lineSearches,
  datasets,
};

const choices = Object.entries(registries).flatMap(([registry, rows]) =>
  Object.entries(rows).map(([name, { options }]) => [`${registry}.${name}`, options] as const),
);

/** Numbers of a sentence, fractions included. */
function numbersIn(summary: string): number[] {
  return [
    ...summary.matchAll(
      /(-?\d+(?:\.\d+)?(?:e-?\d+)?)(?:\s*\/\s*(\d+))?|infinity|never|any number|no limit/gi,
    ),
  ].flatMap(([, top, bottom]) =>
    top === undefined
      ? [Infinity]
      : bottom === undefined
        ? [Number(top)]
        : [Number(top), Number(top) / Number(bottom)],
  );
}

describe("registries", () => {
  it.each(choices)("tell of every option what it is, its range and its default: %s", (_, options) => {
    for (const option of describeOptions(options)) {
      expect(option.summary).not.toBe("");
      expect(option.range).not.toBe("");
      const hasDefault = "default" in option || option.otherwise !== undefined;
      expect(hasDefault).toBe(!option.required);
    }
  });

  it.each(choices)("have defaults that are in their ranges: %s", (_, { rows }) => {
    for (const row of Object.values(rows)) {
      if (!row.required && "default" in row) expect(row.kind.test(row.default)).toBe(true);
    }
  });

  // Of variants of one function the comment tells the function's own default.
  const own = choices.filter(([name]) => !/momentum|nesterov/.test(name));

  it.each(own)("say in the summary what the default is: %s", (_, options) => {
    for (const { name, summary, default: value } of describeOptions(options)) {
      if (value === undefined) continue;
      expect(`${name}: ${summary}`).toMatch(/default/i);
      const mentions =
        typeof value === "number"
          ? numbersIn(summary).some((x) => x === value || Math.abs(x - value) <= 2e-3 * value)
          : true;
      const words = typeof value === "string" ? summary.includes(value) || /\(default/.test(summary) : true;
      expect([name, summary, mentions && words]).toEqual([name, summary, true]);
    }
  });
});

describe("createMethod", () => {
  it.each(Object.keys(methods).filter((name) => name !== "constantWeights"))(
    "makes the method of that name: %s",
    (name) => {
      expect(createMethod(name).needs).toMatch(/losses|gramian|jacobian/);
    },
  );

  it("makes a method around another one", () => {
    expect(createMethod("normalized", { method: "upGrad" }).name).toBe("normalized(upGrad)");
    const method = { name: "caGrad", c: 0.2 };
    expect(createMethod("crMogm", { method, alpha: 0.5 }).name).toBe("crMogm(caGrad)");
    expect(createMethod("everySteps", { method: "fairGrad", steps: 3 }).needs).toBe("gramian");
    expect(() => createMethod("crMogm")).toThrow("crMogm: method must be a name, or { name, ...options }");
    expect(() => createMethod("everySteps", { method: "mgda" })).toThrow("steps");
  });

  it("passes options on", () => {
    expect(() => createMethod("caGrad", { c: -1 })).toThrow(
      "caGrad: c must be a finite number >= 0; got -1.",
    );
    expect(() => createMethod("constantWeights")).toThrow(OptionError);
  });

  it("names the known methods for an unknown one", () => {
    expect(() => createMethod("toString")).toThrow("must be one of linearScalarization, ");
  });
});
