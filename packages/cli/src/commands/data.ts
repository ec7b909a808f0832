import { DataError, digits, OptionError } from "isoloss";
import { loadIdxDataset } from "isoloss/node";
import { nearest, oneOf } from "../config/nearest.js";
import { dataFiles, dataRegistry } from "../experiments/catalogue/datasets.js";
import { textList } from "../experiments/results/table.js";
import {
  type BenchmarkDataOptions,
  benchmarkList,
  benchmarkNames,
  isBenchmark,
  sampleData,
  verifyBenchmarkData,
} from "./benchmark-data.js";

export interface DataOptions extends BenchmarkDataOptions {
  readonly directory?: string;
  readonly mirror?: string;
}

interface Shapes {
  readonly name: string;
  readonly present: boolean;
  /** [examples, pixels] of the parts. */
  readonly train: readonly number[] | null;
  readonly test: readonly number[] | null;
}

/** `isoloss data list|verify|fetch|sample`. */
export async function data(
  action: string,
  name: string | undefined,
  folder: string | undefined,
  options: DataOptions,
): Promise<void> {
  const actions = { list: listData, verify: verifyData, fetch: fetchData, sample: sampleData } as const;
  if (!Object.hasOwn(actions, action)) {
    throw new OptionError(`data: the action must be ${oneOf(action, Object.keys(actions))}`);
  }
  await actions[action as keyof typeof actions](name, folder, options);
}

async function listData(_name: unknown, _folder: unknown, { json, directory }: DataOptions): Promise<void> {
  const found: Shapes[] = [];
  for (const key of Object.keys(dataRegistry))
    found.push(await shapesOf(key, directory).catch(() => absent(key)));
  if (json) {
    process.stdout.write(`${JSON.stringify({ data: found, benchmarks: benchmarkList() })}\n`);
    return;
  }
  const lines = found.map(({ name, present }): [string, string] => [
    name,
    `${present ? "here" : "not here"}: ${dataRegistry[name].summary}`,
  ]);
  const own = benchmarkList().map(({ name, title, source }): [string, string] => [
    name,
    `in a folder of yours: ${title}, ${source}`,
  ]);
  process.stdout.write(`${textList([...lines, ...own], "")}\n`);
}

async function verifyData(
  name: string | undefined,
  folder: string | undefined,
  options: DataOptions,
): Promise<void> {
  if (isBenchmark(name)) return verifyBenchmarkData(name, folder, options);
  const { json, directory } = options;
  const shapes = await shapesOf(checked(name), directory);
  process.stdout.write(json ? `${JSON.stringify(shapes)}\n` : `${shapesText(shapes)}\n`);
}

async function fetchData(
  name: string | undefined,
  _folder: unknown,
  { json, directory, mirror }: DataOptions,
): Promise<void> {
  if (isBenchmark(name)) {
    const { source, licence, title } = benchmarkList().find((one) => one.name === name) as ReturnType<
      typeof benchmarkList
    >[number];
    throw new OptionError(
      `data fetch: ${title} cannot be fetched by a program: ${licence}. Where to get it: ${source}. For a small set in its form: isoloss data sample ${name} DIR.`,
    );
  }
  const key = checked(name);
  const source = dataFiles[key];
  if (source) {
    await loadIdxDataset(source, {
      download: true,
      ...(directory === undefined ? {} : { directory }),
      ...(mirror === undefined ? {} : { baseUrl: mirror }),
    });
  }
  const shapes = await shapesOf(key, directory);
  process.stdout.write(json ? `${JSON.stringify(shapes)}\n` : `${shapesText(shapes)}\n`);
}

const absent = (name: string): Shapes => ({ name, present: false, train: null, test: null });

const shapesText = ({ name, train, test }: Shapes): string =>
  `${name}: ${train?.[0]} training images${test ? ` and ${test[0]} test images` : ""} of ${train?.[1]} pixels, as they should be.`;

function checked(name: string | undefined): string {
  const known = [...Object.keys(dataRegistry), ...benchmarkNames];
  if (name !== undefined && known.includes(name)) return name;
  const meant = name === undefined ? undefined : nearest(name, known);
  throw new OptionError(
    `data: name a data set${name === undefined ? "" : `; there is no "${name}"`}${meant ? `; did you mean "${meant}"?` : "."} Known: ${known.join(", ")}.`,
  );
}

async function shapesOf(name: string, directory: string | undefined): Promise<Shapes> {
  const source = dataFiles[name];
  if (source === undefined) {
    const { images } = digits();
    if (images.shape[0] !== 1797)
      throw new DataError("The embedded digits are damaged: install isoloss again.");
    return { name, present: true, train: [...images.shape], test: null };
  }
  const { train, test } = await loadIdxDataset(source, directory === undefined ? {} : { directory });
  return { name, present: true, train: [...train.images.shape], test: [...test.images.shape] };
}
