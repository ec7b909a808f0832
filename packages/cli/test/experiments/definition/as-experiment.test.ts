import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parseConfig } from "../../../src/config/load.js";
import { demoNames, loadExperiment, packagedNames } from "../../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../../src/experiments/definition/schema.js";
import { asExperiment } from "../../../src/experiments/report/report.js";

const names = [...packagedNames(), ...demoNames.map((name) => `demo/${name}`)];

describe("asExperiment", () => {
  it.each(sampledRows(names))("of %s is an experiment with the same runs, quick or not", async (name) => {
    const experiment = await loadExperiment(name);
    for (const quick of [false, true]) {
      const resolved = resolveExperiment(experiment, { quick });
      const text = stringify(asExperiment(resolved));
      const again = resolveExperiment(parseConfig(text, { schema: experimentSchema, file: "again.yaml" }));
      expect(again.seeds).toEqual(resolved.seeds);
      expect(again.rates).toEqual(resolved.rates);
      expect(again.variants).toEqual(resolved.variants);
    }
  });
});
