import { DataError } from "isoloss";
import { readFileOrThrow } from "isoloss/node";
import { decodeModel, type OnnxModel } from "isoloss/onnx";

/** An ONNX file. */
export interface ModelFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly model: OnnxModel;
}

/** @throws DataError, which names the file, when it cannot be read or is no ONNX model */
export async function readModelFile(path: string): Promise<ModelFile> {
  const bytes = await readFileOrThrow(path, { what: "model" });
  return { path, bytes, model: namingFile(path, () => decodeModel(bytes)) };
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
