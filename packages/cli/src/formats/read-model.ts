import { closeSync, openSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataError } from "isoloss";
import { readFileOrThrow, reasonOf } from "isoloss/node";
import {
  decodeModel,
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
  /** With the data of other files inside. */
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
}

/**
 * Reads an ONNX file, and the files beside it that hold data of its tensors.
 *
 * @throws DataError, which names the file, when it or one of those cannot be read, or when it is no ONNX model
 */
export async function readModelFile(path: string): Promise<ModelFile> {
  const own = await readFileOrThrow(path, { what: "model" });
  try {
    const files = [path];
    const bytes = inlineExternalData(own, (location) => {
      const file = join(dirname(path), location);
      files.push(file);
      return partsOf(file);
    });
    return { path, files, bytes, model: decodeModel(bytes) };
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    const why = otherFormat(own) ?? `${cause.message} Expected a file such as torch.onnx.export writes.`;
    throw new DataError(`Cannot read ${path} as an ONNX model: ${why}`, { cause });
  }
}

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

/** Reads parts of a file, which may be larger than what fits into one array. */
function partsOf(file: string): ExternalPart {
  return (offset, length) => {
    try {
      const opened = openSync(file, "r");
      try {
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
