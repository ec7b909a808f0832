// What the methods of the Gramian do in the cases that their docstrings name, and what they refuse.
import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import { NumericalError, OptionError, ShapeError } from "../../../src/errors.js";
import { createRng } from "../../../src/math/rng.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { alignedMtl } from "../../../src/mtl/methods/aligned-mtl.js";
import { caGrad } from "../../../src/mtl/methods/ca-grad.js";
import { config } from "../../../src/mtl/methods/config.js";
import { constant } from "../../../src/mtl/methods/constant.js";
import { dualProj } from "../../../src/mtl/methods/dual-proj.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { imtlG } from "../../../src/mtl/methods/imtl-g.js";
import { mgda } from "../../../src/mtl/methods/mgda.js";
import { nashMtl } from "../../../src/mtl/methods/nash-mtl.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import { upGrad } from "../../../src/mtl/methods/up-grad.js";
import { normalized } from "../../../src/mtl/wrappers/normalized.js";
import { firstStep, gramianOf, inner, inputOf, norm, type Rows, shufflesBy } from "./jacobians.js";

const base: Rows = [
  [-4, 1, 1],
  [6, 1, 1],
];
const conflict: Rows = [
  [1, 2, -1, 0.5],
  [-2, 1, 0.5, 1],
  [0.5, -1.5, 3, -1],
];
const withZero: Rows = [
  [1, 0, 2, -1],
  [0, 0, 0, 0],
  [-1, 2, 0.5, 1],
];
const opposite: Rows = [
  [1, -2, 2],
  [-2, 4, -4],
];

const exact = { normEpsilon: 0, regEpsilon: 0 };
const as = <S>(method: MultiTaskMethod<S>) => method as unknown as MultiTaskMethod<never>;

function close(actual: readonly number[] | Float64Array | undefined, expected: number[], digits = 4): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((x, k) => {
    expect(actual?.[k]).toBeCloseTo(x, digits);
  });
}

describe("A zero row", () => {
  it("conflicts with nothing in PCGrad, also where products with it are not 0", () => {
    const gramian = ndarray(Float64Array.of(1e4, -1e-23, -1e-23, 0), [2, 2]);
    const input = { losses: Float64Array.of(1, 1), gramian, step: 0, epoch: 0, rng: createRng(0) };
    expect([...(pcGrad().combine(input, null).weights ?? [])]).toEqual([1, 1]);
  });

  it("leaves its head the weight of the method inside normalized", () => {
    const { w, headWeights } = firstStep(normalized(constant({ weights: [1, 2, 3] })), withZero);
    close(w, [1 / norm(withZero[0]), 2, 3 / norm(withZero[2])], 12);
    expect(headWeights).toBeUndefined();
  });

  it("stops MGDA", () => {
    expect(firstStep(mgda(), withZero).w).toEqual([0, 1, 0]);
  });

  it("is left undivided by MGDA's normalization, with a note", () => {
    const { w, note } = firstStep(mgda({ normalization: "l2" }), withZero);
    expect(w).toEqual([0, 1, 0]);
    expect(note).toMatch("task 1");
  });

  it("makes CAGrad the mean, or nothing, with a note", () => {
    const third = 1 / 3 / 1.16;
    const mean = firstStep(caGrad({ scale: "mean" }), withZero);
    close(mean.w, [third, third, third], 12);
    expect(mean.note).toMatch("the mean instead");
    expect(firstStep(caGrad({ whenStationary: "zero" }), withZero).w).toEqual([0, 0, 0]);
  });

  it("is left out by IMTL-G, but its head learns", () => {
    const { w, headWeights } = firstStep(imtlG(), withZero);
    close(w, [0.5051, 0, 0.4949]);
    close(headWeights, [0.5051, 1 / 3, 0.4949]);
  });

  it("is left out by FairGrad and Nash-MTL, whose others are as if alone, with a note", () => {
    const others = [withZero[0], withZero[2]];
    const fair = firstStep(fairGrad(), withZero);
    const fairAlone = firstStep(fairGrad(), others).w;
    close(fair.w, [(fairAlone[0] * 3) / 2, 0, (fairAlone[1] * 3) / 2], 9);
    expect(fair.note).toMatch("Gradient 0, so left out: task 1");

    const nash = firstStep(nashMtl(), withZero);
    const [first, second] = firstStep(nashMtl(), others).w;
    close(nash.w, [first, Math.max(first, second), second], 9);
    expect(nash.note).toMatch("task 1");
  });

  it("is all that there is for FairGrad and Nash-MTL, which say so", () => {
    const zeros = [withZero[1], withZero[1]];
    for (const { note } of [firstStep(fairGrad(), zeros), firstStep(nashMtl(), zeros)]) {
      expect(note).toBe("All gradients are 0, so there is no solution.");
    }
    expect(firstStep(fairGrad(), zeros).w).toEqual([0, 0]);
    expect(firstStep(nashMtl(), zeros).w).toEqual([1, 1]);
  });

  it("keeps its preference in UPGrad and DualProj", () => {
    expect(firstStep(upGrad(exact), withZero).w[1]).toBe(1 / 3);
    expect(firstStep(dualProj(exact), withZero).w[1]).toBe(1 / 3);
  });

  it("has weight 0 in Aligned-MTL and ConFIG", () => {
    expect(firstStep(alignedMtl(), withZero).w[1]).toBeCloseTo(0, 15);
    expect(firstStep(config(), withZero).w[1]).toBe(0);
  });
});

describe("Opposite gradients", () => {
  it("leave MGDA, UPGrad, DualProj, PCGrad, ConFIG and IMTL-G no direction", () => {
    const methods = [mgda(), upGrad(exact), dualProj(exact), pcGrad(), config(), imtlG()];
    for (const method of methods) expect(norm(firstStep(method, opposite).d), method.name).toBeLessThan(1e-7);
  });

  it("leave FairGrad no direction, with a note", () => {
    const { d, note } = firstStep(fairGrad(), opposite);
    expect(norm(d)).toBeLessThan(1e-12);
    expect(note).toMatch("no solution");
  });

  it("leave Nash-MTL the previous weights, or none that move, with a note", () => {
    const method = nashMtl();
    const { state } = method.combine(inputOf(base), method.init(2));
    const next = method.combine(inputOf(opposite), state);
    close(next.weights, [0.5915, 0.4071]);
    expect(next.note).toMatch("the previous weights");
    expect([...(method.combine(inputOf(opposite), method.init(2)).weights ?? [])]).toEqual([1, 1]);

    expect(norm(firstStep(nashMtl({ whenUnsolvable: "stationary" }), opposite).d)).toBeLessThan(1e-12);
  });

  it("make CAGrad with c >= 1 stop or take the mean, as asked", () => {
    expect(norm(firstStep(caGrad({ c: 1, whenStationary: "zero" }), opposite).d)).toBe(0);
    close(firstStep(caGrad({ c: 1, rescale: 0, scale: "mean" }), opposite).w, [0.5, 0.5], 12);
  });

  it("make the pinv form of IMTL-G climb a loss, as its weights are -1 and 2", () => {
    const { w, d } = firstStep(imtlG({ form: "pinv" }), opposite);
    close(w, [-1, 2], 9);
    expect(inner(opposite[0], d)).toBeLessThan(0);
  });
});

describe("Nash-MTL", () => {
  it("solves only at every updateEvery-th step", () => {
    const method = nashMtl({ updateEvery: 2 });
    const one = method.combine(inputOf(base), method.init(2));
    const two = method.combine(inputOf([[1, 0, 0], [0, 1, 0]]), one.state); // biome-ignore format: a matrix
    const three = method.combine(inputOf([[1, 0, 0], [0, 1, 0]]), two.state); // biome-ignore format: a matrix
    expect(two.weights).toEqual(one.weights);
    close(three.weights, [1, 1], 9);
  });

  it("has a state that goes through JSON as numbers", () => {
    const { state } = firstStep(nashMtl(), base);
    expect(state.steps).toBe(1);
    expect(state.alpha).toBeInstanceOf(Float64Array);
  });
});

describe("PCGrad", () => {
  it("depends on the order for three tasks, and on nothing but it", () => {
    const reversed = shufflesBy((values) => Array.prototype.reverse.call(values));
    // golden/mtl-aggregators.json.
    close(firstStep(pcGrad(), conflict, { rng: reversed }).w, [2.1136, 1.4736, 1.64], 9);
    const draw = (seed: number) => firstStep(pcGrad(), conflict, { rng: createRng(seed) }).w;
    expect(draw(1)).toEqual(draw(1));
    const different = new Set(Array.from({ length: 20 }, (_, seed) => draw(seed).join()));
    expect(different.size).toBeGreaterThan(1);
  });

  it("projects on a task's own gradient only if told to", () => {
    // g_1 made orthogonal to (-1, -1/2), then to (-1, 1/2), has the product -0.25 0.75 / 1.25^2 = -0.12 with g_1.
    const rows: Rows = [
      [1, 0],
      [-1, 0.5],
      [-1, -0.5],
    ];
    const reversed = shufflesBy((values) => Array.prototype.reverse.call(values));
    const paper = firstStep(pcGrad(), rows, { rng: reversed }).w;
    const own = firstStep(pcGrad({ includeSelf: true }), rows, { rng: reversed }).w;
    close(own, [paper[0] + 0.12, paper[1], paper[2]], 12);
  });
});

describe("What a method cannot take", () => {
  const all = [
    mgda(),
    pcGrad(),
    caGrad(),
    imtlG(),
    alignedMtl(),
    upGrad(),
    dualProj(),
    nashMtl(),
    fairGrad(),
    config(),
  ].map(as);

  it.each(all.map((method) => [method.name, method] as const))(
    "is for %s a gradient that is not finite, and the error names the task",
    (_, method) => {
      for (const bad of [NaN, Infinity]) {
        const rows = [base[0], [6, bad, 1]];
        expect(() => firstStep(method, rows)).toThrow(NumericalError);
        expect(() => firstStep(method, rows)).toThrow(/task.*1/);
      }
    },
  );

  it.each(all.map((method) => [method.name, method] as const))(
    "is for %s a loss that is not finite, and the error names the task",
    (_, method) => {
      const losses = Float64Array.of(1, NaN);
      expect(() => firstStep(method, base, { losses })).toThrow(NumericalError);
      expect(() => firstStep(method, base, { losses })).toThrow("task 1");
    },
  );

  it.each(all.map((method) => [method.name, method] as const))(
    "is for %s a step without a Gramian",
    (_, method) => {
      const { gramian: _left, ...input } = inputOf(base);
      expect(() => method.combine(input, method.init(2))).toThrow(ShapeError);
    },
  );

  it("is a Gramian of another number of tasks", () => {
    const input = inputOf(base, { gramian: gramianOf(conflict) });
    expect(() => mgda().combine(input, null)).toThrow(ShapeError);
  });

  it.each<[string, () => unknown]>([
    ["a negative c", () => caGrad({ c: -1 })],
    ["a rescale of 3", () => caGrad({ rescale: 3 as never })],
    ["an alpha of 0", () => fairGrad({ alpha: 0 })],
    ["an unknown normalization", () => mgda({ normalization: "l1" as never })],
    ["an unknown option", () => upGrad({ epsilon: 1 } as never)],
    ["an update every 0 steps", () => nashMtl({ updateEvery: 0 })],
    ["a negative preference of UPGrad", () => upGrad({ preference: [1, -1] })],
    ["a weight that is no number", () => constant({ weights: [NaN] })],
    [
      "a preference for three tasks where there are two",
      () => firstStep(upGrad({ preference: [1, 1, 1] }), base),
    ],
    ["weights for one task where there are two", () => firstStep(constant({ weights: [1] }), base)],
  ])("is %s", (_, misuse) => {
    expect(misuse).toThrow(OptionError);
  });
});
