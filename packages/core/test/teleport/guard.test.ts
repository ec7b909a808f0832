import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { type GuardOptions, limitsOf, objection, relativeDrift } from "../../src/teleport/guard.js";
import type { Point } from "../../src/teleport/point.js";

const limits = { drift: 1e-6, heldOutDrift: 0.01, halvings: 3, curvature: 0 };
const start: Point = { loss: 2, objective: 1, gradNormSq: 1, heldOutLoss: 4, racedLoss: 1 };
const better: Point = { loss: 2, objective: 1.5, gradNormSq: 1.5, heldOutLoss: 4, racedLoss: 0.9 };

describe("objection", () => {
  it("has none to a point of the same losses, a larger objective and a faster descent", () => {
    expect(objection(start, start, better, limits)).toBeUndefined();
  });

  it.each<[string, Partial<Point>, RegExp]>([
    ["a loss that is NaN", { loss: Number.NaN }, /not finite/],
    ["an objective that overflows", { objective: Infinity }, /not finite/],
    ["a gradient norm that is NaN", { gradNormSq: Number.NaN }, /not finite/],
    ["a held-out loss that is NaN", { heldOutLoss: Number.NaN }, /not finite/],
    ["a loss that rose", { loss: 2.1 }, /^the loss drifts by 5\.0e-2, more than 0\.000001$/],
    ["a loss that fell", { loss: 1.9 }, /^the loss drifts by 5\.0e-2/],
    [
      "a held-out loss that moved",
      { heldOutLoss: 4.2 },
      /^the loss on held-out data drifts by 5\.0e-2, more than 0\.01$/,
    ],
    ["an objective that stays", { objective: 1 }, /^the objective does not increase$/],
    ["an objective that falls", { objective: 0.9 }, /^the objective does not increase$/],
    [
      "a slower descent",
      { racedLoss: 1.1 },
      /^descent from the new point reaches 1\.10000, from the old one 1\.00000$/,
    ],
    ["a descent that diverges", { racedLoss: Number.NaN }, /^descent from the new point diverges$/],
  ])("objects to %s", (_, change, reason) => {
    expect(objection(start, start, { ...better, ...change }, limits)).toMatch(reason);
  });

  it("measures drift from the start, and growth and race from the point before", () => {
    const before = { ...better, loss: 2 * (1 + 9e-7) };
    expect(
      objection(start, before, { ...before, objective: 2, loss: 2 * (1 - 9e-7) }, limits),
    ).toBeUndefined();
    expect(objection(start, before, { ...before, objective: 2, loss: 2 * (1 + 1.1e-6) }, limits)).toMatch(
      /drifts/,
    );
    expect(objection(start, before, { ...before, objective: 1.4 }, limits)).toMatch(/does not increase/);
    expect(objection(start, before, { ...before, objective: 2, racedLoss: 0.95 }, limits)).toMatch(
      /0\.950000/,
    );
  });

  it("lets the new point win the race when descent from the old one diverges", () => {
    const lost = { ...start, racedLoss: Number.NaN };
    expect(objection(lost, lost, better, limits)).toBeUndefined();
  });
});

describe("relativeDrift", () => {
  it.each([
    [2, 2.5, 0.25],
    [-2, -1, 0.5],
    [0, 1e-12, 1],
    [0, 0, 0],
    [Number.NaN, Number.NaN, 0],
    [Infinity, Infinity, 0],
  ])("of %d and %d is %d", (a, b, drift) => {
    expect(relativeDrift(a, b)).toBe(drift);
  });
});

describe("limitsOf", () => {
  it("has its defaults by precision", () => {
    expect(limitsOf({}, "float64")).toEqual({ drift: 1e-6, heldOutDrift: 0.01, halvings: 3, curvature: 20 });
    expect(limitsOf({}, "float32")).toEqual({ drift: 1e-4, heldOutDrift: 0.01, halvings: 3, curvature: 20 });
    expect(limitsOf({ drift: 0, halvings: 0 }, "float32")).toEqual({
      drift: 0,
      heldOutDrift: 0.01,
      halvings: 0,
      curvature: 20,
    });
  });

  it.each<[object, RegExp]>([
    [{ drift: -1 }, /guard: drift must be a finite number >= 0; got -1/],
    [{ drift: Number.NaN }, /got NaN/],
    [{ heldOutDrift: "1" }, /guard: heldOutDrift must be a finite number >= 0; got "1"/],
    [{ halvings: 1.5 }, /guard: halvings must be an integer >= 0; got 1.5/],
    [{ halvings: -1 }, /got -1/],
    [{ race: true }, /guard: race must be an object of options; got true/],
    [{ drfit: 1 }, /guard has no option "drfit"; it has drift, heldOutDrift, halvings, race/],
  ])("refuses %j", (guard, message) => {
    expect(() => limitsOf(guard as GuardOptions, "float64")).toThrow(OptionError);
    expect(() => limitsOf(guard as GuardOptions, "float64")).toThrow(message);
  });
});
