import { OptionError } from "isoloss";
import { z } from "zod";
import { count } from "../catalogue/named.js";
import type { Kind } from "../kind.js";
import { trainerForm } from "../records/points.js";
import { continueKind } from "./continue/continue.js";
import { minimaKind } from "./minima/minima.js";
import { minimizeKind } from "./minimize/minimize.js";
import { multiTaskKind } from "./multi-task/multi-task.js";
import { tablesKind } from "./tables.js";
import { trainKind } from "./train/train.js";

/** A run that a program of the user's own made and recorded: it is shown and compared as others are. */
const recordedKind: Kind = {
  summary: "a run that saveRun of the library wrote: it can be shown, not repeated",
  stoppable: false,
  stored: trainerForm,
  settings: {
    batchSize: count.optional(),
    /** The trainer's, and what the program said of itself. */
    settings: z.record(z.string(), z.unknown()).optional(),
  },
  run: async () => {
    throw new OptionError(
      "A recorded run is made by a program of your own: run that program, and look at its run with isoloss plot.",
    );
  },
};

/** Kinds of experiments by the name that `kind` gives them. */
export const kinds: Readonly<Record<string, Kind>> = {
  minimize: minimizeKind,
  train: trainKind,
  continue: continueKind,
  minima: minimaKind,
  "multi-task": multiTaskKind,
  tables: tablesKind,
  recorded: recordedKind,
};
