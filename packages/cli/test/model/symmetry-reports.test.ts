import type { Discovery } from "isoloss/symmetry";
import { describe, expect, it } from "vitest";
import { sentenceOf, titleOf } from "../../src/model/sentences.js";
import { reportsOf } from "../../src/model/symmetry-reports.js";

const nothing = { scalings: [], signs: [], permutations: [], linear: [], bijections: [] };
const shapes = { w: [6, 4], b: [6], v: [2, 3, 4], number: [] };

/** Reports and sentences of groups, of kinds that the type may not have yet. */
function told(groups: object): {
  readonly dimensions: readonly (number | null)[];
  readonly lines: readonly string[];
} {
  const reports = reportsOf({ ...nothing, ...groups } as unknown as Discovery, shapes);
  return {
    dimensions: reports.map(({ degreesOfFreedom }) => degreesOfFreedom),
    lines: reports.map((report) => sentenceOf(report).join(": ")),
  };
}

describe("what was found, in sentences", () => {
  it("says powers, parts, views, copies and inexact groups", () => {
    const axes = [
      { path: "p.w", part: { axis: 0, start: 2, count: 3 }, view: [3, 4], axis: 0, power: 1 },
      { path: "p.b", view: [2, 3], axis: 1, power: -2 },
      { path: "p.v", view: [1, 2, 3, 4], axis: 0, power: -1 },
    ];
    expect(told({ scalings: [{ kind: "scaling", size: 3, axes, exact: false }] })).toEqual({
      dimensions: [3],
      lines: [
        "3 units: w[axis 0: 2..4] axis 0 times c; b as 2 x 3 axis 1 divided by c^2; v divided by c (but for the small constant of a normalization)",
      ],
    });
    const maps = [
      { path: "p.v", view: [2, 3, 4], axis: 1, copyAxis: 0, variance: 1 },
      { path: "p.w", view: [2, 3, 4], axis: 1, copyAxis: 0, variance: -1 },
    ];
    expect(told({ linear: [{ kind: "linear", size: 3, copies: 2, axes: maps }] })).toEqual({
      dimensions: [18],
      lines: ["2 x 3 units: v axis 1 times g; w as 2 x 3 x 4 axis 1 times the inverse of g'"],
    });
  });

  it("says what is added to a parameter, and which ones take it back", () => {
    const shift = {
      kind: "shift",
      size: 6,
      path: "p.b",
      along: [0],
      absorbing: [{ path: "p.number" }, { path: "p.w" }],
    };
    expect(told({ shifts: [shift] })).toEqual({
      dimensions: [6],
      lines: ["6 units: b plus t; number, w minus its effect"],
    });
    const one = { kind: "shift", size: 1, path: "p.w", along: [], absorbing: [] };
    expect(told({ shifts: [one] })).toEqual({ dimensions: [1], lines: ["1 unit: w plus t"] });
  });

  it("says rotations, and groups of kinds that it does not know", () => {
    const axes = [{ path: "p.w", view: [6, 4], axis: 1 }];
    expect(told({ rotations: [{ kind: "orthogonal", size: 4, axes }] })).toEqual({
      dimensions: [6],
      lines: ["4 units: w axis 1 times g"],
    });
    expect(told({ others: [{ kind: "other", size: 4, axes }] })).toEqual({
      dimensions: [null],
      lines: ["4 units: w axis 1 moved"],
    });
    expect(titleOf("other")).toBe("Groups of the kind other");
  });
});
