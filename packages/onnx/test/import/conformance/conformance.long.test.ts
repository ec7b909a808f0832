// The conformance suite: what is read gives the suite's numbers in both runtimes; what is not is refused with a reason.
import { beforeAll, describe, expect, it } from "vitest";
import { conformanceCases, isInstalled, whyExcluded } from "./cases.js";
import { type Runtime, runCase } from "./run-case.js";
import { documentOf, type Result } from "./table.js";

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

  it("agrees as docs/onnx-operators.md says, which scripts/onnx-operators.mjs writes", async () => {
    const path = new URL("../../../../../docs/onnx-operators.md", import.meta.url).pathname;
    await expect(documentOf(results, excluded)).toMatchFileSnapshot(path);
  });
});
