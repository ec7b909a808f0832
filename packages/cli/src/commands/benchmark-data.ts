// The data sets of papers on several tasks: their folders are the user's own.
import { groupBy } from "es-toolkit";
import { OptionError } from "isoloss";
import {
  type BenchmarkName,
  benchmarkGuides,
  type ReadPart,
  verifyBenchmark,
  writeSample,
} from "isoloss-benchmarks/node";
import { withProgress } from "../progress.js";
import { shellWord } from "../shell-word.js";
import type { Result } from "./command.js";

interface BenchmarkDataOptions {
  readonly part: boolean;
  readonly examples: number | undefined;
  readonly size: readonly [number, number] | undefined;
  readonly quiet: boolean;
}

export const benchmarkNames = Object.keys(benchmarkGuides) as BenchmarkName[];

export const isBenchmark = (name: string | undefined): name is BenchmarkName =>
  benchmarkNames.some((known) => known === name);

/** How the folders must look and where they are had, for lists. */
export const benchmarkList = () =>
  Object.entries(benchmarkGuides).map(([name, guide]) => ({ name, ...guide }));

/** Names the folder of a data set, which has no usual place. */
function needFolder(name: BenchmarkName, action: string, folder: string | undefined): string {
  if (folder !== undefined) return folder;
  throw new OptionError(`data ${action}: give the folder, too: isoloss data ${action} ${name} DIR.`);
}

/** `isoloss data verify NAME DIR`. */
export async function verifyBenchmarkData(
  name: BenchmarkName,
  folder: string | undefined,
  { part, quiet }: BenchmarkDataOptions,
): Promise<Result> {
  const directory = needFolder(name, "verify", folder);
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
      `  ${part}: ${examples} examples`,
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
export async function sampleData(
  name: string | undefined,
  folder: string | undefined,
  { examples, size }: BenchmarkDataOptions,
): Promise<Result> {
  if (!isBenchmark(name)) {
    throw new OptionError(
      `data sample: samples are of ${benchmarkNames.join(", ")}; got ${name === undefined ? "none" : `"${name}"`}. Write isoloss data sample ${benchmarkNames[0]} DIR.`,
    );
  }
  const directory = needFolder(name, "sample", folder);
  if (size && !sized.has(name)) {
    throw new OptionError(
      `data sample: --size is for ${[...sized].join(" and ")}; the images of ${name} have sizes of their own.`,
    );
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
