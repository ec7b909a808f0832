import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spaced } from "../src/curves-marks.js";

const options = { gap: 10, from: 0, to: 100 };

describe("spaced", () => {
  it("leaves places that are far enough apart", () => {
    expect(spaced([50, 10, 30], options)).toEqual([50, 10, 30]);
  });

  it("moves close ones apart around their mean", () => {
    expect(spaced([52, 48], options)).toEqual([55, 45]);
    expect(spaced([50, 50, 50], options)).toEqual([40, 50, 60]);
  });

  it("stays between the ends", () => {
    expect(spaced([-20, 1], options)).toEqual([0, 10]);
    expect(spaced([99, 140], options)).toEqual([90, 100]);
  });

  it("keeps the order and the gap of any places that fit", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -50, max: 150, noNaN: true }), { maxLength: 10 }), (places) => {
        const moved = spaced(places, options);
        const order = [...places.keys()].sort((a, b) => places[a] - places[b]);
        for (const [k, i] of order.entries()) {
          expect(moved[i]).toBeGreaterThanOrEqual(-1e-6);
          expect(moved[i]).toBeLessThanOrEqual(100 + 1e-6);
          if (k > 0) expect(moved[i] - moved[order[k - 1]]).toBeGreaterThanOrEqual(10 - 1e-6);
        }
      }),
    );
  });
});
