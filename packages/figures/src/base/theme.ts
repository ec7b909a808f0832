// Colors after Okabe and Ito's set for color vision deficiencies, the light ones darkened to a contrast of 3 on white.
import { need } from "./check.js";

/** `auto` follows the page: each color is a CSS variable, whose default follows the page's `color-scheme`. */
export type ThemeName = "light" | "dark" | "auto";

/** The colors of a figure, each a CSS color. */
export interface Theme {
  readonly name: ThemeName;
  /** Behind the figure: `none` in `auto`. */
  readonly background: string;
  /** The color of the page, for halos around text and lines. */
  readonly paper: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  /** The i-th series: colors repeat after the last. */
  series(i: number): string;
  /** `n` colors for filled contours, the lowest level first, which stands out most from the page. */
  ramp(n: number): string[];
}

/** Colors of series on light and on dark pages. */
export const palettes = {
  light: ["#0072b2", "#d55e00", "#00986c", "#c874b2", "#7a4a00", "#3a9ad9", "#222222"],
  dark: ["#56b4e9", "#d55e00", "#009e73", "#cc79a7", "#f0e442", "#e69f00", "#cccccc"],
} as const;

const fixed = {
  light: { paper: "#ffffff", ink: "#1f2328", muted: "#59636e", grid: "#e3e6ea" },
  dark: { paper: "#0f141a", ink: "#e6edf3", muted: "#9aa4af", grid: "#2b323b" },
} as const;

/** Ends of the ramp of contours: the lowest level, and nearly the page. */
const ramps = {
  light: ["#8fb3d6", "#f5f8fb"],
  dark: ["#3f6a94", "#141b23"],
} as const;

/**
 * The colors of a theme.
 *
 * @throws OptionError for an unknown name
 */
export function themeOf(name: ThemeName): Theme {
  need(
    name === "light" || name === "dark" || name === "auto",
    `theme must be light, dark or auto; got ${JSON.stringify(name)}.`,
  );
  const pick = (variable: string, light: string, dark: string): string => {
    if (name === "auto") return `var(--isoloss-${variable}, light-dark(${light}, ${dark}))`;
    return name === "light" ? light : dark;
  };
  const one = (key: keyof typeof fixed.light) => pick(key, fixed.light[key], fixed.dark[key]);
  const count = palettes.light.length;
  return {
    name,
    background: name === "auto" ? "none" : one("paper"),
    paper: one("paper"),
    // In auto, text has the color of the text around the figure.
    ink: name === "auto" ? "currentColor" : one("ink"),
    muted: one("muted"),
    grid: one("grid"),
    series: (i) => pick(`series-${(i % count) + 1}`, palettes.light[i % count], palettes.dark[i % count]),
    ramp: (n) =>
      Array.from({ length: n }, (_, i) => {
        const t = n === 1 ? 0 : i / (n - 1);
        return pick(`level-${i + 1}`, mix(...ramps.light, t), mix(...ramps.dark, t));
      }),
  };
}

/** Dashes of the i-th series: none until the colors repeat. */
export const dashOf = (i: number): string | undefined =>
  [undefined, "7 3", "2 3", "8 3 2 3"][Math.floor(i / palettes.light.length) % 4];

function mix(a: string, b: string, t: number): string {
  const channel = (at: number) => {
    const [from, to] = [a, b].map((color) => Number.parseInt(color.slice(at, at + 2), 16));
    return Math.round(from + (to - from) * t)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${channel(1)}${channel(3)}${channel(5)}`;
}
