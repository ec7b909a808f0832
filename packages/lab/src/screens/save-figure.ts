import type { FigureFormat } from "../app/format.js";
import { saveSvg } from "../app/save.js";
import { inWorker } from "../worker/once.js";
import type { Drawings } from "./figure-worker.js";

const start = () =>
  new Worker(new URL("./figure-worker.ts", import.meta.url), { type: "module", name: "figures" });

/** Saves one of the figures; what to say. */
export const saveFigure = async <N extends keyof Drawings>(
  name: string,
  format: FigureFormat,
  drawing: N,
  data: Parameters<Drawings[N]>[0],
): Promise<string> => saveSvg(name, await inWorker(start, (ask) => ask<string>(drawing, data)), format);
