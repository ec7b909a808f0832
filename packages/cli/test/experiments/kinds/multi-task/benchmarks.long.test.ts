// The quick part of each benchmark: from files in the published format to the table beside the published one.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { namedArrays, torchGenerator } from "isoloss";
import { encodeSafetensors } from "isoloss/data";
import { resnet18 } from "isoloss/nn";
import { afterAll, describe, expect, it } from "vitest";
import { benchmarkEntries } from "../../../../src/experiments/catalogue/benchmarks.js";
import { loadExperiment } from "../../../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../../../src/experiments/definition/resolve.js";
import type { Protocol } from "../../../../src/experiments/kinds/multi-task/protocol.js";
import { judge } from "../../../../src/experiments/report/outcome.js";
import { quickRuns } from "./benchmarks-support.js";

describe("the quick part of benchmarks/", () => {
  it.each(["cityscapes", "nyuv2", "celeba", "qm9", "office-31", "office-home"])(
    "%s goes from files to a table with Delta_m",
    async (name) => {
      const experiment = await loadExperiment(`benchmarks/${name}`);
      const { protocol } = experiment as unknown as { protocol: Protocol };
      const { results, tables } = await quickRuns(name);
      for (const { variant, document } of results) {
        expect([variant, document.status]).toEqual([variant, "completed"]);
        for (const { metric } of protocol.columns) {
          expect([metric, Number.isFinite(document.metrics[`reported.${metric}`])]).toEqual([metric, true]);
        }
      }
      const [measured, published] = tables;
      expect(measured?.rows.map((row) => row.name)).toEqual(results.map(({ variant }) => variant));
      expect(published === undefined).toBe(protocol.published === undefined);
      const { expected = [] } = resolveExperiment(experiment, { quick: true });
      expect(judge(expected, results, []).map(({ outcome }) => outcome)).toEqual(expected.map(() => "pass"));
    },
  );
});

describe("weights of a benchmark's problem", () => {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-weights-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const [office] = benchmarkEntries.filter(({ name }) => name === "office31");
  const make = (weights: string) => office.make({ sample: 2, side: 32, width: 2, hidden: 8, weights });

  it("are those of a file under torchvision's names, and what is wrong with it is told", async () => {
    const { params, state } = resnet18({ stem: "imagenet", width: 2 }).init(torchGenerator(7));
    const tensors = { ...namedArrays(params), ...namedArrays(state) };
    const file = (name: string, content: typeof tensors) => {
      writeFileSync(join(folder, name), encodeSafetensors(content));
      return join(folder, name);
    };
    const made = await make(file("whole.safetensors", tensors));
    const { shared } = made.tasks.params(torchGenerator(0)) as unknown as {
      shared: { trunk: { conv1: typeof params.conv1 } };
    };
    expect(shared.trunk.conv1.weight).toEqual(params.conv1.weight);
    const { "conv1.weight": _, ...rest } = tensors;
    await expect(make(file("part.safetensors", rest))).rejects.toThrow('"conv1.weight" is missing');
    await expect(make(join(folder, "none.safetensors"))).rejects.toThrow("Cannot read the weights");
  });
});
