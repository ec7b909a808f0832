// What a classifier sees in the plane: classes as hues, certainty as strength, the points on top.
import { palettes, type Theme, themeOf } from "isoloss-figures/base";
import { type Context, rgb, type Size } from "./canvas.js";

export interface RegionData {
  /** Grid points a side, row by row from below. */
  readonly side: number;
  readonly classes: Uint8Array;
  readonly surely: Float32Array;
}

export interface PointData {
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly label: Uint8Array;
  readonly isTraining: Uint8Array;
  readonly classes: number;
  /** What the picture shows. */
  readonly range: Readonly<Record<"x" | "y", readonly [number, number]>>;
}

/** Pixels of the regions, the top row first: paper where the network is unsure. */
export function regionPixels(
  { side, classes, surely }: RegionData,
  count: number,
  theme: "light" | "dark",
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * side * side);
  const paper = rgb(themeOf(theme).paper);
  const colors = palettes[theme].map(rgb);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const k = (side - 1 - row) * side + column;
      const color = colors[classes[k]];
      const strength = (0.42 * (surely[k] - 1 / count)) / (1 - 1 / count);
      for (let c = 0; c < 3; c++) {
        pixels[4 * (row * side + column) + c] = paper[c] + strength * (color[c] - paper[c]);
      }
      pixels[4 * (row * side + column) + 3] = 255;
    }
  }
  return pixels;
}

/** Training points are filled, held-out ones are rings. */
export function drawPoints(context: Context, points: PointData, { width, height }: Size, theme: Theme): void {
  const { range } = points;
  const colors = palettes[theme.name === "dark" ? "dark" : "light"];
  const toX = (v: number) => ((v - range.x[0]) / (range.x[1] - range.x[0])) * width;
  const toY = (v: number) => ((range.y[1] - v) / (range.y[1] - range.y[0])) * height;
  for (let k = 0; k < points.x.length; k++) {
    const color = colors[points.label[k]];
    context.beginPath();
    context.arc(toX(points.x[k]), toY(points.y[k]), 3, 0, 2 * Math.PI);
    context.lineWidth = points.isTraining[k] ? 1 : 1.5;
    context.fillStyle = points.isTraining[k] ? color : theme.paper;
    context.strokeStyle = points.isTraining[k] ? theme.paper : color;
    context.fill();
    context.stroke();
  }
}
