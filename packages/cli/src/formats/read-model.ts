import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataError } from "isoloss";
import { readFileOrThrow, reasonOf } from "isoloss/node";
import {
  decodeModel,
  type ExternalData,
  type ExternalPart,
  type ImportedModel,
  inlineExternalData,
  type OnnxModel,
} from "isoloss/onnx";
import { fromOnnx } from "isoloss-onnx";

/** An ONNX file. */
export interface ModelFile {
  readonly path: string;
  /** The file, and those beside it that hold data of its tensors. */
  readonly files: readonly string[];
  /** With the data of other files inside, but for a file that was read without large tensors. */
  readonly bytes: Uint8Array;
  /** Of such a file: what stands for the data of the others. */
  readonly external?: ExternalData | undefined;
  readonly model: OnnxModel;
}

/**
 * Reads an ONNX file, and the files beside it that hold data of its tensors.
 *
 * @param options `withNumbers`: false where shapes are enough: the data of large tensors stay in the files beside it, and any numbers
 *   stand for them; default true
 * @throws DataError, which names the file, when it or one of those cannot be read, or when it is no ONNX model
 */
export async function readModelFile(path: string, { withNumbers = true } = {}): Promise<ModelFile> {
  const own = await readFileOrThrow(path, { what: "model" });
  try {
    const files = [path];
    const external = (location: string) => {
      const file = join(dirname(path), location);
      if (!files.includes(file)) files.push(file);
      return partsOf(file, withNumbers ? Number.POSITIVE_INFINITY : LARGE);
    };
    if (!withNumbers) return { path, files, bytes: own, external, model: decodeModel(own, { external }) };
    const bytes = inlineExternalData(own, external);
    return { path, files, bytes, model: decodeModel(bytes) };
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    const expected = cause.message.includes("2 GiB")
      ? "Of the commands, isoloss model inspect alone takes it: the others run the model, or change it as one file, with all weights in memory."
      : "Expected a file such as torch.onnx.export writes.";
    const why = otherFormat(own) ?? `${cause.message} ${expected}`;
    throw new DataError(`Cannot read ${path} as an ONNX model: ${why}`, { cause });
  }
}

/** Bytes of a tensor whose numbers nothing depends on but results: no shape, and no constant of a norm. */
const LARGE = 2 ** 20;

/** What a file is that was given by mistake, known by its first bytes, and what to do. */
function otherFormat(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 512)).toString("latin1");
  const isZip = start.startsWith("PK");
  const exported = 'In Python write it by torch.onnx.export(model, (example,), "model.onnx").';
  const data = "The model comes first; data are for options such as --calibration, --held-out and --data.";
  const formats: readonly (readonly [is: boolean, what: string])[] = [
    [start === "", "it is empty. Export or copy it again."],
    [start.startsWith("\x93NUMPY"), `it is an array of NumPy (.npy). ${data}`],
    [isZip && start.includes(".npy"), `it holds arrays of NumPy (.npz). ${data}`],
    [
      (isZip && start.includes("data.pkl")) || start.startsWith("\x80\x02"),
      `it is pickled by Python, as PyTorch saves models (.pt). ${exported}`,
    ],
    [isZip, "it is a ZIP archive. Unpack it first."],
    [
      start.slice(8, 10) === '{"',
      `it is a .safetensors file, which holds weights and no network. Load them into the model. ${exported}`,
    ],
    [
      /^\s*<(!doctype|html|\?xml)/i.test(start),
      "it is a web page, not what was to be downloaded. Download it again.",
    ],
    [
      start.startsWith("version https://git-lfs"),
      "it is a pointer of Git LFS to the file. Fetch that by git lfs pull.",
    ],
  ];
  return formats.find(([is]) => is)?.[1];
}

/**
 * Reads parts of a file, which may be larger than what fits into one array.
 *
 * @param large bytes of a part in whose place others are, which take no memory before they are read
 */
function partsOf(file: string, large: number): ExternalPart {
  return (offset, length) => {
    try {
      const opened = openSync(file, "r");
      try {
        if (length > large) {
          const others = new Uint8Array(Math.max(0, Math.min(length, fstatSync(opened).size - offset)));
          // Numbers that are not all the same, as those of weights.
          others[0] = 1;
          return others;
        }
        const bytes = new Uint8Array(length);
        let at = 0;
        // A system call reads less than 2 GiB.
        for (let more = 1; more > 0 && at < length; at += more) {
          more = readSync(opened, bytes, at, Math.min(length - at, 2 ** 30), offset + at);
        }
        return bytes.subarray(0, at);
      } finally {
        closeSync(opened);
      }
    } catch (cause) {
      throw new DataError(`its data in ${file}: ${reasonOf(cause)}.`, { cause });
    }
  };
}

/** The result of a function; a DataError that it throws gets the file's name. */
export function namingFile<T>(path: string, f: () => T): T {
  try {
    return f();
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(`${path}: ${cause.message}`, { cause });
  }
}

/** The model of a file; errors name the file. */
export const importModel = ({ path, bytes }: ModelFile): ImportedModel =>
  namingFile(path, () => fromOnnx(bytes));
