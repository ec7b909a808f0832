import type { Operator } from "../call.js";
import { dropouts } from "./dropout.js";
import { elementwise } from "./elementwise.js";
import { blocks } from "./images/blocks.js";
import { grids } from "./images/grid-sample.js";
import { paddings } from "./images/padding.js";
import { resizing } from "./images/resize.js";
import { regions } from "./images/roi-align.js";
import { matrices } from "./matrices.js";
import { normalizations } from "./normalizations.js";
import { reductions } from "./reductions.js";
import { shapes } from "./shapes.js";
import { windows } from "./windows/windows.js";

/** The function that traces each operator of the ONNX standard, by name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...blocks,
    ...dropouts,
    ...elementwise,
    ...grids,
    ...matrices,
    ...normalizations,
    ...paddings,
    ...reductions,
    ...regions,
    ...resizing,
    ...shapes,
    ...windows,
  }),
);
