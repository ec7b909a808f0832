// The smallest form of each file in experiments/full: one rate, one seed, a few images, a small network.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { SweepDocument } from "../../src/sweep/document.js";
import { workbench } from "../commands/support.js";

const bench = workbench({ isInProcess: true });
const folder = fileURLToPath(new URL("../../../../experiments/full", import.meta.url));
const sweeps = readdirSync(folder).filter((name) => name.endsWith(".yaml") && name !== "sharpness.yaml");

const problems: Readonly<Record<string, string>> = {
  "cost-attributes.yaml": "name: fashionAttributes, questions: 6",
  "cost-fashion-digits.yaml": "name: fashionDigits",
  "cost-multi-fashion.yaml": "name: multiFashion, imbalanced: true",
};

/** The sizes of the file's own network, if it has one, with small hidden layers. */
function sizesOf(name: string): number[][] {
  const { model } = parse(readFileSync(`${folder}/${name}`, "utf8")).set;
  if (!model?.sizes) return [];
  return [model.sizes.map((size: number, k: number) => (k % (model.sizes.length - 1) === 0 ? size : 16))];
}

/** What makes a sweep small. */
const small = (name: string): string[] => {
  const problem = problems[name];
  const data = problem
    ? [`set.problem={${problem}, dropout: 0, trainCount: 64, testCount: 40}`, "set.batchSize=16"]
    : ["set.data={name: fashionMnist, validation: 0.005, limit: 160}", "set.batchSize=32"];
  const rate = problem ? "1.0e-3" : "{name: cosine, rate: 0.01}";
  return (
    [...data, "set.epochs=2", "seeds=[100]"]
      // Every run of a network unpacks all images first.
      .concat(problem ? ["confirm.seeds=1000..1001", "confirm.until=null"] : ["confirm=false"])
      .concat(sizesOf(name).map((sizes) => `set.model.sizes=[${sizes.join(", ")}]`))
      .concat(`parameters.learningRate.values=[${rate}]`)
      .flatMap((set) => ["--set", set])
  );
};

describe.skipIf(!existsSync("/usr/share/datasets/fashion-mnist"))(
  "the smallest form of experiments/full",
  () => {
    it.each(sweeps)(
      "%s",
      async (name) => {
        const document = await bench.json<SweepDocument>(
          ...["sweep", `${folder}/${name}`, ...small(name), "--json", "--quiet"],
        );
        expect(document.counts).toEqual({ completed: 5 });
        expect(document.failures).toEqual([]);
        expect(document.confirmed).toHaveLength(problems[name] ? 4 : 0);
      },
      240_000,
    );

    it("sharpness.yaml", async () => {
      const sets = ["epochs=1", "models=5", "directions=2", "generators=2", "examples=50"];
      const { metrics } = await bench.json<{ metrics: Record<string, number> }>(
        ...["run", `${folder}/sharpness.yaml`, "--variant", "digits", "--json", "--quiet"],
        ...sets.flatMap((set) => ["--set", set]),
      );
      expect(Math.abs(metrics["correlation.sharpnessGivenLoss"] as number)).toBeLessThanOrEqual(1);
    }, 60_000);
  },
);
