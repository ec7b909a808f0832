import type { Operator } from "../call.js";
import { attentions } from "./attention.js";
import { branches, loops, scans } from "./control.js";
import { convolutions } from "./conv.js";
import { arithmeticOperators, bits, casts, functions, logic } from "./elements.js";
import { blocks, paddings } from "./images.js";
import { indexing, ordering } from "./indexing.js";
import { matrices } from "./matrices.js";
import { dropouts, normalizations } from "./normalizations.js";
import { pooling } from "./pool.js";
import { quantization } from "./quantization.js";
import { recurrents } from "./recurrent.js";
import { reductions } from "./reductions.js";
import { resizing } from "./resize.js";
import { grids, regions } from "./sampling.js";
import { selection } from "./selection.js";
import { sequences } from "./sequences.js";
import { shapes } from "./shapes.js";
import { fourier, signalWindows } from "./signal.js";
import { losses, training } from "./training.js";

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
    ...convolutions,
    ...pooling,
  }),
);
