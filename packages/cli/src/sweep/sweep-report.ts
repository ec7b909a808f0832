import type { StoredSweep } from "./directory.js";
import type { SweepDocument } from "./document.js";
export const sweepReport = (_: StoredSweep, document: SweepDocument): string =>
  `<html>${document.name}</html>`;
