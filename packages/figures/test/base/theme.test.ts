import { describe, expect, it } from "vitest";
import { palettes, themeOf } from "../../src/base/theme.js";

type Rgb = readonly [number, number, number];

const linearRgb = (hex: string): Rgb => {
  const channel = (at: number) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
};

const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b;

/** WCAG 2.2's contrast ratio. */
function contrast(a: string, b: string): number {
  const [dark, light] = [a, b].map((c) => luminance(linearRgb(c))).sort((p, q) => p - q);
  return (light + 0.05) / (dark + 0.05);
}

/** Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009: full severity, on linear RGB. */
const visions: Record<string, readonly [Rgb, Rgb, Rgb]> = {
  "full color vision": [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** CIE Lab of linear RGB, D65. */
function lab([r, g, b]: Rgb): Rgb {
  const f = (t: number) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
  const y = f(luminance([r, g, b]));
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

describe.each(["light", "dark"] as const)("the colors of the theme %s", (name) => {
  const { paper, ink, muted } = themeOf(name);

  it("stand out from the page by a contrast of 3, text by 4.5", () => {
    for (const color of palettes[name]) expect(contrast(color, paper), color).toBeGreaterThanOrEqual(3);
    for (const color of [ink, muted]) expect(contrast(color, paper), color).toBeGreaterThanOrEqual(4.5);
  });

  it.each(Object.entries(visions))("differ from each other with %s", (_, matrix) => {
    const seen = palettes[name].map((hex) => {
      const rgb = linearRgb(hex);
      const [r, g, b] = matrix.map((row) => row.reduce((sum, v, i) => sum + v * rgb[i], 0));
      return lab([r, g, b].map((v) => Math.min(1, Math.max(0, v))) as unknown as Rgb);
    });
    for (const [i, a] of seen.entries()) {
      for (const b of seen.slice(0, i)) {
        // A difference of 2.3 is just noticeable.
        expect(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])).toBeGreaterThan(12);
      }
    }
  });
});

describe("themeOf", () => {
  it("gives auto colors that follow the page and that a page can set", () => {
    const { series, background, ink, ramp } = themeOf("auto");
    expect(series(0)).toBe(`var(--isoloss-series-1, light-dark(${palettes.light[0]}, ${palettes.dark[0]}))`);
    expect([background, ink]).toEqual(["none", "currentColor"]);
    expect(ramp(3)[2]).toMatch(/^var\(--isoloss-level-3, light-dark\(#[\da-f]{6}, #[\da-f]{6}\)\)$/);
  });

  it("gives a ramp its ends, whatever its length", () => {
    const { ramp } = themeOf("light");
    expect(ramp(1)).toEqual(["#8fb3d6"]);
    expect(ramp(2)).toEqual(["#8fb3d6", "#f5f8fb"]);
    expect(new Set(ramp(40)).size).toBe(40);
  });

  it("refuses a theme that it does not have", () => {
    expect(() => themeOf("sepia" as never)).toThrow(/theme must be light, dark or auto; got "sepia"/);
  });
});
