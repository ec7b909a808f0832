import { themeOf } from "isoloss-figures/base";
import { describe, expect, it } from "vitest";
import {
  describeChart,
  drawLineChart,
  type LineChartData,
  layoutOf,
  nearestIndex,
  notesOf,
  readingOf,
  thinned,
} from "../../src/charts/line-chart.js";
import { numberRows } from "../../src/charts/numbers.js";
import { describePlane, drawPlane, type PlaneData, planeLayout, pointAt } from "../../src/charts/plane.js";
import { recorder } from "./recorder.js";

const size = { width: 400, height: 240 };
const curve = (y: readonly number[], more: object = {}) => ({
  name: "plain",
  color: "#123456",
  dash: [],
  teleports: [],
  diverged: false,
  x: y.map((_, t) => t),
  y,
  ...more,
});
const chart = (series: LineChartData["series"], more: Partial<LineChartData> = {}): LineChartData => ({
  series,
  xLabel: "step",
  yLabel: "loss",
  logX: false,
  logY: true,
  whole: true,
  ...more,
});
const theme = themeOf("light");

describe("a line chart", () => {
  it("draws every point in its place between the axes", () => {
    const data = chart([curve([100, 10, 1])]);
    const layout = layoutOf(data, size);
    const { context, calls, textsAt } = recorder();
    drawLineChart(context, data, layout, theme);
    const start = calls.findIndex(({ name, args }) => name === "strokeStyle=" && args[0] === "#123456");
    const line = calls.slice(start).filter(({ name }) => name === "moveTo" || name === "lineTo");
    expect(line.slice(0, 3)).toEqual(
      [100, 10, 1].map((v, t) => ({
        name: t === 0 ? "moveTo" : "lineTo",
        args: [layout.toX(t), layout.toY(v)],
      })),
    );
    // A decade takes the same height as the next one.
    expect(layout.toY(100) - layout.toY(10)).toBeCloseTo(layout.toY(10) - layout.toY(1), 9);
    expect(textsAt()).toEqual([...layout.y.tickLabels, ...layout.x.tickLabels, "step", "loss"]);
  });

  it("leaves out what a logarithmic axis cannot show, and says so", () => {
    const data = chart([curve([1, 0, 0.01])]);
    expect(notesOf(data)).toEqual(["Values of 0 have no place on a logarithmic axis: plain."]);
    expect(notesOf({ ...data, logY: false })).toEqual([]);
    // What diverged is no zero.
    const notes = ["plain: 2 of 3 seeds diverged."];
    expect(notesOf({ ...chart([curve([1, Infinity])]), notes })).toEqual(notes);
  });

  it("draws a band without an upper end out of the panel", () => {
    const band = { along: "y", low: [1, 1, 1], high: [2, Infinity, Infinity] };
    const data = chart([curve([1.5, 1.5, 1.5], { band })]);
    const layout = layoutOf(data, size);
    const { context, calls } = recorder();
    drawLineChart(context, data, layout, theme);
    const end = calls.findIndex(({ name }) => name === "fill");
    const corners = calls.slice(end - 6, end).map(({ args }) => args as [number, number]);
    expect(corners.map(([x]) => x)).toEqual([0, 1, 2, 2, 1, 0].map(layout.toX));
    expect(corners.slice(3, 5).every(([, y]) => y < layout.top)).toBe(true);
  });

  it("draws no band where no end is finite, and finite ends where they are", () => {
    const band = { along: "y", low: [1, Infinity, 1, 1], high: [2, Infinity, 2, 1e9] };
    const data = chart([curve([1.5, Infinity, 1.5, 1.5], { band })], { yDomain: [1, 10] });
    const layout = layoutOf(data, size);
    const { context, calls } = recorder();
    drawLineChart(context, data, layout, theme);
    const [start, end] = [0.2, 1].map((alpha) =>
      calls.findIndex(({ name, args }) => name === "globalAlpha=" && args[0] === alpha),
    );
    const corners = calls.slice(start, end).filter(({ name }) => name === "lineTo" || name === "fill");
    const { toX, toY } = layout;
    expect(corners.map(({ args }) => args)).toEqual([
      ...[[toX(0), toY(1)], [toX(0), toY(2)], []],
      ...[[toX(2), toY(1)], [toX(3), toY(1)], [toX(3), toY(1e9)], [toX(2), toY(2)], []],
    ]);
  });

  it("fits the runs that last, and ends one that diverged with a cross", () => {
    const data = chart([curve([1, 0.5]), curve([1, 1e80], { name: "fast", diverged: true })]);
    const layout = layoutOf(data, size);
    expect(layout.y.domain[1]).toBeLessThan(2);
    expect(describeChart(data)).toMatch(/fast goes from 1 to 10⁸⁰ at step 1, where it diverged\./);
    expect(layoutOf(chart([curve([1, 1e80], { diverged: true })]), size).y.domain[1]).toBeGreaterThan(1e80);
  });

  it("reads values at a cursor, and lists at most 200 rows", () => {
    const data = chart([curve([4, 2, 1]), curve([4, 1], { name: "teleported" })]);
    expect(readingOf(data, 2)).toBe("step 2: plain 1; teleported 1");
    expect(nearestIndex([0, 1, 4], 3)).toBe(2);
    expect(nearestIndex([], 3)).toBe(0);
    expect(numberRows(data)).toEqual({
      head: ["step", "plain", "teleported"],
      rows: [
        ["0", "4", "4"],
        ["1", "2", "1"],
        ["2", "1", ""],
      ],
    });
    const long = numberRows(chart([curve(Array.from({ length: 5001 }, (_, t) => t + 1))])).rows;
    expect(long.length).toBeLessThanOrEqual(202);
    expect(long.at(-1)).toEqual(["5000", "5001"]);
  });

  it("keeps the smallest and the largest of the points that it merges", () => {
    const y = Float64Array.from({ length: 100_000 }, (_, i) => Math.sin(i / 1000));
    y[54_321] = 1e6;
    y[77_777] = -1e6;
    const kept = thinned(y, 4000);
    expect(kept.length).toBeLessThanOrEqual(4002);
    expect(kept).toContain(54_321);
    expect(kept).toContain(77_777);
    expect([kept[0], kept.at(-1)]).toEqual([0, 99_999]);
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
  });
});

describe("axes that are held", () => {
  it("grow in a few steps while a curve grows by a thousandth at a time, and begin anew for what is much smaller", () => {
    const grown = (n: number) => chart([curve(Array.from({ length: n }, (_, t) => 1 + t))], { logY: false });
    let layout = layoutOf(grown(2), size);
    const domains = new Set<string>();
    for (let n = 2; n < 1000; n++) {
      layout = layoutOf(grown(n), size, layout);
      expect(layout.x.domain[1]).toBeGreaterThanOrEqual(n - 1);
      expect(layout.y.domain[1]).toBeGreaterThanOrEqual(n);
      // Where nothing grows there is no room for more.
      expect(Math.min(layout.x.domain[0], layout.y.domain[0])).toBeGreaterThan(-1);
      domains.add(String([layout.x.domain, layout.y.domain]));
    }
    expect(domains.size).toBeLessThan(20);
    expect(layoutOf(grown(5), size, layout).x.domain).toEqual(layoutOf(grown(5), size).x.domain);
  });
});

describe("the plane", () => {
  it("has round circles, also where its room is broad, or says that its axes have units of their own", () => {
    const data = { ...plane([]), x: [-2, 2], y: [-2, 2] } as const;
    const { toX, toY } = planeLayout(data, { width: 900, height: 300 });
    expect(toX(1) - toX(0)).toBeCloseTo(toY(0) - toY(1), 9);
    const own = planeLayout({ ...data, hasEqualUnits: false }, { width: 900, height: 300 });
    expect(own.right - own.left).toBe(848);
  });

  const path = (more: object = {}) => ({
    name: "teleported",
    color: "#abcdef",
    dash: [],
    shown: 3,
    x: [0, 1, 2],
    y: [0, 1, 0],
    ...more,
  });
  const plane = (paths: PlaneData["paths"]): PlaneData => ({
    x: [-2, 2],
    y: [-1, 1],
    paths,
    start: [0, 0],
    optimum: [1, 0],
  });

  it("gives back the point of each place", () => {
    const layout = planeLayout(plane([]), size);
    for (const [x, y] of [
      [-2, -1],
      [0.5, 0.25],
      [2, 1],
    ]) {
      // biome-ignore format: one line
      const [a, b] = pointAt(layout, layout.toX(x), layout.toY(y));
      expect([a, b]).toEqual([expect.closeTo(x, 12), expect.closeTo(y, 12)]);
    }
    expect(pointAt(layout, -100, 1e4)).toEqual([-2, -1]);
    // What a pixel cannot tell apart has no digits.
    const [x] = pointAt(layout, 123.456789, 50);
    expect(String(x).replace(/\D/g, "").length).toBeLessThan(6);
  });

  it("breaks a path where a teleport leaves it, and names its step", () => {
    const jumps = { step: [2], fromX: [1], fromY: [0.9], toX: [1.9], toY: [-0.5] };
    const data = plane([path({ jumps })]);
    const layout = planeLayout(data, size);
    const { context, calls, textsAt } = recorder();
    drawPlane(context, data, layout, theme);
    const at = ([x, y]: readonly number[]) => [layout.toX(x), layout.toY(y)];
    const moves = calls.filter(({ name }) => name === "moveTo" || name === "lineTo");
    expect(moves).toContainEqual({ name: "lineTo", args: at([1, 0.9]) });
    // The path's last point comes after the teleport: no line leads there.
    expect(moves).not.toContainEqual({ name: "lineTo", args: at([2, 0]) });
    expect(textsAt()).toContain("2");
  });

  it("cuts lines off where they leave the panel, and begins again where they come back", () => {
    const data = plane([path({ shown: 6, x: [0, 1, 1e4, 1e4, -1e4, 2], y: [0, 0, 0, 1e4, 1e4, 0] })]);
    const layout = planeLayout(data, size);
    const { context, calls } = recorder();
    drawPlane(context, data, layout, theme);
    const lines = calls.filter(({ name }) => name === "moveTo" || name === "lineTo");
    const at = lines.map(({ args }) => args as [number, number]);
    expect(
      at.every(([x, y]) => x > layout.left - 12 && x < layout.right + 12 && y > -20 && y < size.height),
    ).toBe(true);
    const from = at.findIndex(([x, y]) => x === layout.toX(0) && y === layout.toY(0));
    // Along y = 0 to the right edge; then from the upper edge to the last point, on the line from (-1e4, 1e4).
    expect(lines.slice(from, from + 5).map(({ name }) => name)).toEqual([
      "moveTo",
      "lineTo",
      "lineTo",
      "moveTo",
      "lineTo",
    ]);
    expect(at[from + 2]).toEqual([layout.right + 10, layout.toY(0)]);
    expect(at[from + 4]).toEqual([layout.toX(2), layout.toY(0)]);
    const [px, py] = at[from + 3];
    const slope = (layout.toY(0) - layout.toY(1e4)) / (layout.toX(2) - layout.toX(-1e4));
    expect(py - layout.toY(0)).toBeCloseTo(slope * (px - layout.toX(2)), 6);
  });

  it("draws of a hundred thousand steps with a teleport before each what is seen, and no more", () => {
    const n = 100_000;
    const list = (at: (k: number) => number) => Float64Array.from({ length: n }, (_, k) => at(k));
    const step = list((k) => k);
    // Steps of a tenth of a pixel, and teleports from side to side, no two of them alike.
    const [x, y] = [list((k) => Math.sin(k)), list((k) => Math.cos(k ** 1.1))];
    const before = (values: Float64Array) => list((k) => values[Math.max(0, k - 1)] + 1e-3);
    const jumps = { step, fromX: before(x), fromY: before(y), toX: x, toY: y };
    const data = plane([
      path({ dash: [8, 4], shown: n, x, y, jumps }),
      path({ dash: [8, 4], shown: n, x, y }),
    ]);
    const { context, calls } = recorder();
    drawPlane(context, data, planeLayout(data, size), theme);
    const count = (wanted: string) => calls.filter(({ name }) => name === wanted).length;
    // At most 2000 lines a path, of 200,000.
    expect(count("lineTo")).toBeLessThan(5000);
    expect(count("stroke")).toBeLessThan(20);
    // No line of a hundred thousand pixels is cut into dashes.
    const dashes = calls.filter(({ name, args }) => name === "setLineDash" && String(args[0]) === "8,4");
    expect(dashes).toHaveLength(1);
    expect(describePlane(data)).toMatch(
      /with 100000 teleports before steps 0 to 99999, of which at most 100 are/,
    );
    const few = (length: number) =>
      describePlane(plane([path({ x, y, jumps: { ...jumps, step: step.slice(4, 4 + length) } })]));
    expect(few(1)).toMatch(/with a teleport before step 4\.$/);
    expect(few(2)).toMatch(/with teleports before steps 4, 5\.$/);
    // A path that goes to and fro between two points is two lines.
    const still = plane([path({ shown: n, x: list((k) => k % 2), y: list(() => 0) })]);
    const other = recorder();
    drawPlane(other.context, still, planeLayout(still, size), theme);
    const none = recorder();
    drawPlane(none.context, plane([]), planeLayout(still, size), theme);
    const lines = ({ calls: all }: typeof other) => all.filter(({ name }) => name === "lineTo").length;
    expect(lines(other) - lines(none)).toBe(2);
  });

  it("draws no further than what is shown, and nothing that is not finite", () => {
    const data = plane([path({ shown: 1 }), path({ x: [0, Number.NaN, 1e300], y: [0, 0, 0] })]);
    const { context, calls } = recorder();
    drawPlane(context, data, planeLayout(data, size), theme);
    const numbers = calls.flatMap(({ args }) => args.filter((v) => typeof v === "number"));
    expect(numbers.every(Number.isFinite)).toBe(true);
    expect(Math.max(...numbers)).toBeLessThan(1e4);
  });
});
