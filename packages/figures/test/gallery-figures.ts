import {
  accuracySeries,
  barsData,
  channelRangesData,
  cosinesData,
  curveSeries,
  levelSetsData,
  parallelData,
  paretoData,
  valueBarsData,
} from "isoloss-test-support/figures/examples";
import { bars } from "../src/bars.js";
import { channelRanges } from "../src/channel-ranges.js";
import { conflictCosines } from "../src/conflict-cosines.js";
import { curves } from "../src/curves.js";
import type { FigureOptions } from "../src/frame.js";
import { levelSets } from "../src/level-sets.js";
import { parallelCoordinates } from "../src/parallel-coordinates.js";
import { paretoFront } from "../src/pareto-front.js";
import { scatter } from "../src/scatter.js";
import { svgText } from "../src/svg.js";
import { valueBars } from "../src/value-bars.js";

/** The figures of docs/gallery.md by the names of their files. */
const figures: Record<string, (options: FigureOptions) => SVGSVGElement> = {
  "level-sets": (o) =>
    levelSets(levelSetsData, { ...o, title: "Level sets", caption: "A teleport goes along a level set." }),
  "curves-direct": (o) =>
    curves(
      { series: curveSeries, logY: true, target: 0.1, yLabel: "training loss" },
      { ...o, title: "Loss against steps" },
    ),
  "curves-legend": (o) =>
    curves(
      { series: curveSeries.slice(0, 3), x: "seconds", spread: "interval", labels: "legend" },
      { ...o, title: "Loss against time" },
    ),
  "curves-accuracy": (o) =>
    curves(
      { series: accuracySeries, spread: "interval", yLabel: "validation accuracy" },
      { ...o, title: "Accuracy against steps" },
    ),
  "pareto-front": (o) =>
    paretoFront(paretoData, { ...o, title: "Two losses and their Pareto front", height: 460 }),
  "conflict-cosines": (o) => conflictCosines(cosinesData, { ...o, title: "Conflicts between tasks" }),
  "parallel-coordinates": (o) =>
    parallelCoordinates(parallelData, { ...o, title: "Forty trials of a sweep" }),
  scatter: (o) =>
    scatter(
      {
        series: [
          {
            name: "digits",
            points: [0, 1, 2, 3, 4].map((i) => ({ x: 0.1 + i / 50, y: 0.2 + (i % 3) / 10 })),
          },
          { name: "clothes", points: [0, 1, 2, 3].map((i) => ({ x: 0.2 - i / 50, y: 0.5 + (i % 2) / 10 })) },
        ],
        xLabel: "sharpness",
        yLabel: "validation loss",
        notes: ["Two data sets."],
      },
      { ...o, title: "Sharpness and validation loss" },
    ),
  bars: (o) => bars(barsData, { ...o, title: "Full-batch and mini-batch training" }),
  "channel-ranges": (o) => channelRanges(channelRangesData, { ...o, title: "Weights of each channel" }),
  "value-bars": (o) => valueBars(valueBarsData, { ...o, title: "Error of quantized files" }),
};

export const galleryNames = Object.keys(figures);

/** A figure of the gallery as the text of an SVG file. */
export const drawn = (name: string, options: FigureOptions): string => svgText(figures[name](options));
