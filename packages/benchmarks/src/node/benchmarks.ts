import { type Batch, DataError, type DType, dtypeOf, type NdArray, OptionError } from "isoloss";
import type { DataStream } from "isoloss/data";
import { flag, inCode, isFunction, type OptionsOf, optionTable } from "isoloss/internal";
import { type Qm9StreamOptions, qm9Streams } from "../data/qm9-streams.js";
import { attributeTasks } from "../problems/attribute-tasks.js";
import type { BenchmarkTasks } from "../problems/benchmark-tasks.js";
import { denseTasks } from "../problems/dense-tasks.js";
import { moleculeTasks } from "../problems/molecule-tasks.js";
import { ownImageTasks } from "../problems/own-image-tasks.js";
import { celebaGuide, loadCeleba } from "./celeba.js";
import { cityscapesGuide, loadCityscapes, loadNyuv2, nyuv2Guide } from "./dense.js";
import type { FolderGuide } from "./folder.js";
import {
  loadOffice31,
  loadOfficeHome,
  type OfficeData,
  type OfficeOptions,
  type OfficeTask,
  office31,
  officeHome,
} from "./office.js";
import { loadQm9, qm9Guide } from "./qm9.js";
import { celebaSample } from "./samples/celeba-sample.js";
import { cityscapesSample, nyuv2Sample } from "./samples/dense-sample.js";
import { office31Sample, officeHomeSample } from "./samples/office-sample.js";
import { qm9Sample } from "./samples/qm9-sample.js";
import { type SampleFile, type SampleOptions, sampleOptions, writeFolder } from "./samples/sample.js";

type Stream = DataStream<Batch>;

/** The parts of a benchmark's data, and what they tell of its tasks. */
interface Loaded {
  /** A stream, or one for each task. */
  readonly train: Stream | readonly Stream[];
  readonly validation?: Stream | readonly Stream[] | undefined;
  readonly test: Stream | readonly Stream[];
  /** Names of the tasks, where the data have them. */
  readonly tasks?: readonly string[] | undefined;
  /** Classes, the same of all tasks. */
  readonly classes?: number | undefined;
  /** What a target of 1 is in its unit, by task. */
  readonly units?: readonly number[] | undefined;
}

/** A benchmark's data, and its network. */
export interface BenchmarkData extends Loaded {
  /**
   * The published network with its losses and metrics: see `denseTasks`, `attributeTasks`, `moleculeTasks` and `ownImageTasks`, which
   * have its options.
   */
  problem(options?: object): BenchmarkTasks<never, unknown>;
}

interface Benchmark {
  readonly guide: FolderGuide;
  readonly load: (directory: string, options: never) => Promise<Loaded>;
  /** Options of `load` for the parts without random changes; default none. */
  readonly plain?: object;
  readonly problem: (options: object, data: Loaded) => unknown;
  readonly sample: (options: SampleOptions) => Iterable<SampleFile> | AsyncIterable<SampleFile>;
}

const rows = {
  cityscapes: {
    guide: cityscapesGuide,
    load: loadCityscapes,
    plain: { augment: false },
    problem: denseTasks,
    sample: cityscapesSample,
  },
  nyuv2: {
    guide: nyuv2Guide,
    load: loadNyuv2,
    plain: { augment: false },
    problem: (options) => denseTasks({ classes: 13, normals: true, ...options }),
    sample: nyuv2Sample,
  },
  celeba: {
    guide: celebaGuide,
    load: loadCeleba,
    problem: (options, { tasks = [] }) => attributeTasks({ attributes: tasks, ...options }),
    sample: celebaSample,
  },
  qm9: {
    guide: qm9Guide,
    async load(directory, { isWhole, ...options }: Qm9StreamOptions & { readonly isWhole?: boolean }) {
      const { std, ...parts } = qm9Streams(await loadQm9(directory, { isWhole }), options);
      return { ...parts, units: [...std] };
    },
    problem: (options, { tasks = [], units }) => moleculeTasks({ tasks, units, ...options }),
    sample: qm9Sample,
  },
  office31: {
    guide: office31.guide,
    load: async (directory, options: OfficeOptions) => byPart(await loadOffice31(directory, options)),
    problem: officeProblem,
    sample: office31Sample,
  },
  officeHome: {
    guide: officeHome.guide,
    load: async (directory, options: OfficeOptions) => byPart(await loadOfficeHome(directory, options)),
    problem: officeProblem,
    sample: officeHomeSample,
  },
} satisfies Readonly<Record<string, Benchmark>>;

/** The parts of all tasks. */
function byPart({ tasks, classes }: OfficeData): Loaded {
  const part = (name: keyof OfficeTask) => Object.values(tasks).map((task) => task[name]);
  return {
    train: part("train"),
    validation: part("validation"),
    test: part("test"),
    tasks: Object.keys(tasks),
    classes,
  };
}

function officeProblem(options: object, { tasks = [], classes = 2 }: Loaded) {
  return ownImageTasks({ tasks, classes, ...options });
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

/**
 * Loads a data set by its name, as {@link loadCityscapes} does, with its published network.
 *
 * @param options those of the function that loads it; of QM9 also those of `qm9Streams`
 * @throws MissingDataError, DataError, OptionError
 *
 * @example
 * const { train, problem } = await loadBenchmark("cityscapes", "cityscapes", { isWhole: false });
 * const { losses, params } = problem({ channels: [8, 8] });
 */
export async function loadBenchmark(
  name: BenchmarkName,
  directory: string,
  options: object = {},
): Promise<BenchmarkData> {
  const { load, problem } = rowOf(name);
  const loaded = await load(directory, options as never);
  return {
    ...loaded,
    problem: (given = {}) => problem(given, loaded) as ReturnType<BenchmarkData["problem"]>,
  };
}

/** An array of each example of a part, as streams have it: QM9's targets standardized, Office's images normalized. */
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
  /** Called after each batch that is read; default none. */
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
  const { load, plain = {} } = rowOf(name);
  const streams = namedStreams(await load(directory, { isWhole, ...plain } as never));
  const result: Record<string, ReadPart> = {};
  for (const [part, stream] of streams) {
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

/** Streams by the names of their parts: of tasks with examples of their own `amazon.train`, task by task. */
function namedStreams({ train, validation, test, tasks = [] }: Loaded): [string, Stream][] {
  const prefixes = Array.isArray(train) ? tasks.map((task) => `${task}.`) : [""];
  return prefixes.flatMap((prefix, k) =>
    Object.entries({ train, validation, test }).flatMap(([part, streams]): [string, Stream][] =>
      streams === undefined ? [] : [[prefix + part, [streams].flat()[k]]],
    ),
  );
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
