import type { Operator } from "../call.js";
import { elementwise } from "./elementwise.js";
import { matrices } from "./matrices.js";
import { normalizations } from "./normalizations.js";
import { reductions } from "./reductions.js";
import { shapes } from "./shapes.js";
import { windows } from "./windows.js";

/** The function that traces each operator of the ONNX standard, by name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({ ...elementwise, ...matrices, ...normalizations, ...reductions, ...shapes, ...windows }),
);
