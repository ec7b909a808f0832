import { describe, expect, it } from "vitest";
import { circles, moons, type PlanarPoints, spirals } from "../../src/data/planar.js";
import { OptionError } from "../../src/errors.js";

const sets = { moons, spirals, circles };
const rowsOf = ({ images, labels }: PlanarPoints) =>
  Array.from(labels.data, (label, i) => ({
    label: Number(label),
    x: images.data[2 * i],
    y: images.data[2 * i + 1],
  }));

describe("planar sets", () => {
  it.each(Object.entries(sets))("%s: as many of each class, seeded, moved by noise", (_, make) => {
    const { images, labels, classes } = make({ points: 101, seed: 3 });
    expect([images.shape, labels.shape, classes]).toEqual([[101, 2], [101], 2]);
    expect(Array.from(labels.data).filter((label) => label === 0n)).toHaveLength(51);
    expect(make({ points: 101, seed: 3 }).images.data).toEqual(images.data);
    expect(make({ points: 101, seed: 4 }).images.data).not.toEqual(images.data);
    const [a, b] = [make({ points: 2000, noise: 0 }), make({ points: 2000, noise: 0.1 })];
    const moved = a.images.data.map((v, i) => (b.images.data[i] - v) ** 2);
    // The variance of 4000 normal numbers: three standard errors are 7 %.
    expect(Math.abs(moved.reduce((sum, v) => sum + v) / 4000 / 0.01 - 1)).toBeLessThan(0.07);
    expect(() => make({ points: 1 })).toThrow(OptionError);
    expect(() => make({ noise: -1 })).toThrow(/noise must be a finite number >= 0; got -1/);
  });

  it("lie on their curves without noise", () => {
    for (const { label, x, y } of rowsOf(moons({ noise: 0 }))) {
      const [dx, dy] = label === 0 ? [x, y] : [1 - x, 0.5 - y];
      expect(Math.hypot(dx, dy)).toBeCloseTo(1, 6);
      expect(dy).toBeGreaterThan(-1e-6);
    }
    for (const { label, x, y } of rowsOf(circles({ noise: 0, factor: 0.3 }))) {
      expect(Math.hypot(x, y)).toBeCloseTo(label === 0 ? 1 : 0.3, 6);
    }
    for (const { label, x, y } of rowsOf(spirals({ noise: 0, turns: 2 }))) {
      // Radius s has the angle 4 pi s, half a turn further for the second class.
      const angle = Math.atan2(y, x) - 4 * Math.PI * Math.hypot(x, y) - Math.PI * label;
      expect(Math.cos(angle)).toBeCloseTo(1, 4);
    }
  });
});
