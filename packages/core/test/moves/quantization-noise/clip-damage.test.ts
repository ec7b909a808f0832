// What early and late clips do to values, against plain loops.
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { createRng } from "../../../src/math/rng.js";
import {
  addToHistogram,
  clipDamage,
  clipHistogram,
  damageAt,
} from "../../../src/moves/quantization-noise/clip-damage.js";

const bound = 6;
const rng = createRng(3);
const values = Array.from({ length: 3 }, (_, i) =>
  Array.from({ length: 2000 }, () => Math.max(0, rng.normal() * [0.5, 4, 20][i]!)),
);
const histogram = clipHistogram(values.length, bound);
values.forEach((own, i) => {
  addToHistogram(histogram, i, own);
});
const damage = clipDamage(histogram);

/** E[(min(z e^t, c) e^-t - min(z, c))^2] */
const plain = (i: number, t: number): number =>
  values[i]!.reduce(
    (sum, z) => sum + (Math.min(z * Math.exp(t), bound) * Math.exp(-t) - Math.min(z, bound)) ** 2,
    0,
  ) / values[i]!.length;

describe.each([0, 1, 2])("channel %i", (i) => {
  it("has the mean squared error of its clip, exactly at powers of two", () => {
    for (const octave of [-4, -2, -1, 0, 1, 2, 3, 5]) {
      const t = octave * Math.LN2;
      expect(damageAt(damage, i, t).value).toBeCloseTo(plain(i, t), 9);
    }
  });

  it("has it between them to a few percent", () => {
    for (let t = -3; t < 5; t += 0.07) {
      const expected = plain(i, t);
      expect(Math.abs(damageAt(damage, i, t).value - expected)).toBeLessThan(0.03 * expected + 2e-3);
    }
  });

  it("has the derivative of its value", () => {
    for (let t = -3.03; t < 6; t += 0.31) {
      const quotient = (damageAt(damage, i, t + 1e-5).value - damageAt(damage, i, t - 1e-5).value) / 2e-5;
      expect(damageAt(damage, i, t).rate).toBeCloseTo(quotient, 5);
    }
  });
});

it("a clip that is neither early nor late does nothing, and one beyond all values stays as it is", () => {
  expect(damageAt(damage, 1, 0).value).toBe(0);
  expect(damageAt(damage, 1, 0).rate).toBeCloseTo(0, 12);
  expect(damageAt(damage, 0, -10).value).toBeCloseTo(plain(0, -10), 9);
  expect(damageAt(damage, 1, 30).value).toBeCloseTo(plain(1, 30), 1);
});

it("of a few values it grows on both sides of the bound, and is nowhere negative", () => {
  for (let seed = 0; seed < randomCases(20); seed++) {
    const few = clipHistogram(1, bound);
    const draw = createRng(seed);
    addToHistogram(
      few,
      0,
      Array.from({ length: 3 }, () => bound * Math.exp(draw.normal())),
    );
    const own = clipDamage(few);
    for (const side of [-1, 1]) {
      let last = 0;
      for (let t = 0; t < 6; t += 0.01) {
        const { value } = damageAt(own, 0, side * t);
        expect(value).toBeGreaterThanOrEqual(last - 1e-12);
        last = value;
      }
    }
  }
});
