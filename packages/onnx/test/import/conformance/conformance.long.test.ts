// The conformance suite: what is read gives the suite's numbers in both runtimes; what is not is refused with a reason.
import { beforeAll, describe, expect, it } from "vitest";
import { conformanceCases, isInstalled, whyExcluded } from "./cases.js";
import { type Result, recordOf } from "./record.js";
import { type Runtime, runCase } from "./run-case.js";

describe.skipIf(!isInstalled)("ONNX's conformance suite", () => {
  const results: Result[] = [];
  const excluded: string[] = [];

  beforeAll(async () => {
    for (const given of conformanceCases()) {
      const why = whyExcluded(given);
      if (why !== undefined) {
        excluded.push(why);
        continue;
      }
      const outcomes = { javascript: await runCase(given, "javascript"), onnx: await runCase(given, "onnx") };
      results.push({ given, outcomes });
    }
  });

  it.each<Runtime>(["javascript", "onnx"])(
    "gives the suite's numbers in %s, or refuses the model",
    (runtime) => {
      const unexpected = results.flatMap(({ given: { name }, outcomes }) => {
        const outcome = outcomes[runtime];
        return outcome.kind === "agrees" || outcome.kind === "refused" ? [] : [`${name}: ${outcome.why}`];
      });
      expect(unexpected).toEqual([]);
    },
  );

  it("agrees as recorded for the site's table of operators", async () => {
    const path = new URL("recorded/outcomes.json", import.meta.url).pathname;
    await expect(recordOf(results, excluded)).toMatchFileSnapshot(path);
  });
});
