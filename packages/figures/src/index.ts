// Figures: pure functions of data that return an SVG element, drawn with Observable Plot.
export { type BarsData, bars, barsWidth, type RatioRow } from "./bars.js";
export {
  type ChannelRangesData,
  channelRanges,
  channelRangesWidth,
  type LayerRanges,
} from "./channel-ranges.js";
export { type CosinesData, conflictCosines } from "./conflict-cosines.js";
export { type CurveSeries, type CurvesData, curves } from "./curves.js";
export type { FigureOptions } from "./frame.js";
export { type Jump, type LevelSetsData, levelSets, type PlanePoint, type Trajectory } from "./level-sets.js";
export { type ParallelData, parallelCoordinates } from "./parallel-coordinates.js";
export { type ParetoData, type ParetoMethod, paretoFront } from "./pareto-front.js";
export { type ScatterData, scatter } from "./scatter.js";
export { svgText } from "./svg.js";
export { type Cell, type TableColumn, type TableRow, type TaskTableData, taskTable } from "./task-table.js";
export { type ValueBarsData, type ValueRow, valueBars, valueBarsWidth } from "./value-bars.js";
