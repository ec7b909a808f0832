import type { Kind, OptionTableData } from "isoloss";
import { costOptions, methods, methodWrappers } from "isoloss/mtl";
import { models } from "isoloss/nn";
import { lineSearches, optimizers, schedules } from "isoloss/optim";
import { imageProblems, multiTaskProblems, problems } from "isoloss/problems";
import { discreteSymmetries, foundSymmetries, mlpSymmetries } from "isoloss/symmetry";
import { guardOptions, objectives, orbitObjectives, orbitSearches, searches, whens } from "isoloss/teleport";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { configJsonSchema, nodesAt } from "../../../src/config/json-schema.js";
import { parseConfig } from "../../../src/config/load.js";
import { costConfigOptions } from "../../../src/experiments/catalogue/cost.js";
import { methodRegistry } from "../../../src/experiments/catalogue/methods.js";
import { modelRegistry } from "../../../src/experiments/catalogue/models.js";
import { namedSchema } from "../../../src/experiments/catalogue/named.js";
import { objectiveRegistry } from "../../../src/experiments/catalogue/objectives.js";
import {
  lineSearchRegistry,
  optimizerRegistry,
  scheduleRegistry,
} from "../../../src/experiments/catalogue/optimizers.js";
import { problemRegistry } from "../../../src/experiments/catalogue/problems.js";
import {
  type ConfigOptions,
  describeConfigOptions,
  schemaOf,
} from "../../../src/experiments/catalogue/schema-of.js";
import { searchRegistry } from "../../../src/experiments/catalogue/searches.js";
import { discreteRegistry, symmetryRegistry } from "../../../src/experiments/catalogue/symmetries.js";
import { multiTaskProblemRegistry } from "../../../src/experiments/catalogue/tasks.js";
import { guardConfigOptions } from "../../../src/experiments/catalogue/teleport.js";
import { whenRegistry } from "../../../src/experiments/catalogue/when.js";

type Tables = Readonly<Record<string, { readonly options: OptionTableData }>>;

/** What the library has, and what configs may name. */
const pairs: [string, Tables, Readonly<Record<string, ConfigOptions>>][] = [
  ["optimizers", optimizers, optimizerRegistry],
  ["line searches", lineSearches, lineSearchRegistry],
  ["schedules", schedules, scheduleRegistry],
  ["methods", { ...methods, ...methodWrappers }, methodRegistry],
  ["models", models, modelRegistry],
  ["problems", { ...problems, ...imageProblems }, problemRegistry],
  ["problems of several tasks", multiTaskProblems, multiTaskProblemRegistry],
  ["symmetries", { ...mlpSymmetries, ...foundSymmetries }, symmetryRegistry],
  ["discrete symmetries", discreteSymmetries, discreteRegistry],
  ["objectives", { ...objectives, ...orbitObjectives }, objectiveRegistry],
  ["searches", { ...searches, ...orbitSearches }, searchRegistry],
  ["schedules of teleports", whens, whenRegistry],
  [
    "settings",
    { cost: { options: costOptions }, guard: { options: guardOptions } },
    { cost: costConfigOptions, guard: guardConfigOptions },
  ],
];

/** A value that a kind takes, as a file holds it; undefined where a file cannot. */
function sample({ spec }: Kind): unknown {
  switch (spec.type) {
    case "number": {
      const { min, above, max = Infinity, below = Infinity, integer } = spec;
      const low = min ?? above ?? 1;
      return integer ? low : Math.min(low + 0.25, (low + Math.min(max, below, low + 1)) / 2);
    }
    case "flag":
      return true;
    case "text":
      return "relu";
    case "oneOf":
      return spec.values.at(-1);
    case "list": {
      const item = sample(spec.item);
      return item === undefined ? undefined : Array(spec.length ?? Math.max(1, spec.least)).fill(item);
    }
    case "anyOf":
      return spec.kinds.map(sample).find((value) => value !== undefined);
    case "record":
      return Object.fromEntries(Object.entries(spec.fields).map(([name, kind]) => [name, sample(kind)]));
    case "nested":
      return required(spec.table);
    case "inCode":
      return undefined;
  }
}

const required = ({ rows }: OptionTableData): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(rows).flatMap(([name, row]) => (row.required ? [[name, sample(row.kind)]] : [])),
  );

/** A value of an option that only configs have. */
function ownSample(key: string, name: string): unknown {
  if (key === "method") return { name: "mgda" };
  return /inEpochs|atSteps/.test(name) ? [1] : 2;
}

const needed = (entry: ConfigOptions, name: string): Record<string, unknown> => ({
  ...required(entry.options),
  ...Object.fromEntries(
    Object.entries(entry.own ?? {}).flatMap(([key, { otherwise }]) =>
      otherwise === undefined ? [[key, ownSample(key, name)]] : [],
    ),
  ),
});

const cases = pairs.flatMap(([kind, tables, registry]) =>
  Object.entries(tables).flatMap(([name, { options }]) =>
    Object.entries(options.rows)
      .filter(([, row]) => sample(row.kind) !== undefined)
      .map(
        ([option, row]) =>
          [`${kind}: ${name}.${option}`, registry[name], name, option, sample(row.kind)] as const,
      ),
  ),
);

describe("the options of configs", () => {
  it.each(pairs)("are those of everything that the library names: %s", (_, tables, registry) => {
    expect(Object.keys(registry)).toEqual(expect.arrayContaining(Object.keys(tables)));
  });

  it.each(sampledRows(cases))(
    "can be set from YAML, and are listed and in the JSON Schema: %s",
    (path, entry, name, option, value) => {
      const isNamed = !/^(schedules of teleports|settings)/.test(path);
      const schema: z.ZodType = isNamed ? namedSchema("choice", { [name]: entry }) : schemaOf(entry);
      const config = { ...(isNamed ? { name } : {}), ...needed(entry, name), [option]: value };
      const parsed = parseConfig(JSON.stringify(config), { schema, file: "config.yaml" });
      expect(parsed).toEqual(config);

      const described = describeConfigOptions(entry).find((row) => row.name === option);
      expect(described?.summary).toBeTruthy();
      const nodes = nodesAt(configJsonSchema(schema), [], config).map(
        ({ properties }) => properties?.[option],
      );
      expect(JSON.stringify(nodes)).toContain(JSON.stringify(described?.summary));
    },
  );

  it("are more than two hundred", () => {
    expect(cases.length).toBeGreaterThan(200);
  });

  it.each([
    ["alignedMtl", "epsilon"],
    ["fairGrad", "alpha"],
  ])("reach what they are options of: %s.%s", (method, option) => {
    expect(() => methodRegistry[method].make({ [option]: -1 }, undefined)).toThrow(`${option} must be`);
  });

  it("say in YAML what the library says: an option out of range or unknown", () => {
    const schema = schemaOf(methodRegistry.caGrad);
    expect(() => parseConfig("c: -1", { schema, file: "a.yaml" })).toThrow(
      "c: expected a number >= 0; got -1",
    );
    expect(() => parseConfig("d: 1", { schema, file: "a.yaml" })).toThrow("unknown key");
    expect(() => parseConfig("scale: summ", { schema, file: "a.yaml" })).toThrow(
      'unknown scale "summ"; did you mean "sum"?',
    );
  });
});
