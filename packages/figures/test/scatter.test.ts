import { expect, it } from "vitest";
import { scatter } from "../src/scatter.js";
import { svgText } from "../src/svg.js";

const draw = (points: readonly { readonly x: number; readonly y: number }[]) =>
  svgText(scatter({ series: [{ name: "a", points }], xLabel: "x", yLabel: "y" }));

it("takes more points than a function takes arguments", () => {
  expect(draw(Array.from({ length: 130_000 }, (_, i) => ({ x: i, y: i })))).toContain(
    "a: 130000 points, 0 to",
  );
});

it("tells of one point, and of one without a place", () => {
  const svg = draw([
    { x: 1, y: 2 },
    { x: 1, y: Number.NaN },
  ]);
  expect(svg).toContain("a: 1 point, 1 to 1 across, 2 to 2 up.");
  expect(svg).toContain("a: 1 point has no finite place here.");
});
