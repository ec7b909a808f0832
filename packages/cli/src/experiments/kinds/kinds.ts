import type { Kind } from "../kind.js";
import { continueKind } from "./continue/continue.js";
import { minimaKind } from "./minima/minima.js";
import { minimizeKind } from "./minimize/minimize.js";
import { multiTaskKind } from "./multi-task/multi-task.js";
import { recordedKind } from "./recorded.js";
import { tablesKind } from "./tables.js";
import { trainKind } from "./train/train.js";

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
