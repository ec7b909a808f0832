// Themes, axes and statistics without Plot, for the lab and the command line.
export { betaQuantile, tQuantile } from "isoloss/internal";
export { type Axis, type AxisOptions, axisOf, formatValue, isDrawable } from "./base/axis.js";
export { need } from "./base/check.js";
export { type Grid, gridOf } from "./base/grid-of.js";
export { type LevelOptions, type Levels, levelsOf } from "./base/levels.js";
export { type Band, type Run, runningMean, type Spread, type Summary, summarize } from "./base/statistics.js";
export { type SymbolName, symbolOf, symbolPath } from "./base/symbols.js";
export { escaped, wrap } from "./base/text.js";
export { palettes, type Theme, type ThemeName, themeOf } from "./base/theme.js";
