// Why bytes are opened as no model, in words for those who chose the file.
import { DataError } from "isoloss";
import { inlineExternalData } from "isoloss/onnx";

/** The first byte of ONNX files: every exporter begins with the version of the format. */
const firstByte = 8;

/**
 * @param bytes a file that could not be opened
 * @param error why, in the library's words
 */
export function whyRefused(bytes: Uint8Array, error: unknown): string {
  if (!(error instanceof DataError)) return (error as Error).message;
  if (bytes[0] !== firstByte) {
    return "This is no ONNX file. Choose one such as torch.onnx.export or tf2onnx writes.";
  }
  const other = dataBeside(bytes);
  if (other === undefined) return error.message;
  return `Its weights are in another file, ${other}, and the lab reads single files. Make one of both in Python: onnx.save_model(onnx.load("model.onnx"), "single.onnx", save_as_external_data=False).`;
}

/** The name of the first other file that holds data of a model; undefined where there is none. */
function dataBeside(bytes: Uint8Array): string | undefined {
  let first: string | undefined;
  try {
    inlineExternalData(bytes, (location) => {
      first = location;
      throw new DataError("The name is enough.");
    });
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
  }
  return first;
}
