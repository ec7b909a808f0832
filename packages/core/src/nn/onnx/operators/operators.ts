import type { Operator } from "../call.js";
import { attentions } from "./attention/attention.js";
import { branches } from "./control/branches.js";
import { loops } from "./control/loops.js";
import { scans } from "./control/scans.js";
import { dropouts } from "./dropout.js";
import { elementwise } from "./elementwise.js";
import { fourier } from "./fourier.js";
import { blocks } from "./images/blocks.js";
import { grids } from "./images/grid-sample.js";
import { paddings } from "./images/padding.js";
import { resizing } from "./images/resize.js";
import { regions } from "./images/roi-align.js";
import { indexing } from "./indexing/indexing.js";
import { ordering } from "./indexing/ordering.js";
import { selection } from "./indexing/selection.js";
import { losses } from "./losses.js";
import { matrices } from "./matrices.js";
import { normalizations } from "./normalizations.js";
import { recurrents } from "./recurrent/recurrent.js";
import { reductions } from "./reductions.js";
import { sequences } from "./sequences.js";
import { shapes } from "./shapes.js";
import { windows } from "./windows/windows.js";

/** The function that traces each operator of the ONNX standard, by name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...blocks,
    ...branches,
    ...dropouts,
    ...elementwise,
    ...grids,
    ...matrices,
    ...normalizations,
    ...paddings,
    ...recurrents,
    ...reductions,
    ...regions,
    ...resizing,
    ...attentions,
    ...fourier,
    ...indexing,
    ...loops,
    ...losses,
    ...ordering,
    ...scans,
    ...selection,
    ...sequences,
    ...shapes,
    ...windows,
  }),
);
