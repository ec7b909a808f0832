import { describe, expect, it } from "vitest";
import { gridOf } from "../src/base/grid-of.js";
import { palettes, themeOf } from "../src/base/theme.js";
import { type LevelSetsData, levelSets, piecesOf } from "../src/level-sets.js";
import { elementsOf, pointsOf, textOf, textsOf } from "./marks.js";

const square = { x: [-1, 1], y: [-1, 1], n: 41 } as const;
const bowl = gridOf((x, y) => x * x + y * y, square);
const draw = (data: LevelSetsData) => textOf(levelSets, data);
const contoursOf = (svg: string, levels: number) => {
  const ramp = themeOf("light").ramp(levels);
  return elementsOf(svg, "path", { fill: /^#/ }).filter(({ attributes }) => ramp.includes(attributes.fill));
};

describe("gridOf", () => {
  it("evaluates a function at the corners and between, x fastest", () => {
    const { values } = gridOf((x, y) => 10 * x + y, { x: [0, 2], y: [5, 7], n: 3 });
    expect([...Array.from(values)]).toEqual([5, 15, 25, 6, 16, 26, 7, 17, 27]);
  });

  it("refuses what is no grid", () => {
    expect(() => gridOf(() => 0, { ...square, n: 1 })).toThrow(/n must be an integer >= 2.*got 1/);
    expect(() => gridOf(() => 0, { ...square, x: [1, 1] })).toThrow(/x must be a range .*\[1,1\]/);
  });
});

describe("levelSets", () => {
  it("draws each level set where the function has its value", () => {
    const levels = 4;
    const svg = draw({ f: bowl, levels });
    const paths = contoursOf(svg, levels);
    expect(paths.map(({ attributes }) => attributes.fill)).toEqual(themeOf("light").ramp(levels));
    // f from 0 to 2 in four levels: the third, from 1 on, is outside the circle of radius 1.
    const ticks = (axis: string) =>
      new RegExp(`aria-label="${axis}-axis tick"[^>]*>(.*?)</g>`).exec(svg)?.[1] ?? "";
    const places = (axis: "x" | "y") =>
      [...ticks(axis).matchAll(/translate\(([-\d.]+),([-\d.]+)\)/g)].map((m) =>
        Number(m[axis === "x" ? 1 : 2]),
      );
    const [x, y] = [places("x"), places("y")];
    const [x0, x1, y0, y1] = [x[0], x[x.length - 1], y[0], y[y.length - 1]];
    const circle = pointsOf(paths[2].attributes.d)
      .map(([px, py]) => [-1 + (2 * (px - x0)) / (x1 - x0), -1 + (2 * (py - y0)) / (y1 - y0)])
      .filter(([px, py]) => Math.abs(px) < 0.9 && Math.abs(py) < 0.9);
    expect(circle.length).toBeGreaterThan(40);
    // Between grid points f is taken as linear: an error of h^2 / 8 times f''= 2.
    for (const [px, py] of circle) expect(Math.abs(Math.hypot(px, py) - 1)).toBeLessThan(0.005);
  });

  it("takes logarithmic levels above the floor", () => {
    const wide = gridOf((x, y) => 10 ** (3 * (x + y)), square);
    const svg = draw({ f: wide, spacing: "log", levels: 3 });
    expect(contoursOf(svg, 3)).toHaveLength(3);
    // The least value, -6, is the floor; the next of the grid is 0.05 above.
    expect(draw({ f: gridOf((x) => x - 5, square), spacing: "log" })).toMatch(/levels from −5.95 to/);
    expect(draw({ f: gridOf((x) => x, square), spacing: "log", floor: 10, levels: 2 })).toContain(
      "levels from",
    );
  });

  it("draws jumps as dashed arrows with their step, and no line in between", () => {
    const points = [0, 1, 2, 3].map((i) => ({ x: -0.9 + 0.1 * i, y: 0 }));
    const jumps = [{ from: points[2], to: { x: 0, y: 0.7 }, step: 2 }];
    const svg = draw({ f: bowl, trajectories: [{ name: "GD", points, jumps }] });
    expect(elementsOf(svg, "g", { "stroke-dasharray": "5 4" })).toHaveLength(1);
    expect(elementsOf(svg, "marker")).toHaveLength(1);
    expect(textsOf(svg)).toContain("2");
    expect(svg).toContain("GD ends at (−0.6, 0) with teleports before steps 2.");
  });

  it("draws of many jumps a hundred, evenly, and breaks the path at all", () => {
    const at = (k: number) => ({ x: -0.9 + 0.01 * k, y: 0 });
    const points = Array.from({ length: 150 }, (_, k) => at(k));
    const jumps = points.slice(1).map((from, k) => ({ from, to: { ...from, y: 0.5 }, step: k + 1 }));
    const svg = draw({ f: bowl, trajectories: [{ name: "GD", points, jumps }] });
    expect(elementsOf(svg, "path", { "marker-end": /url/ })).toHaveLength(75);
    const pieces = elementsOf(svg, "path").map(({ attributes }) => attributes.d.split("M").length - 1);
    expect(pieces.filter((count) => count === 150)).toHaveLength(2);
  });

  it("writes the steps of jumps only where they cover neither each other nor another jump's end", () => {
    const to = (step: number, x: number, y: number) => ({ from: { x: 0, y: 0 }, to: { x, y }, step });
    // A picture of 640 x 480 px for a range of 2: 0.05 are about 15 px. The second label would begin in the first one,
    // the third would cover the end of the fourth.
    const jumps = [to(1000, -0.5, 0), to(2000, -0.45, 0), to(3000, 0.5, 0), to(40, 0.5, 0.05)];
    const svg = draw({ f: bowl, trajectories: [{ name: "GD", points: [{ x: 0, y: 0 }], jumps }] });
    const labels = textsOf(svg).filter((text) => /^\d{2,}$/.test(text));
    expect(labels).toEqual(["1000", "40"]);
    expect(svg).toContain("with teleports before steps 1000, 2000, 3000, 40.");
  });

  it("names what leaves the picture, and cuts a path at its first value that is not finite", () => {
    const points = [
      { x: 0, y: 0 },
      { x: 3, y: 0 },
      { x: NaN, y: 0 },
      { x: 0.5, y: 0 },
    ];
    expect(draw({ f: bowl, trajectories: [{ name: "GD", points }] })).toContain("Leaving the picture: GD.");
    expect(piecesOf({ name: "GD", points })).toEqual([points.slice(0, 2)]);
  });

  it("leaves blank where the function is not a number, and says so", () => {
    const svg = draw({ f: gridOf((x, y) => (x > 0 ? NaN : y), square), levels: 3 });
    expect(svg).toContain("Left blank: the function is not a number there.");
    const right = contoursOf(svg, 3).flatMap(({ attributes }) => pointsOf(attributes.d).map(([x]) => x));
    // The middle of the picture, at x = 0, and half a cell more.
    expect(Math.max(...right)).toBeLessThan(345);
  });

  it("draws constants, gaps, infinities, one point and no trajectory", () => {
    draw({ f: gridOf(() => 7, square) });
    draw({ f: gridOf(() => 0, square), spacing: "log" });
    draw({ f: gridOf((x, y) => (x > 0.5 ? NaN : y > 0.5 ? Infinity : x), square), spacing: "log" });
    draw({
      f: bowl,
      trajectories: [
        { name: "GD", points: [{ x: 0, y: 0 }] },
        { name: "none", points: [] },
      ],
    });
    draw({ f: gridOf((x, y) => 10 ** (150 * (x + y)), square), spacing: "log" });
    draw({ f: gridOf((x) => 1e300 * x, square) });
  });

  it.each([
    [{ f: { ...bowl, values: [1] } }, /41 x 41 points need 1681 values.*got 1 values/],
    [{ f: gridOf(() => NaN, square) }, /no finite value/],
    [{ f: bowl, levels: 1 }, /levels must be an integer from 2 to 40; got 1/],
    [{ f: bowl, spacing: "sqrt" as never }, /spacing must be linear or log; got "sqrt"/],
    [
      { f: bowl, trajectories: [1, 2].map(() => ({ name: "GD", points: [] })) },
      /two entries are called "GD"/,
    ],
  ] satisfies [LevelSetsData, RegExp][])("refuses what it cannot draw: %#", (data, message) => {
    expect(() => draw(data)).toThrow(message);
  });
});

describe("piecesOf", () => {
  const at = (x: number) => ({ x, y: 0 });
  const pieces = (points: number[]) =>
    piecesOf({ name: "GD", points: points.map(at), jumps: [{ from: at(2), to: at(9), step: 2 }] }).map((p) =>
      p.map(({ x }) => x),
    );

  it("splits at a jump, whether the iterate of its step is that before or after", () => {
    expect(pieces([0, 1, 2, 10])).toEqual([
      [0, 1, 2],
      [9, 10],
    ]);
    expect(pieces([0, 1, 9, 10])).toEqual([
      [0, 1, 2],
      [9, 10],
    ]);
  });

  it("goes by the points' own steps where they have some", () => {
    const points = [0, 5, 10].map((step) => ({ ...at(step), step }));
    const jumps = [{ from: at(7), to: at(20), step: 7 }];
    expect(piecesOf({ name: "GD", points, jumps }).map((p) => p.map(({ x }) => x))).toEqual([
      [0, 5, 7],
      [20, 10],
    ]);
  });
});

it("has a color of its own for each trajectory", () => {
  const trajectories = ["a", "b"].map((name, i) => ({
    name,
    points: [
      { x: 0, y: 0 },
      { x: 0.5, y: i / 2 },
    ],
  }));
  const svg = draw({ f: bowl, trajectories });
  for (const stroke of palettes.light.slice(0, 2)) expect(elementsOf(svg, "g", { stroke })).not.toEqual([]);
});
