import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DataError } from "isoloss";
import { readFileOrThrow, reasonOf } from "isoloss/node";
import { decodeModel, inlineExternalData, type OnnxModel } from "isoloss/onnx";

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
      return dataIn(file);
    });
    return { path, files, bytes, model: decodeModel(bytes) };
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(
      `Cannot read ${path} as an ONNX model: ${cause.message} Expected a file such as torch.onnx.export writes.`,
      { cause },
    );
  }
}

function dataIn(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new DataError(`its data in ${file}: ${reasonOf(cause)}.`, { cause });
  }
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
