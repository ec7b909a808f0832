// New examples for the model of a run: in files of the formats that its data may have.
import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { astype, DataError, dtypeOf, type NdArray, sizeOf } from "isoloss";
import { collected, concatenateRows, type TableInputs, type TableOptions } from "isoloss/data";
import { type CsvOptions, openCsv, openParquet, reasonOf } from "isoloss/node";
import { type ImageSettings, imagesIn, isImageName, readData } from "../../../formats/read-data.js";
import type { NewExamples } from "../../kind.js";
import type { RunData } from "../run-data.js";
import { requireFinite } from "./readers.js";

/** Examples as a model takes them, in the units of the data. */
export interface NewRows {
  readonly inputs: NdArray;
  /** Of images: their files below the folder. */
  readonly files?: readonly string[] | undefined;
  /** Of tables: values of text that the training did not know. */
  readonly unknown?: TableInputs["unknown"] | undefined;
}

/**
 * Reads examples without labels for the model of a run. What is missing in them is NaN, where the run's scale fills it in.
 *
 * @param settings the data of the run's config
 * @param data of the run, in the shape that its model takes
 * @throws DataError for a file that cannot be read, and for examples of another form than those of the run
 */
export async function readNewRows(
  { path, allowUnknown }: NewExamples,
  settings: object,
  data: RunData,
): Promise<NewRows> {
  const info = await stat(path).catch((cause) => {
    throw new DataError(`Cannot read the data ${path}: ${reasonOf(cause)}.`, { cause });
  });
  const kind = extname(path).toLowerCase();
  const isImage = info.isDirectory() || isImageName(path);
  const { inputs, files, unknown }: NewRows = isImage
    ? await readImages(path, settings as ImageSettings)
    : [".npy", ".npz"].includes(kind)
      ? { inputs: await arrayIn(path, settings as { readonly inputs?: string }) }
      : await tableIn(path, data, { isParquet: kind === ".parquet", allowUnknown });
  const { shape } = data.train.inputs;
  const [n, ...example] = inputs.shape;
  const [size, expected] = [sizeOf(example), sizeOf(shape.slice(1))];
  if (inputs.shape.length === 0 || n === 0 || size !== expected) {
    const form = (data.image ?? shape.slice(1)).join(", ");
    throw new DataError(
      `${path} has the shape [${inputs.shape.join(", ")}]; expected [n, ${form}], n >= 1: ${expected} number${expected === 1 ? "" : "s"} an example${data.features ? ` (${data.features.join(", ")})` : ", as in the data of the run"}.`,
    );
  }
  requireFinite(inputs, `${path}: the inputs`, { orMissing: data.gaps !== undefined });
  const dtype = dtypeOf(data.train.inputs);
  return {
    inputs: {
      ...(dtypeOf(inputs) === dtype ? inputs : astype(inputs, dtype)),
      shape: [n, ...shape.slice(1)],
    },
    files,
    unknown,
  };
}

async function tableIn(
  path: string,
  { table }: RunData,
  { isParquet, allowUnknown }: { readonly isParquet: boolean; readonly allowUnknown: boolean },
): Promise<NewRows> {
  if (table === undefined) {
    throw new DataError(
      `${path}: the data of the run are no table. Give its model arrays, .npy or .npz, or a folder of images.`,
    );
  }
  const { header: _, delimiter: __, ...columns } = table as CsvOptions;
  const options = <O extends TableOptions>(form: O) => ({
    ...form,
    label: false as const,
    // Every row has its prediction. A number that is missing is refused later, where the run cannot fill it in.
    ...(allowUnknown
      ? { missing: "mean" as const }
      : form.missing === "drop"
        ? { missing: "refuse" as const }
        : {}),
  });
  const opened = isParquet
    ? openParquet(path, options(columns))
    : openCsv(path, options(table as CsvOptions));
  const { stream, unknown } = await opened.catch((error: Error) => {
    if (!error.message.includes("which the given columns do not have")) throw error;
    throw new DataError(`${error.message} Or count such values as missing: --allow-unknown.`, {
      cause: error,
    });
  });
  const { inputs } = await collected(stream);
  return { inputs, unknown };
}

async function arrayIn(
  path: string,
  { inputs: given = "inputs" }: { readonly inputs?: string },
): Promise<NdArray> {
  const file = await readData(path);
  if (file.kind === "one") return file.array;
  const names = Object.keys(file.arrays);
  const name = names.length === 1 ? names[0] : given;
  if (Object.hasOwn(file.arrays, name)) return file.arrays[name];
  throw new DataError(`${path} has no array "${name}" of inputs; it has ${names.join(", ")}.`);
}

async function readImages(path: string, { size, channels }: ImageSettings): Promise<NewRows> {
  const folder = isImageName(path) ? dirname(path) : path;
  const files = isImageName(path) ? [basename(path)] : (await imagesIn(path)).flat().sort();
  const images = { ...(size ? { size } : {}), ...(channels ? { channels } : {}) };
  const read: NdArray[] = [];
  for (const file of files) {
    const image = await readData(join(folder, file), { images });
    if (image.kind !== "one") throw new DataError(`${join(folder, file)} is no image.`);
    read.push(image.array);
    if (image.array.shape.join() === read[0].shape.join()) continue;
    throw new DataError(
      `${join(folder, file)} is [${image.array.shape.slice(1).join(", ")}], the first image [${read[0].shape.slice(1).join(", ")}]: channels, height, width.`,
    );
  }
  return { inputs: concatenateRows(read), files };
}
