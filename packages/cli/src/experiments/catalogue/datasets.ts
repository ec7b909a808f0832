import { datasets, fashionMnist, hasIdxDataset, type IdxSource, mnist } from "isoloss/node";
import { z } from "zod";
import { keptLast } from "./kept-last.js";
import { fromOptions, makeNamed, type Named, namedSchema } from "./named.js";
import { isOwnData, loadOwnData, type OwnData, ownDataSchema } from "./own/data.js";
import { type ColumnsConfig, columnsData } from "./own/tasks.js";
import { ofTestFold, type RunData, type TestFold } from "./run-data.js";

/** Data sets by name, all those that the library has. */
export const dataRegistry = fromOptions<Promise<RunData>>(datasets);

/** Those that are files; others are part of the package. */
export const dataFiles: Readonly<Record<string, IdxSource>> = { fashionMnist, mnist };

/** Names of the data sets that are not on this computer. */
export async function dataMissing(): Promise<string[]> {
  const missing: string[] = [];
  for (const [name, source] of Object.entries(dataFiles)) {
    if (!(await hasIdxDataset(source))) missing.push(name);
  }
  return missing;
}

/** One of the library's, or one's own: `{ csv: FILE, label: COLUMN }` and others. */
export const dataSchema = z
  .union([namedSchema("data set", dataRegistry), ownDataSchema])
  .meta({ title: "data set" });

interface Wanted {
  readonly data: Named | OwnData;
  readonly fold?: TestFold | undefined;
}

/** A data set, kept for the next run of a thread. @param fold which part of the test data judges the run */
export const loadData = keptLast(async ({ data, fold }: Wanted): Promise<RunData> => {
  if (isOwnData(data)) return loadOwnData(data, { fold });
  const made = await makeNamed(dataRegistry, data as Named, undefined);
  return fold === undefined
    ? made
    : ofTestFold(made, fold, { isDivided: testPartOf({ data }) === "divided" });
});

interface DataSettings {
  readonly data?: unknown;
  /** Of several tasks: `columns` has data. */
  readonly problem?: Partial<ColumnsConfig>;
}

/**
 * Loads data that are a file of the user's own, or divided, and divides their test data among so many runs.
 *
 * @throws OptionError for fewer test data than runs; DataError when they cannot be read
 */
export async function requireTestRows(settings: DataSettings, runs: number): Promise<void> {
  const { data, problem } = settings;
  const part = testPartOf(settings);
  const fold = [0, runs] as const;
  if (problem?.data !== undefined && part !== undefined) {
    await columnsData({ ...problem, data: problem.data, fold });
  } else if (part === "divided" || (part !== undefined && isOwnData(data as Named | OwnData))) {
    const named = typeof data === "string" ? { name: data } : data;
    await loadData({ data: named as Named | OwnData, fold });
  }
}

/** Test data that are a random part of the same data as the others, or a file of their own. */
export type TestPart = "divided" | "published";

/**
 * What test data a run's data have, or a module may have; undefined where the option `test` would hold some out, and of problems of
 * several tasks that have no data of which each run can have its own part.
 */
export function testPartOf({ data: given, problem }: DataSettings): TestPart | undefined {
  const data = given ?? problem?.data;
  if (data === undefined) return undefined;
  const named = (typeof data === "string" ? { name: data } : data) as Named | OwnData;
  if (Number(named.test ?? 0) > 0) return "divided";
  const mayHave = isOwnData(named)
    ? "module" in named
    : !("test" in dataRegistry[named.name as string].options.rows);
  return mayHave ? "published" : undefined;
}
