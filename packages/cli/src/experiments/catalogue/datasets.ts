import { datasets, fashionMnist, hasIdxDataset, type IdxSource, mnist } from "isoloss/node";
import { z } from "zod";
import { keptLast } from "./kept-last.js";
import { fromOptions, makeNamed, type Named, namedSchema } from "./named.js";
import { isOwnData, loadOwnData, type OwnData, ownDataSchema } from "./own/data.js";
import type { RunData } from "./run-data.js";

/** Data sets by name, all those that the library has. */
export const dataRegistry = fromOptions<Promise<RunData>>(datasets);

/** Those that are files; others are part of the package. */
export const dataFiles: Readonly<Record<string, IdxSource>> = { fashionMnist, mnist };

/** Names of the data sets that are not on this computer. */
export async function dataMissing(names: readonly string[] = Object.keys(dataRegistry)): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) {
    const source = dataFiles[name];
    if (source && !(await hasIdxDataset(source))) missing.push(name);
  }
  return missing;
}

/** One of the library's, or one's own: `{ csv: FILE, label: COLUMN }` and others. */
export const dataSchema = z
  .union([namedSchema("data set", dataRegistry), ownDataSchema])
  .meta({ title: "data set" });

/** A data set, kept for the next run of a thread. */
export const loadData = keptLast(
  (data: Named | OwnData): Promise<RunData> =>
    isOwnData(data) ? loadOwnData(data) : makeNamed(dataRegistry, data as Named, undefined),
);
