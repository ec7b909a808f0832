import { describe, expect, it } from "vitest";
import { parallelCoordinates } from "../src/parallel-coordinates.js";
import { svgText } from "../src/svg.js";

const draw = (data: Parameters<typeof parallelCoordinates>[0]) => parallelCoordinates(data);
const paths = (svg: Element) => [...svg.querySelectorAll("path")].map((path) => path.getAttribute("d") ?? "");

describe("parallelCoordinates", () => {
  it("has a line for each trial but the worst tenth, the best last, and says so", () => {
    const lines = Array.from({ length: 20 }, (_, i) => [i, "a", 20 - i]);
    const svg = draw({ axes: ["x", "kind", "loss"], lines });
    // 18 of 20 are kept: losses 1 to 18.
    expect(paths(svg)).toHaveLength(18);
    expect(svgText(svg)).toContain("Left out: the 2 with the worst loss.");
    expect(svgText(svg)).toContain("In color: the best 2 of 18.");
    const color = (path: Element | undefined) => path?.getAttribute("stroke");
    const all = [...svg.querySelectorAll("path")];
    expect(color(all.at(-1))).toBe(color(all.at(-2)));
    expect(color(all.at(-3))).not.toBe(color(all.at(-1)));
  });

  it("keeps the largest where the goal is to maximize", () => {
    const lines = Array.from({ length: 10 }, (_, i) => [i, i]);
    const maximized = svgText(draw({ axes: ["x", "accuracy"], lines, goal: "maximize" }));
    expect(maximized).toContain("The best: x 9, accuracy 9.");
    expect(svgText(draw({ axes: ["x", "loss"], lines }))).toContain("The best: x 0, loss 0.");
  });

  it("puts the geometric mean in the middle of an axis over more than two powers of ten", () => {
    const lines = [0.001, 0.0316227766, 1].map((rate) => [rate, rate]);
    const svg = draw({ axes: ["rate", "loss"], lines: [...lines, ...lines, ...lines] });
    expect(svgText(svg)).toContain("Logarithmic: rate, loss.");
    const ys = new Set(paths(svg).map((d) => Number(d.split("L")[0]?.split(",")[1])));
    const [bottom, middle, top] = [...ys].sort((a, b) => b - a) as [number, number, number];
    expect(middle).toBeCloseTo((bottom + top) / 2, 1);
  });

  it("has a place below the numbers where a trial has no value", () => {
    const svg = draw({
      axes: ["momentum", "loss"],
      lines: [
        [null, 3],
        [0.5, 2],
        [0.9, 1],
      ],
    });
    expect(svgText(svg)).toContain(">none</text>");
    const start = (d: string) => Number(d.split("L")[0]?.split(",")[1]);
    const [worst, best] = [...svg.querySelectorAll("path")].map((p) => start(p.getAttribute("d") ?? ""));
    const none = [...svg.querySelectorAll("line")][0]?.getAttribute("y1");
    expect(paths(svg)).toHaveLength(3);
    expect([worst, best].every((y) => (y ?? 0) <= Number(none))).toBe(true);
  });

  it("has numbers beside texts in their order, and texts after them", () => {
    const batches = [128, "full", 16, 1030, null];
    const svg = draw({ axes: ["batch", "loss"], lines: batches.map((batch) => [batch, 1]) });
    const ticks = [...svg.querySelectorAll("text")].map(({ textContent }) => textContent);
    expect(ticks.filter((text) => /^(16|128|1030|full|none)$/.test(text ?? ""))).toEqual([
      "16",
      "128",
      "1030",
      "full",
      "none",
    ]);
  });

  it("has the middle of an axis of very small numbers", () => {
    const svg = svgText(
      draw({
        axes: ["x", "loss"],
        lines: [
          [1e-200, 1],
          [1e-170, 2],
        ],
      }),
    );
    expect(svg).toContain("10⁻¹⁸⁵");
    expect(svg).not.toContain("Infinity");
  });

  it("refuses what it cannot draw", () => {
    expect(() => draw({ axes: ["x", "loss"], lines: [] })).toThrow("lines is empty");
    expect(() => draw({ axes: ["loss"], lines: [[1]] })).toThrow("axes needs two names or more");
    expect(() => draw({ axes: ["x", "loss"], lines: [[1, Number.NaN]] })).toThrow(
      "a line needs 2 values, numbers finite, the last a number; got [1, NaN]",
    );
    for (const line of [[Number.NaN, 1], [Number.POSITIVE_INFINITY, 1], [1, "a"], [1]])
      expect(() => draw({ axes: ["x", "loss"], lines: [line] })).toThrow("numbers finite, the last a number");
  });
});
