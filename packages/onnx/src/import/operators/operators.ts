import type { OnnxNode } from "isoloss/internal";
import type { Operator } from "../call.js";
import { attentions } from "./attention/attention.js";
import { branches } from "./control/branches.js";
import { loops } from "./control/loops.js";
import { scans } from "./control/scans.js";
import { dropouts } from "./dropout.js";
import { arithmeticOperators } from "./elements/arithmetic.js";
import { bits } from "./elements/bits.js";
import { casts } from "./elements/casts.js";
import { functions } from "./elements/functions.js";
import { logic } from "./elements/logic.js";
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
import { quantization } from "./quantization/quantization.js";
import { recurrents } from "./recurrent/recurrent.js";
import { reductions } from "./reductions.js";
import { sequences } from "./sequences.js";
import { shapes } from "./shapes.js";
import { signalWindows } from "./signal-windows.js";
import { training } from "./training.js";
import { windows } from "./windows/windows.js";

/** The function that traces each operator, by name; of another domain than the standard's: by `domain.name`. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    ...blocks,
    ...branches,
    ...dropouts,
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
    ...arithmeticOperators,
    ...bits,
    ...casts,
    ...functions,
    ...logic,
    ...quantization,
    ...signalWindows,
    ...training,
    ...windows,
  }),
);

/** The name of a node's operator in {@link operators}. */
export const operatorName = ({ opType, domain = "" }: OnnxNode): string =>
  isStandard(domain) ? opType : `${domain}.${opType}`;

export const isStandard = (domain: string): boolean => domain === "" || domain === "ai.onnx";
