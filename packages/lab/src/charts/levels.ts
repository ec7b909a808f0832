// The picture of a function's levels: bilinear between grid points, in the colors of the figures.
import { type Grid, type Levels, levelsOf, type Theme } from "isoloss-figures/base";
import { Moved } from "../worker/protocol.js";
import { rgb, type Size } from "./canvas.js";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGBA, the top row first. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** Number of levels. */
const count = 14;

/** The colors of a picture: those of its levels, and that of the lines between them. */
export interface LevelColors {
  readonly ramp: readonly string[];
  readonly ink: string;
}

export const levelColors = ({ ramp, ink }: Theme): LevelColors => ({ ramp: ramp(count), ink });

/** Levels of equal ratios above a floor, or without one equally far apart. */
export const levelsOfGrid = (grid: Grid, theme: Pick<Theme, "ramp">, floor?: number): Levels =>
  levelsOf(grid, { levels: count, ...(floor === undefined ? {} : { spacing: "log", floor }) }, theme);

/** Filled levels with faint lines between them, as in the figures. */
export function pictureOf(
  { nx, ny }: Pick<Grid, "nx" | "ny">,
  { values, heights, colors }: Levels,
  { width, height, ink }: { readonly width: number; readonly height: number; readonly ink: string },
): Picture {
  const palette = colors.map(rgb);
  const line = rgb(ink);
  const spacing = heights.length > 1 ? heights[1] - heights[0] : 1;
  const pixels = new Uint8ClampedArray(4 * width * height);
  const at = (column: number, row: number) => values[row * nx + column];
  /** Of the row above: the level of each pixel. */
  const above = new Int32Array(width).fill(-1);
  for (let py = 0; py < height; py++) {
    const gy = ((height - 0.5 - py) / height) * (ny - 1);
    const row = Math.min(ny - 2, Math.floor(gy));
    const v = gy - row;
    let before = -1;
    for (let px = 0; px < width; px++) {
      const gx = ((px + 0.5) / width) * (nx - 1);
      const column = Math.min(nx - 2, Math.floor(gx));
      const u = gx - column;
      const value =
        (1 - v) * ((1 - u) * at(column, row) + u * at(column + 1, row)) +
        v * ((1 - u) * at(column, row + 1) + u * at(column + 1, row + 1));
      if (Number.isNaN(value)) continue;
      const level = Math.max(0, Math.min(heights.length - 1, Math.floor((value - heights[0]) / spacing)));
      const isEdge = (before >= 0 && level !== before) || (above[px] >= 0 && level !== above[px]);
      const share = isEdge ? 0.14 : 0;
      for (let c = 0; c < 3; c++) {
        pixels[4 * (py * width + px) + c] = palette[level][c] * (1 - share) + line[c] * share;
      }
      pixels[4 * (py * width + px) + 3] = 255;
      before = level;
      above[px] = level;
    }
  }
  return { width, height, pixels };
}

/** How levels are painted: their colors, and the picture's size in the device's pixels. */
export interface Paint extends LevelColors, Size {}

/** The levels of a function as a picture; in workers, which are given the colors: only the page loads the themes. */
export async function paintLevels(
  { ramp, ink, width, height }: Paint,
  grid: Grid,
  floor?: number,
): Promise<Moved> {
  const levels = levelsOfGrid(grid, { ramp: (n) => ramp.slice(0, n) }, floor);
  const { pixels } = pictureOf(grid, levels, { width, height, ink });
  const bitmap = await createImageBitmap(new ImageData(pixels, width, height));
  return new Moved({ bitmap }, [bitmap]);
}
