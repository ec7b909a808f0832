import { DataError, type NdArray, OptionError } from "isoloss";
import { decodeNpy, decodeNpz } from "isoloss/data";
import { readFileOrThrow } from "isoloss/node";
import { oneOf } from "../../../config/nearest.js";
import { openClasses, openNpy, openNpz } from "../../catalogue/own/readers.js";

/** What an experiment on data is to hold. */
export interface Guess {
  readonly path: string;
  /** The key that names the file. */
  readonly format: "csv" | "parquet" | "npy" | "npz" | "images";
  readonly examples: number;
  /** Further options of the data; those that are paths are absolute or relative to the working folder. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly files?: readonly string[];
  /** Numbers of an example as a row. */
  readonly inputs: number;
  /** Of images that a convolutional network can take. */
  readonly isImages?: boolean;
  readonly outputs: number;
  readonly classes: boolean;
  /** Sentences about what was found and guessed. */
  readonly found: readonly string[];
}

export async function guessImages(path: string): Promise<Guess> {
  const { stream, classes } = await openClasses(path);
  const [first] = [await stream.batches(0, 0)[Symbol.asyncIterator]().next()];
  const [, channels, height, width] = first.value.inputs.shape as readonly number[];
  return {
    path,
    format: "images",
    examples: stream.length,
    options: { size: [height, width] },
    inputs: channels * height * width,
    isImages: true,
    outputs: classes.length,
    classes: true,
    found: [
      `${stream.length} images of ${height} x ${width} pixels, ${channels === 1 ? "gray" : "in color"}, in ${classes.length} folders, which are the classes: ${classes.slice(0, 6).join(", ")}${classes.length > 6 ? ", ..." : ""}`,
    ],
  };
}

const usualInputs = ["inputs", "x", "images", "features", "data", "x_train", "train_images"];
const usualLabels = ["labels", "y", "label", "targets", "target", "y_train", "train_labels"];

/** A guess at the inputs and labels of a `.npz` file; of a `.npy` file the labels have their own. */
export async function guessArrays(path: string, label: string | undefined): Promise<Guess> {
  if (/\.npy$/i.test(path)) {
    const [inputs, labels] = [await npy(path), await npy(label as string)];
    const { data } = await openNpy(path, { labels: label as string });
    const common = { path, format: "npy" as const, options: { labels: label }, files: ["labels"] };
    return {
      ...common,
      ...taskOf(inputs, data.labels),
      found: [`inputs ${text(inputs)}`, `labels ${text(labels)} in ${label}`],
    };
  }
  const arrays = await decodeNpz(await readFileOrThrow(path, { what: "data" }));
  const names = Object.keys(arrays);
  const usual = (words: readonly string[]) =>
    words.flatMap((word) => names.find((name) => name.toLowerCase() === word) ?? [])[0];
  if (label !== undefined && !names.includes(label)) {
    throw new OptionError(`--label must be an array of ${path}, ${oneOf(label, names)}`);
  }
  const labelName = label ?? usual(usualLabels) ?? names.find((name) => arrays[name].shape.length === 1);
  const others = names.filter((name) => name !== labelName);
  const inputName = usual(usualInputs.filter((word) => word !== labelName)) ?? others[0];
  if (labelName === undefined || inputName === undefined) {
    throw new DataError(
      `${path} holds ${names.join(", ")}: expected an array of inputs and one of labels, such as np.savez("data.npz", inputs=x, labels=y).`,
    );
  }
  const options = {
    ...(inputName === "inputs" ? {} : { inputs: inputName }),
    ...(labelName === "labels" ? {} : { labels: labelName }),
  };
  const { data } = await openNpz(path, { inputs: inputName, labels: labelName });
  return {
    path,
    format: "npz" as const,
    options,
    ...taskOf(arrays[inputName], data.labels),
    found: [
      `the inputs are "${inputName}" ${text(arrays[inputName])}`,
      `the labels are "${labelName}" ${text(arrays[labelName])} (--label ARRAY names others)`,
    ],
  };
}

const npy = async (path: string): Promise<NdArray> =>
  decodeNpy(await readFileOrThrow(path, { what: "data" }));

const text = ({ shape }: NdArray): string => `[${shape.join(", ")}]`;

function taskOf(inputs: NdArray, labels: NdArray) {
  const [examples, ...example] = inputs.shape;
  const classes = labels.data instanceof BigInt64Array;
  const most = classes ? labels.data.reduce((found, label) => Math.max(found, Number(label)), 0) : 0;
  return {
    examples,
    inputs: example.reduce((a, b) => a * b, 1),
    outputs: classes ? most + 1 : labels.shape[1],
    classes,
  };
}
