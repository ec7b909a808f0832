// The conformance suite: what is read gives the suite's numbers; what is not is refused with a reason.
import { describe, expect, it } from "vitest";
import { conformanceCases, isInstalled, whyExcluded } from "./cases.js";
import { type Runtime, runCase } from "./run-case.js";

describe.skipIf(!isInstalled)("ONNX's conformance suite", () => {
  it.each<Runtime>(["javascript"])(
    "gives the suite's numbers in %s, or refuses the model",
    async (runtime) => {
      const unexpected: string[] = [];
      let agreeing = 0;
      for (const given of conformanceCases().filter((c) => whyExcluded(c) === undefined)) {
        const outcome = await runCase(given, runtime);
        if (outcome.kind === "agrees") agreeing++;
        else if (outcome.kind !== "refused") unexpected.push(`${given.name}: ${outcome.why}`);
      }
      expect(unexpected).toEqual([]);
      expect(agreeing).toBeGreaterThan(550);
    },
  );
});
