// External data of the ONNX standard (onnx.ai, "ExternalData"): bytes of a tensor in another file, at an offset.
import { requireBytes } from "../../bytes.js";
import { describeValue } from "../../describe.js";
import { DataError, OptionError } from "../../errors.js";
import { ownEntry } from "../../tree.js";
import { externalEntries, mapMessages, tensorHeader, withRawData } from "./raw-tensor.js";

/** The files that hold a model's external data, by the location that the model gives: bytes, or a function that reads them. */
export type ExternalData = Readonly<Record<string, Uint8Array>> | ((location: string) => Uint8Array);

/**
 * Puts the external data of an ONNX model into the file itself: tensors whose numbers are in other files, at an offset,
 * keep them as raw bytes. Everything else stays as it is, byte by byte. The files stay as they are, too.
 *
 * A location is a path relative to the model's folder. Paths that leave the folder are refused.
 *
 * @param bytes the bytes of an `.onnx` file
 * @param external bytes by location, or a function from a location to bytes
 * @throws DataError when a file is missing or too short, with its name
 *
 * @example
 * const whole = inlineExternalData(bytes, { "weights.bin": data });
 * const same = inlineExternalData(bytes, (location) => files[location]);
 */
export function inlineExternalData(bytes: Uint8Array, external: ExternalData): Uint8Array {
  requireBytes("inlineExternalData", bytes);
  if (typeof external !== "function" && (typeof external !== "object" || external === null)) {
    throw new OptionError(
      `external must be a function from a location to bytes, or an object of bytes by location; got ${describeValue(external)}.`,
    );
  }
  const read = new Map<string, Uint8Array>();
  const fileAt = (location: string, what: string): Uint8Array => {
    const file = read.get(location) ?? fileOf(external, location, what);
    read.set(location, file);
    return file;
  };
  const inlined = (tensor: Uint8Array): Uint8Array => {
    const { name, isExternal } = tensorHeader(tensor);
    if (!isExternal) return tensor;
    const what = `The tensor "${name}"`;
    const entries = externalEntries(tensor);
    const location = entries.get("location") ?? "";
    const offset = countOf(entries.get("offset") ?? "0", what);
    const file = fileAt(location, what);
    const length = countOf(entries.get("length") ?? `${Math.max(file.length - offset, 0)}`, what);
    if (offset + length > file.length) {
      throw new DataError(
        `${what} is at bytes ${offset} to ${offset + length} of "${location}", which has ${file.length} bytes.`,
      );
    }
    return withRawData(tensor, file.subarray(offset, offset + length));
  };
  return mapMessages(bytes, { tensor: inlined });
}

function fileOf(external: ExternalData, location: string, what: string): Uint8Array {
  const isOutside = /^([/\\]|[A-Za-z]:)/.test(location) || location.split(/[/\\]/).includes("..");
  if (location === "" || isOutside) {
    throw new DataError(
      `${what} keeps its data in "${location}"; a location must be a path inside the model's folder.`,
    );
  }
  const own = typeof external === "function" ? external(location) : ownEntry(external, location);
  if (own === undefined) {
    throw new DataError(
      `${what} keeps its data in the file "${location}", which is missing. Give its bytes: { external: { "${location}": bytes } }.`,
    );
  }
  requireBytes(`The external data "${location}"`, own);
  return own;
}

function countOf(text: string, what: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count;
  throw new DataError(`${what} has external data at "${text}"; an offset or length is an integer >= 0.`);
}
