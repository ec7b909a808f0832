// The figures of the report from what screens show, drawn beside the page: those of a long run take tenths of a second.
import { svgText } from "isoloss-figures";
import { type Port, serve } from "../worker/serve.js";
import * as landscape from "./landscape/figures.js";
import * as tasks from "./tasks/figures.js";
import * as train from "./train/figures.js";

const drawings = {
  landscapePlane: landscape.planeFigure,
  landscapeCurves: landscape.curvesFigure,
  tasksPlane: tasks.planeFigure,
  tasksFront: tasks.frontFigure,
  tasksCurves: tasks.curvesFigure,
  trainCurves: train.curvesFigure,
};
export type Drawings = typeof drawings;

const handlers = Object.entries(drawings).map(
  ([name, draw]) => [name, (data: never) => svgText(draw(data))] as const,
);
serve(globalThis as unknown as Port, Object.fromEntries(handlers));
