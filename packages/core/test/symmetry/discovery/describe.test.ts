import { describe, expect, it } from "vitest";
import { zeros } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import { describeDiscovery } from "../../../src/symmetry/discovery/describe.js";
import type { Discovery } from "../../../src/symmetry/discovery/descriptors.js";

const nothing: Discovery = {
  scalings: [],
  signs: [],
  permutations: [],
  linear: [],
  orthogonal: [],
  shifts: [],
  bijections: [],
};
const params = { w: zeros([6, 4]), b: zeros([6]), v: zeros([2, 3, 4]), number: zeros([]) };
const w0 = { path: "w", view: [6, 4], axis: 0 };
const b0 = { path: "b", view: [6], axis: 0 };

function told(found: Partial<Discovery>) {
  const { groups, ...rest } = describeDiscovery(params, { ...nothing, ...found });
  return {
    dimensions: groups.map(({ degreesOfFreedom }) => degreesOfFreedom),
    lines: groups.map(({ units, text }) => `${units}: ${text}`),
    ...rest,
  };
}

describe("what was found, in sentences", () => {
  it("says powers, parts, views, copies and inexact groups", () => {
    const axes = [
      { path: "w", part: { axis: 0, start: 2, count: 3 }, view: [3, 4], axis: 0, power: 1 },
      { path: "b", view: [2, 3], axis: 1, power: -2 },
      { path: "v", view: [1, 2, 3, 4], axis: 0, power: -1 },
    ];
    expect(told({ scalings: [{ kind: "scaling", size: 3, axes, exact: false }] })).toMatchObject({
      dimensions: [3],
      lines: [
        "3 units: w[axis 0: 2..4] axis 0 times c; b as 2 x 3 axis 1 divided by c^2; v divided by c (but for the small constant of a normalization)",
      ],
      total: "The same function but for the small constant of a normalization, along 3 directions.",
    });
    const maps = [
      { path: "v", view: [2, 3, 4], axis: 1, copyAxes: [0], variance: 1 },
      { path: "w", view: [2, 3, 4], axis: 1, copyAxes: [0], variance: -1 },
    ] as const;
    expect(told({ linear: [{ kind: "linear", size: 3, copies: 2, axes: maps }] })).toMatchObject({
      dimensions: [18],
      lines: ["2 x 3 units: v axis 1 times g; w as 2 x 3 x 4 axis 1 times the inverse of g'"],
    });
  });

  it("says what is added to a parameter, and which ones take it back", () => {
    const absorbing = [{ path: "number" }, { path: "w" }];
    const shift = { kind: "shift", size: 6, path: "b", along: [0], absorbing } as const;
    expect(told({ shifts: [shift] })).toMatchObject({
      dimensions: [6],
      lines: ["6 units: b plus t; number, w minus its effect"],
    });
    const one = { kind: "shift", size: 1, path: "w", along: [], absorbing: [] } as const;
    expect(told({ shifts: [one] })).toMatchObject({ dimensions: [1], lines: ["1 unit: w plus t"] });
  });

  it("says rotations, and units that are mixed on a batch", () => {
    const axes = [{ path: "w", view: [6, 4], axis: 1 }];
    expect(told({ orthogonal: [{ kind: "orthogonal", size: 4, copies: 1, axes }] })).toMatchObject({
      dimensions: [6],
      lines: ["4 units: w axis 1 times g"],
    });
    const site = { weight: { path: "w", out: 0, in: 1 }, bias: "b", next: { path: "v", out: 0, in: 1 } };
    const bijection = { kind: "bijection", activation: "tanh", size: 6, ...site };
    const bijections = [bijection] as unknown as Discovery["bijections"];
    expect(told({ bijections })).toEqual({
      dimensions: [36],
      lines: ["6 units: w axis 0, b, v axis 1 moved (tanh)"],
      directions: 0,
      nearDirections: 0,
      logPermutations: 0,
      signs: 0,
      total: "No symmetry was found that holds on all data; hidden units can be mixed on one batch.",
      blocked: [],
    });
  });

  it("counts what all groups come to: a scaling that is a linear map counts once", () => {
    const maps = [
      { ...w0, variance: 1 as const },
      { path: "v", view: [6, 4], axis: 0, variance: -1 as const },
    ];
    const scaled = maps.map(({ variance, ...axis }) => ({ ...axis, power: variance }));
    const found = {
      linear: [{ kind: "linear", size: 6, copies: 1, axes: maps }],
      scalings: [
        { kind: "scaling", size: 6, axes: scaled, exact: true },
        { kind: "scaling", size: 6, axes: [{ ...b0, power: 1 }], exact: true },
      ],
      permutations: [{ kind: "permutation", size: 6, axes: [w0, b0] }],
      signs: [{ kind: "sign", size: 6, axes: [w0, b0] }],
    } satisfies Partial<Discovery>;
    expect(told(found)).toMatchObject({ directions: 36 + 6, signs: 6 });
    expect(told(found).total).toBe(
      "The same function along at least 42 continuous directions, in at least 720 orders of units and with at least 2^6 signs of units.",
    );
    // 100! = 9.33 10^157
    const many = { permutations: [{ kind: "permutation", size: 100, axes: [] }] } as const;
    expect(told(many).total).toBe("The same function in at least 10^158 orders of units.");
    expect(told({}).total).toBe("No symmetry was found.");
  });

  it("refuses what was not found for these parameters", () => {
    expect(() =>
      describeDiscovery({ b: params.b }, { ...nothing, signs: [{ kind: "sign", size: 6, axes: [w0] }] }),
    ).toThrow(
      new OptionError(
        'describeDiscovery: "w", on which a symmetry acts, is no parameter. Give the parameters that the symmetries were found for.',
      ),
    );
    expect(() => describeDiscovery(params, {} as Discovery)).toThrow(
      /^describeDiscovery takes what symmetriesOf finds/,
    );
  });
});
