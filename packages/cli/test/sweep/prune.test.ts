import fc from "fast-check";
import type { ServerRule as VerdictRule } from "isoloss-queue";
import { describe, expect, it } from "vitest";
import { verdictOf, verdictRuleOf } from "../../src/sweep/prune.js";

const rule = (changes: Partial<VerdictRule>): VerdictRule => ({
  rule: "asha",
  factor: 3,
  startup: 0,
  above: 0,
  ...changes,
});

describe("verdictOf", () => {
  const six = [1, 2, 3, 4, 5, 6];

  it.each([
    // Of six, the first 6 / 3 = 2 go on.
    ["asha", {}, six, 2, 2, "go"],
    ["asha", {}, six, 3, 3, "stop"],
    // Of two, max(1, 0) = 1.
    ["asha", {}, [1, 2], 1, 1, "go"],
    ["asha", {}, [1, 2], 2, 2, "stop"],
    ["asha, alone", {}, [7], 7, 7, "go"],
    // Of equal values none is better than another.
    ["asha, ties", {}, [2, 2, 2, 2], 2, 2, "go"],
    ["asha, ties behind one", {}, [1, 2, 2], 2, 2, "stop"],
    ["asha, startup", { startup: 6 }, six, 6, 6, "go"],
    ["asha, after the startup", { startup: 5 }, six, 6, 6, "stop"],
    // The median is 3.5.
    ["median", { rule: "median" }, six, 4, 4, "stop"],
    ["median, whose best was better", { rule: "median" }, six, 4, 3.5, "go"],
    ["median, odd", { rule: "median" }, [1, 5, 9], 5, 5, "go"],
    ["median, startup", { rule: "median", startup: 6 }, six, 6, 6, "go"],
    ["bound", { rule: "bound", above: 3 }, [3], 3, 3, "go"],
    ["bound", { rule: "bound", above: 3 }, [3.1], 3.1, 1, "stop"],
    ["NaN, even in the startup", { startup: 9 }, [], Number.NaN, 1, "stop"],
    ["infinity", { startup: 9 }, [], Infinity, 1, "stop"],
  ] as const)(
    "by %s (%j): of %j, %d with the best %d is told to %s",
    (_, changes, values, v, best, verdict) => {
      expect(verdictOf(rule(changes), values, v, best)).toBe(verdict);
    },
  );

  it("never stops a run with a better value that would have gone on with a worse one", () => {
    const value = fc.integer({ min: -5, max: 20 });
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 12 }),
        value,
        fc.integer({ min: 0, max: 10 }),
        fc.record({
          rule: fc.constantFrom("asha", "median", "bound"),
          factor: fc.constantFrom(2, 3, 4),
          startup: fc.integer({ min: 0, max: 4 }),
          above: value,
        }),
        (others, v, better, given) => {
          if (verdictOf(given, [...others, v], v, v) === "go") {
            expect(verdictOf(given, [...others, v - better], v - better, v - better)).toBe("go");
          }
        },
      ),
    );
  });
});

describe("verdictRuleOf", () => {
  it("negates a bound of what is maximized", () => {
    const bound = { rule: "bound", from: 1, above: 0.5, unit: "steps" } as const;
    expect(verdictRuleOf(bound, "minimize")).toMatchObject({ above: 0.5, startup: 0 });
    expect(verdictRuleOf(bound, "maximize").above).toBe(-0.5);
    // An accuracy of 0.4 is below 0.5, one of 0.6 is not.
    expect(verdictOf(verdictRuleOf(bound, "maximize"), [-0.4], -0.4, -0.4)).toBe("stop");
    expect(verdictOf(verdictRuleOf(bound, "maximize"), [-0.6], -0.6, -0.6)).toBe("go");
  });
});
