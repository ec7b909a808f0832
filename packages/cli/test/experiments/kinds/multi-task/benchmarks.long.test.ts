// The quick part of each benchmark: from files in the published format to the table beside the published one.
import { describe, expect, it } from "vitest";
import { loadExperiment } from "../../../../src/experiments/definition/find.js";
import type { Protocol } from "../../../../src/experiments/kinds/multi-task/protocol.js";
import { quickRuns } from "./benchmarks-support.js";

describe("the quick part of benchmarks/", () => {
  it.each(["cityscapes", "nyuv2", "celeba", "qm9", "office-31", "office-home"])(
    "%s goes from files to a table with Delta_m",
    async (name) => {
      const { protocol } = (await loadExperiment(`benchmarks/${name}`)) as unknown as { protocol: Protocol };
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
    },
  );
});
