// Data of the user's own: tables, arrays, images and modules.

import { createHash } from "node:crypto";
import { countBy, maxBy, mean, omit, sum, uniq } from "es-toolkit";
import { DataError, type Dataset, dtypeOf, type NdArray, numbers, OptionError } from "isoloss";
import { type DivideOptions, divide, divideOptions } from "isoloss/data";
import {
  arrayFileOptions,
  type CsvOptions,
  csvOptions,
  imageFolderOptions,
  parquetOptions,
} from "isoloss/node";
import { z } from "zod";
import { flagOption, ownOption, textOption } from "../named.js";
import { ofTestFold, type RunData, type TestFold } from "../run-data.js";
import { type ConfigOptions, type OwnOptions, ownOptionsOf, schemaOf } from "../schema-of.js";
import { standardized } from "../standardized.js";
import { checkFiles, type NamedFiles, sha256Schema } from "./file.js";
import {
  type Opened,
  openCsvFile,
  openImages,
  openModule,
  openNpy,
  openNpz,
  openParquetFile,
  openTasks,
} from "./readers.js";

interface Format extends ConfigOptions {
  readonly summary: string;
  /** Options that are paths, beside that of the format's own name. */
  readonly files?: readonly string[];
  readonly isFolder?: boolean;
  open(path: string, options: object): Promise<Opened>;
}

const file = textOption("a path");
const divided = ownOptionsOf(divideOptions);

const standardize = (otherwise: "true" | "false"): OwnOptions => ({
  standardize: flagOption(
    "Whether columns of numbers, and targets that are numbers, get mean 0 and standard deviation 1 over the training examples; of images each channel.",
    otherwise,
  ),
});

const classes: OwnOptions = {
  classes: flagOption(
    "Whether labels are classes, 0, 1, ...; else they are numbers to be predicted.",
    "whether they are integers",
  ),
};

const label: OwnOptions = {
  label: ownOption(
    z.union([z.string(), z.array(z.string()).min(1)]),
    "the name of a column, or a list of 1 or more",
  )("The column of labels, or several columns of numbers."),
};

const missing: OwnOptions = {
  missing: ownOption(z.enum(["refuse", "mean", "drop"]), "one of refuse, mean, drop")(
    "What becomes of values that are missing (empty, NA, NaN, null, ? and the like): an error, the mean of the training examples (of text: none of its values), or the row is left out.",
    "refuse",
  ),
};

const table: OwnOptions = { ...label, ...missing, ...divided, ...standardize("true") };

/** Formats of data by the key that names the file. */
export const ownDataRegistry: Readonly<Record<string, Format>> = {
  csv: {
    summary: "data of your own: a CSV file with a column of labels, { csv: FILE, label: COLUMN }",
    options: { ...csvOptions, rows: omit(csvOptions.rows, ["required"]) },
    own: { csv: file("The file."), ...table },
    open: openCsvFile,
  },
  parquet: {
    summary: "data of your own: a Parquet file, { parquet: FILE, label: COLUMN }",
    options: { ...parquetOptions, rows: omit(parquetOptions.rows, ["required"]) },
    own: { parquet: file("The file."), ...table },
    open: openParquetFile,
  },
  npy: {
    summary: "data of your own: two arrays, { npy: FILE, labels: FILE }",
    options: { name: "npy", rows: {} },
    own: {
      npy: file("The inputs, [n, ...]."),
      labels: file("The labels, [n]; of numbers also [n, columns]."),
      ...classes,
      ...divided,
      ...standardize("true"),
    },
    files: ["labels"],
    open: openNpy,
  },
  npz: {
    summary: "data of your own: arrays in one file, { npz: FILE }",
    options: { ...arrayFileOptions, rows: omit(arrayFileOptions.rows, ["labelFile"]) },
    own: { npz: file("The file."), ...classes, ...divided, ...standardize("true") },
    open: openNpz,
  },
  images: {
    summary: "data of your own: a folder with a folder of images for each class, { images: FOLDER }",
    options: { ...imageFolderOptions, rows: omit(imageFolderOptions.rows, ["shuffle"]) },
    own: { images: file("The folder."), ...divided, ...standardize("false") },
    isFolder: true,
    open: openImages,
  },
  module: {
    summary: "data of your own: an export { inputs, labels }, { module: FILE#NAME }",
    options: { name: "module", rows: {} },
    own: {
      module: textOption("a path, and the name of the export after #")("The module, whose code runs."),
      ...classes,
      ...divided,
      ...standardize("false"),
    },
    open: openModule,
  },
};

export interface OwnTasks {
  /** Columns of integers that are classes; text always is. */
  readonly asClasses: readonly string[];
}

const tables = [ownDataRegistry.csv, ownDataRegistry.parquet];

/** A table whose columns of labels are tasks. */
export const ownTableSchema = z.union(
  tables.map((format) =>
    schemaOf(format).omit({ classes: true }).extend({ sha256: sha256Schema.optional() }),
  ),
) as unknown as z.ZodType<OwnData, OwnData>;

export const ownDataSchema = z.union(
  Object.values(ownDataRegistry).map((format) =>
    schemaOf(format).extend({ sha256: sha256Schema.optional() }),
  ),
) as unknown as z.ZodType<OwnData, OwnData>;

/** Data of a config, checked: the path under the name of its format, and options. */
export interface OwnData extends DivideOptions {
  readonly sha256?: string;
  readonly standardize?: boolean;
  readonly [option: string]: unknown;
}

export const isOwnData = (data: object): data is OwnData => !("name" in data);

const formatOf = (data: OwnData): string => Object.keys(ownDataRegistry).find((key) => key in data) as string;

export function ownDataFiles(data: OwnData): NamedFiles {
  const format = formatOf(data);
  const { files = [], isFolder } = ownDataRegistry[format];
  return { what: "data", keys: [format, ...files], isFolder };
}

/**
 * Reads data of the user's own, and divides them into those for training, for validation and for testing.
 *
 * @param options `tasks`: of a table whose columns of labels are tasks; `fold`: which part of the test data judges the run (all)
 * @throws DataError, OptionError, which say what the file should hold
 */
export async function loadOwnData(
  data: OwnData,
  { tasks, fold }: { readonly tasks?: OwnTasks | undefined; readonly fold?: TestFold | undefined } = {},
): Promise<RunData> {
  await checkFiles(data, ownDataFiles(data));
  const format = formatOf(data);
  const { own = {}, open } = ownDataRegistry[format];
  const { validation, test, splitSeed, limit, ...rest } = data;
  const { [format]: path, sha256: _, standardize: wanted, ...options } = rest;
  const opened = await (tasks
    ? openTasks(path as string, options as unknown as CsvOptions, {
        ...tasks,
        isParquet: format === "parquet",
      })
    : open(path as string, options));
  const whole = partsOf(opened, { validation, test, splitSeed, limit }, path as string);
  requireEnough(path as string, whole.train.inputs.shape[0]);
  const parts = fold === undefined ? whole : ofTestFold(whole, fold, { isDivided: (test ?? 0) > 0 });
  const { data: __, isNumber, unlabeled, ...known } = opened;
  const metrics = {
    ...rowMetrics(parts, { unlabeled, isTable: known.table !== undefined }),
    ...constantMetrics({ ...known, ...parts }),
  };
  const raw: RunData = { ...known, ...parts, metrics };
  return standardized(raw, {
    isNumber,
    missing: options.missing === "mean" ? "mean" : "refuse",
    isScaled: wanted ?? own.standardize.otherwise === "true",
  });
}

/**
 * Numbers of rows among a run's results: of each part (`rows.train`), those without a label (`rows.unlabeled`), and of a table those of the held-out
 * parts with an equal row among those for training (`rows.copied`).
 */
function rowMetrics(
  parts: Pick<RunData, "train" | "validation" | "test">,
  { unlabeled, isTable }: { readonly unlabeled: number | undefined; readonly isTable: boolean },
): Record<string, number> {
  const { train, ...heldOut } = parts;
  const known = Object.entries(parts).flatMap(([name, part]) => (part ? [[name, part] as const] : []));
  const counts = Object.fromEntries(known.map(([name, { inputs }]) => [`rows.${name}`, inputs.shape[0]]));
  const seen = new Set(isTable ? rowHashes(train) : []);
  const copies = Object.values(heldOut).flatMap((part) =>
    isTable && part ? rowHashes(part).filter((row) => seen.has(row)) : [],
  );
  return {
    ...counts,
    ...(unlabeled ? { "rows.unlabeled": unlabeled } : {}),
    ...(copies.length > 0 ? { "rows.copied": copies.length } : {}),
  };
}

/** A hash of each row, inputs and labels: of large tables texts would need more memory than they. */
function rowHashes({ inputs, labels }: Dataset): string[] {
  const [n] = inputs.shape;
  const at = ({ data }: NdArray, i: number) =>
    data.subarray((i * data.length) / n, ((i + 1) * data.length) / n);
  return Array.from({ length: n }, (_, i) =>
    createHash("sha1").update(at(inputs, i)).update(at(labels, i)).digest("base64"),
  );
}

/**
 * What a run says of data beside its own results: a yardstick that needs no model. Of one target the
 * root mean squared error of the mean of the training rows (`constant.validation.rmse`), of classes the cross-entropy of their shares among the
 * training rows (`constant.validation.loss`) and the accuracy of the commonest, on the rows that the run is measured on; of several tasks
 * that of each (`constant.validation.TASK.rmse`).
 */
function constantMetrics({ train, validation, test, tasks }: RunData): Record<string, number> {
  const metrics: Record<string, number> = {};
  const isOfClasses = dtypeOf(train.labels) === "int64";
  const width = tasks?.length ?? 1;
  if (!isOfClasses && train.labels.shape[1] !== width) return metrics;
  const column = (data: Dataset, k: number) => numbers(data.labels).filter((_, i) => i % width === k);
  for (let k = 0; k < width; k++) {
    const hasClasses = tasks ? tasks[k].classes !== undefined : isOfClasses;
    const known = column(train, k);
    const counts = countBy(known, (label) => label);
    const constant = hasClasses ? maxBy(known, (label) => counts[label]) : mean(known);
    for (const [part, data] of Object.entries({ validation, test })) {
      if (data === undefined || data.labels.data.length === 0) continue;
      const labels = column(data, k);
      const name = tasks ? `constant.${part}.${tasks[k].name}` : `constant.${part}`;
      if (hasClasses) {
        // A class without training rows counts as one, so that the cross-entropy is finite.
        const countOf = (label: number) => counts[label] ?? 1;
        const all = sum(uniq([...known, ...labels]).map(countOf));
        metrics[`${name}.loss`] = mean(labels.map((label) => Math.log(all / countOf(label))));
        metrics[`${name}.accuracy`] = mean(labels.map((label) => Number(label === constant)));
      } else
        metrics[`${name}.rmse`] = Math.sqrt(mean(labels.map((label) => (label - (constant as number)) ** 2)));
    }
  }
  return metrics;
}

/** @throws DataError for fewer examples to learn from than three: any two lie on a line */
export function requireEnough(path: string, examples: number): void {
  if (examples >= 3) return;
  throw new DataError(
    `${path}: ${examples} example${examples === 1 ? " is" : "s are"} too few to learn from; expected 3 or more for training.`,
  );
}

function partsOf({ data, ...own }: Opened, options: DivideOptions, path: string): RunData {
  const count = data.inputs.shape[0];
  const shares = { ...options };
  for (const part of ["validation", "test"] as const) {
    if (own[part] === undefined) continue;
    if (options[part] !== undefined) {
      throw new OptionError(`${path} has ${part} data of its own: leave data.${part} out.`);
    }
    shares[part] = 0;
  }
  if (own.validation !== undefined && options.test !== undefined) {
    throw new OptionError(
      `${path} has validation data of its own: give it test data of its own, too, in the place of data.test.`,
    );
  }
  try {
    const { train, validation = own.validation, test = own.test } = divide(data, shares);
    return { train, ...(validation && { validation }), ...(test && { test }) };
  } catch (cause) {
    if (!(cause instanceof OptionError)) throw cause;
    const { validation = divideOptions.rows.validation.default, test = 0 } = shares;
    throw new OptionError(
      `${path} has ${count} example${count === 1 ? "" : "s"}, too few to be divided into training, validation (${validation}) and test (${test}): take more, other fractions with a sum below 1, or validation: 0.`,
      { cause },
    );
  }
}
