import type { Operator } from "../call.js";
import { elementwise } from "./elementwise.js";
import { indexing } from "./indexing.js";
import { losses } from "./losses.js";
import { matrices } from "./matrices.js";
import { normalizations } from "./normalizations.js";
import { ordering } from "./ordering.js";
import { reductions } from "./reductions.js";
import { selection } from "./selection.js";
import { shapes } from "./shapes.js";
import { windows } from "./windows.js";

/** The function that traces each operator of the ONNX standard, by name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...elementwise,
    ...indexing,
    ...losses,
    ...matrices,
    ...normalizations,
    ...ordering,
    ...reductions,
    ...selection,
    ...shapes,
    ...windows,
  }),
);
