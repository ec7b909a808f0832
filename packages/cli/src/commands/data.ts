import { groupBy } from "es-toolkit";
import { DataError, digits, MissingDataError, OptionError } from "isoloss";
import { loadIdxDataset } from "isoloss/node";
import {
  type BenchmarkName,
  benchmarkGuides,
  type ReadPart,
  verifyBenchmark,
  writeSample,
} from "isoloss-benchmarks/node";
import { nearest, oneOf } from "../config/nearest.js";
import { dataFiles, dataRegistry } from "../experiments/catalogue/datasets.js";
import { countText } from "../experiments/results/format-number.js";
import { textList } from "../experiments/results/table.js";
import { flag, json, type Values, value } from "../option-rows.js";
import { imageSize, positiveInteger } from "../parse.js";
import { withProgress } from "../progress.js";
import { shellWord } from "../shell-word.js";
import type { Result } from "./command.js";

const options = {
  directory: value("<dir>", "the only folder to look in, or to fetch to"),
  mirror: value("<url>", "where to fetch from instead of the usual places"),
  part: flag("verify: the folder may have fewer examples than were published"),
  examples: value(
    "<n>",
    "sample: examples of each part, of each class for office31 and officeHome; of qm9 in all",
    positiveInteger,
  ),
  size: value("<HxW>", "sample: pixels of cityscapes and nyuv2, such as 128x256 (default: 32x64)", imageSize),
  quiet: flag("no lines of progress"),
  json: json(),
};

type Settings = Values<typeof options>;

const help = `  list              prints the data sets, and whether they are on this computer
  verify NAME       reads a data set and checks its form
  fetch NAME        downloads what is missing; a file is kept only with the published checksum
  verify NAME DIR   reads all files of a paper's data set for several tasks, which you put into DIR, and checks them
  sample NAME DIR   writes a small set of formulas in the form of such a data set, to try programs without it

Places: $ISOLOSS_DATA/NAME, /usr/share/datasets/NAME (Debian's dataset-fashion-mnist), ~/.cache/isoloss/NAME.
Where the sets for several tasks are had, and how DIR must look, is what verify says of an empty folder.

Examples:
  isoloss data list
  isoloss data fetch fashionMnist
  isoloss data sample cityscapes cityscapes-sample
  isoloss data verify cityscapes cityscapes-sample --part`;

interface Shapes {
  readonly name: string;
  /** Whether it is on this computer. */
  readonly present: boolean;
  /** [examples, pixels] of the parts; null where the set is not here, or damaged. */
  readonly train: readonly number[] | null;
  /** Likewise; null where there is no part. */
  readonly test: readonly number[] | null;
}

/** `isoloss data list|verify|fetch|sample`. */
async function run(
  action: string,
  name: string | undefined,
  folder: string | undefined,
  settings: Settings,
): Promise<Result> {
  const actions = { list: listData, verify: verifyData, fetch: fetchData, sample: sampleData } as const;
  if (!Object.hasOwn(actions, action)) {
    throw new OptionError(`data: the action must be ${oneOf(action, Object.keys(actions))}`);
  }
  return actions[action as keyof typeof actions](name, folder, settings);
}

export const data = { options, help, run };

async function listData(_name: unknown, _folder: unknown, { directory }: Settings): Promise<Result> {
  const found: Shapes[] = [];
  for (const key of Object.keys(dataRegistry))
    found.push(
      await shapesOf(key, directory).catch((cause: unknown) => ({
        name: key,
        present: !(cause instanceof MissingDataError),
        train: null,
        test: null,
      })),
    );
  const lines = found.map(({ name, present, train }): [string, string] => {
    const state = !present ? "not here" : train ? "here" : `damaged, as isoloss data verify ${name} tells`;
    return [name, `${state}: ${dataRegistry[name].summary}`];
  });
  const own = benchmarkList().map(({ name, title, source }): [string, string] => [
    name,
    `in a folder of yours: ${title}, ${source}`,
  ]);
  return {
    document: { data: found, benchmarks: benchmarkList() },
    text: [textList([...lines, ...own], "")],
  };
}

async function verifyData(
  name: string | undefined,
  folder: string | undefined,
  settings: Settings,
): Promise<Result> {
  if (isBenchmark(name)) return verifyBenchmarkData(name, folder, settings);
  return shapesResult(await shapesOf(checked("verify", name, folder), settings.directory));
}

async function fetchData(
  name: string | undefined,
  folder: string | undefined,
  { directory, mirror }: Settings,
): Promise<Result> {
  if (isBenchmark(name)) {
    const { source, license, title } = benchmarkGuides[name];
    throw new OptionError(
      `data fetch: ${title} cannot be fetched by a program: ${license}. Where to get it: ${source}. For a small set in its form: isoloss data sample ${name} DIR.`,
    );
  }
  const key = checked("fetch", name, folder);
  const source = dataFiles[key];
  if (source) {
    await loadIdxDataset(source, {
      download: true,
      ...(directory === undefined ? {} : { directory }),
      ...(mirror === undefined ? {} : { baseUrl: mirror }),
    });
  }
  return shapesResult(await shapesOf(key, directory));
}

const shapesResult = (document: Shapes): Result => {
  const { name, train, test } = document;
  const tests = test ? ` and ${test[0]} test images` : "";
  return {
    document,
    text: [`${name}: ${train?.[0]} training images${tests} of ${train?.[1]} pixels, as they should be.`],
  };
};

/** The name of a data set that has places of its own. */
function checked(action: string, name: string | undefined, folder: string | undefined): string {
  const known = [...Object.keys(dataRegistry), ...benchmarkNames];
  if (name !== undefined && known.includes(name)) {
    if (folder === undefined) return name;
    throw new OptionError(
      `data ${action}: ${name} takes no DIR: give its folder by --directory ${shellWord(folder)}.`,
    );
  }
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

// The data sets of papers on several tasks: their folders are the user's own.

const benchmarkNames = Object.keys(benchmarkGuides) as BenchmarkName[];

const isBenchmark = (name: string | undefined): name is BenchmarkName =>
  benchmarkNames.some((known) => known === name);

/** How the folders must look and where they are had, for lists. */
const benchmarkList = () => Object.entries(benchmarkGuides).map(([name, guide]) => ({ name, ...guide }));

/** Names the folder of a data set, which has no usual place. */
function needFolder(
  name: BenchmarkName,
  action: string,
  folder: string | undefined,
  { directory }: Settings,
): string {
  if (folder !== undefined && directory === undefined) return folder;
  const how = directory === undefined ? ", too" : " without --directory";
  throw new OptionError(`data ${action}: give the folder${how}: isoloss data ${action} ${name} DIR.`);
}

/** `isoloss data verify NAME DIR`. */
async function verifyBenchmarkData(
  name: BenchmarkName,
  folder: string | undefined,
  settings: Settings,
): Promise<Result> {
  const { part, quiet } = settings;
  const directory = needFolder(name, "verify", folder, settings);
  const parts = await withProgress({ quiet }, (step) =>
    verifyBenchmark(name, directory, {
      isWhole: !part,
      onProgress: (at) => step(`${at.part}: ${at.examples} of ${at.of} examples read`),
    }),
  );
  return { document: { name, directory, parts }, text: [partsText(name, parts)] };
}

function partsText(name: BenchmarkName, parts: Readonly<Record<string, ReadPart>>): string {
  const lines = Object.entries(parts).flatMap(([part, { examples, arrays }]) => {
    // The 40 attributes of a face are of one kind.
    const alike = groupBy(Object.entries(arrays), ([, read]) => describe(read));
    return [
      `  ${part}: ${countText(examples, "example")}`,
      ...Object.entries(alike).map(
        ([what, entries]) => `    ${namesText(entries.map(([array]) => array))}: ${what}`,
      ),
    ];
  });
  return `${benchmarkGuides[name].title}: all files are as they should be.\n${lines.join("\n")}`;
}

const describe = ({ shape, dtype, least, largest }: ReadPart["arrays"][string]): string =>
  `${dtype} [${shape.join(", ")}], from ${rounded(least)} to ${rounded(largest)}`;

/** All names, or how many and the ends of a long list. */
const namesText = (names: readonly string[]): string =>
  names.length <= 4 ? names.join(", ") : `${names.length} from ${names[0]} to ${names.at(-1)}`;

const rounded = (value: number): string => String(Number(value.toPrecision(4)));

/** `isoloss data sample NAME DIR`. */
async function sampleData(
  name: string | undefined,
  folder: string | undefined,
  settings: Settings,
): Promise<Result> {
  if (!isBenchmark(name)) {
    throw new OptionError(
      `data sample: samples are of ${benchmarkNames.join(", ")}; got ${name === undefined ? "none" : `"${name}"`}. Write isoloss data sample ${benchmarkNames[0]} DIR.`,
    );
  }
  const { examples, size } = settings;
  const directory = needFolder(name, "sample", folder, settings);
  if (size && !sized.has(name)) {
    throw new OptionError(`data sample: --size is for ${[...sized].join(" and ")}; got ${name}.`);
  }
  const files = await writeSample(name, directory, { examples, size });
  return {
    document: { name, directory, files },
    text: [
      `${files} files in the form of ${benchmarkGuides[name].title}, of formulas, are in ${directory}.\nisoloss data verify ${name} ${shellWord(directory)} --part`,
    ],
  };
}

/** Samples of maps of pixels, which may have any size. */
const sized: ReadonlySet<string> = new Set(["cityscapes", "nyuv2"]);
