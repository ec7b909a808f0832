// The figures of the report, drawn from what the screen shows. Loaded when it is asked for: Plot is larger than the lab.
import { curves, levelSets } from "isoloss-figures";
import type { Grid } from "isoloss-figures/base";
import { type Course, jumpPoints } from "../screens/landscape/course.js";
import { type LandscapeState, optimumOf } from "../screens/landscape/state.js";
import { svgText } from "./save.js";
import { seenPath, seenTicks } from "./seen.js";

const pointOf = ([x, y]: readonly [number, number]) => ({ x, y });

interface Drawn {
  readonly state: LandscapeState;
  readonly courses: readonly Course[];
  readonly theme: "light" | "dark";
}

export function planeSvg({ state, courses, theme }: Drawn, grid: Grid, floor: number): string {
  const width = grid.x[1] - grid.x[0];
  const trajectories = courses.map(({ method, x, y, jumps }) => ({
    name: method,
    ...seenPath(x, y, jumpPoints(jumps), width),
  }));
  const optimum = optimumOf(state.f);
  const marks = { start: pointOf(state.x), ...(optimum && { optimum: pointOf(optimum) }) };
  return svgText(levelSets({ f: grid, spacing: "log", floor, trajectories, ...marks }, { document, theme }));
}

export function curvesSvg({ state, courses, theme }: Drawn): string {
  const series = courses.map(({ method, loss, gradNormSq, jumps }) => {
    const values = state.y === "loss" ? loss : gradNormSq;
    return {
      name: method,
      runs: [{ steps: Array.from(values.keys()), values: Array.from(values) }],
      teleports: seenTicks(jumps.step),
    };
  });
  const yLabel = state.y === "loss" ? "loss" : "squared gradient norm";
  return svgText(curves({ series, logX: state.logx, logY: state.logy, yLabel }, { document, theme }));
}
