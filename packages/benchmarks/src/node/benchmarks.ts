import { type Batch, DataError, type DType, dtypeOf, type NdArray, OptionError } from "isoloss";
import type { DataStream } from "isoloss/data";
import { flag, inCode, isFunction, type OptionsOf, optionTable } from "isoloss/internal";
import { qm9Streams } from "../data/qm9-streams.js";
import { celebaGuide, loadCeleba } from "./celeba.js";
import { cityscapesGuide, loadCityscapes, loadNyuv2, nyuv2Guide } from "./dense.js";
import type { FolderGuide } from "./folder.js";
import { loadOffice31, loadOfficeHome, type OfficeData, office31, officeHome } from "./office.js";
import { loadQm9, qm9Guide } from "./qm9.js";
import { celebaSample } from "./samples/celeba-sample.js";
import { cityscapesSample, nyuv2Sample } from "./samples/dense-sample.js";
import { office31Sample, officeHomeSample } from "./samples/office-sample.js";
import { qm9Sample } from "./samples/qm9-sample.js";
import { type SampleFile, type SampleOptions, sampleOptions, writeFolder } from "./samples/sample.js";

type Stream = DataStream<Batch>;

type Parts = Readonly<Record<string, Stream>>;

interface Benchmark {
  readonly guide: FolderGuide;
  /** The parts as they lie on disk, without augmentation. */
  readonly parts: (directory: string, isWhole: boolean) => Promise<Parts>;
  readonly sample: (options: SampleOptions) => Iterable<SampleFile> | AsyncIterable<SampleFile>;
}

const rows = {
  cityscapes: {
    guide: cityscapesGuide,
    parts: async (directory, isWhole) =>
      streamsOf(await loadCityscapes(directory, { isWhole, augment: false })),
    sample: cityscapesSample,
  },
  nyuv2: {
    guide: nyuv2Guide,
    parts: async (directory, isWhole) => streamsOf(await loadNyuv2(directory, { isWhole, augment: false })),
    sample: nyuv2Sample,
  },
  celeba: {
    guide: celebaGuide,
    parts: async (directory, isWhole) => streamsOf(await loadCeleba(directory, { isWhole })),
    sample: celebaSample,
  },
  qm9: {
    guide: qm9Guide,
    parts: async (directory, isWhole) => streamsOf(qm9Streams(await loadQm9(directory, { isWhole }))),
    sample: qm9Sample,
  },
  office31: {
    guide: office31.guide,
    parts: async (directory, isWhole) => partsOf(await loadOffice31(directory, { isWhole })),
    sample: office31Sample,
  },
  officeHome: {
    guide: officeHome.guide,
    parts: async (directory, isWhole) => partsOf(await loadOfficeHome(directory, { isWhole })),
    sample: officeHomeSample,
  },
} satisfies Readonly<Record<string, Benchmark>>;

/** The streams of a data set, of which some have no validation data. */
const streamsOf = ({
  train,
  validation,
  test,
}: Record<"train" | "test", Stream> & { validation?: Stream }): Parts => ({
  train,
  ...(validation && { validation }),
  test,
});

/** Parts of all tasks. */
function partsOf({ tasks }: OfficeData): Parts {
  return Object.fromEntries(
    Object.entries(tasks).flatMap(([task, parts]) =>
      Object.entries(parts).map(([part, stream]) => [`${task}.${part}`, stream]),
    ),
  );
}

/** Names of the data sets of papers on several tasks. */
export type BenchmarkName = keyof typeof rows;

/**
 * How the folders of these data sets must look, and where they are had.
 *
 * @example
 * benchmarkGuides.nyuv2.license; // "NYUv2 is for research"
 */
export const benchmarkGuides = Object.fromEntries(
  Object.entries(rows).map(([name, { guide }]) => [name, guide]),
) as Readonly<Record<BenchmarkName, FolderGuide>>;

function rowOf(name: string): Benchmark {
  if (Object.hasOwn(rows, name)) return rows[name as BenchmarkName];
  throw new OptionError(`There is no benchmark "${name}"; known are ${Object.keys(rows).join(", ")}.`);
}

/** An array of each example of a part. */
export interface ReadArray {
  /** Of one example; where examples differ, this is an error. */
  readonly shape: readonly number[];
  /** Its type of elements. */
  readonly dtype: DType;
  readonly least: number;
  readonly largest: number;
}

/** What was read of a part. */
export interface ReadPart {
  readonly examples: number;
  /** By name. */
  readonly arrays: Readonly<Record<string, ReadArray>>;
}

/** Progress of reading. */
export interface ReadProgress {
  readonly part: string;
  readonly examples: number;
  readonly of: number;
}

export interface VerifyOptions extends OptionsOf<typeof verifyOptions> {}

const verifyOptions = optionTable("verifyBenchmark", {
  /** Whether there must be as many examples as were published; default true. */
  isWhole: flag.default(true),
  /** Called after each part of a stream; default none. */
  onProgress: inCode<(progress: ReadProgress) => void>("a function", isFunction).otherwise("none"),
});

/**
 * Reads all files of a data set and checks them.
 *
 * @throws MissingDataError, which says how the folder must look and where to get it; DataError for the first file that is damaged;
 *   OptionError
 *
 * @example
 * const { train } = await verifyBenchmark("cityscapes", "cityscapes", { isWhole: false });
 * console.log(train?.arrays.depth?.largest);
 */
export async function verifyBenchmark(
  name: BenchmarkName,
  directory: string,
  options: VerifyOptions = {},
): Promise<Readonly<Record<string, ReadPart>>> {
  const { isWhole, onProgress } = verifyOptions.read(options);
  const parts = await rowOf(name).parts(directory, isWhole);
  const result: Record<string, ReadPart> = {};
  for (const [part, stream] of Object.entries(parts)) {
    let examples = 0;
    let arrays: Readonly<Record<string, ReadArray>> = {};
    for await (const batch of stream.batches(0, 0)) {
      examples += Object.values(batch)[0].shape[0];
      arrays = Object.fromEntries(
        Object.entries(batch).map(([key, a]) => [key, joined(`${directory}: ${key}`, arrays[key], a)]),
      );
      onProgress?.({ part, examples, of: stream.length ?? examples });
    }
    result[part] = { examples, arrays };
  }
  return result;
}

function joined(what: string, before: ReadArray | undefined, a: NdArray): ReadArray {
  const shape = a.shape.slice(1);
  if (before !== undefined && before.shape.join() !== shape.join()) {
    throw new DataError(
      `${what} has examples of [${before.shape.join(", ")}] and of [${shape.join(", ")}]: they must be of one size.`,
    );
  }
  let [least, largest] = [
    before?.least ?? Number.POSITIVE_INFINITY,
    before?.largest ?? Number.NEGATIVE_INFINITY,
  ];
  for (let i = 0; i < a.data.length; i++) {
    const value = Number(a.data[i]);
    if (value < least) least = value;
    if (value > largest) largest = value;
  }
  return { shape, dtype: dtypeOf(a), least, largest };
}

/**
 * Writes a small data set in the form of a published one, of formulas: to try programs without the data, which may not be given away.
 *
 * @returns the number of files
 * @throws DataError when the folder has files, or cannot be written; OptionError
 *
 * @example
 * await writeSample("cityscapes", "cityscapes-sample", { size: [32, 64] });
 * const { train } = await loadCityscapes("cityscapes-sample", { isWhole: false });
 */
export async function writeSample(
  name: BenchmarkName,
  directory: string,
  options: SampleOptions = {},
): Promise<number> {
  const { sample } = rowOf(name);
  return writeFolder(directory, sample(sampleOptions.read(options)));
}
