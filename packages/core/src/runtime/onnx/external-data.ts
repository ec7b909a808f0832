// External data of the ONNX standard (onnx.ai, "ExternalData"): bytes of a tensor in another file, at an offset.
import { requireBytes } from "../../bytes.js";
import { DataError, describeValue, OptionError } from "../../errors.js";
import { ownEntry } from "../../tree.js";
import { externalPlace, type ReadExternal } from "./decode-tensor.js";
import { externalEntries, mapMessages, tensorHeader, withRawData } from "./raw-tensor.js";

/** Reads a part of a file: bytes that are shared with nothing else. */
export type ExternalPart = (offset: number, length: number) => Uint8Array;

/**
 * The files that hold a model's external data, by the location that the model gives: bytes, or a function that reads them. A
 * function that reads parts in the place of bytes is for files that are too large as a whole.
 */
export type ExternalData =
  | Readonly<Record<string, Uint8Array | ExternalPart>>
  | ((location: string) => Uint8Array | ExternalPart);

export function externalReader(external: ExternalData): ReadExternal {
  if (typeof external !== "function" && (typeof external !== "object" || external === null)) {
    throw new OptionError(
      `external must be a function from a location to bytes, or an object of bytes by location; got ${describeValue(external)}.`,
    );
  }
  const files = new Map<string, Uint8Array | ExternalPart>();
  return (name, { location, offset, length }) => {
    const what = `The tensor "${name}"`;
    const file = files.get(location) ?? fileOf(external, location, what);
    files.set(location, file);
    const isPart = typeof file === "function";
    const bytes = isPart ? file(offset, length) : file.subarray(offset, offset + length);
    requireBytes(`The external data "${location}"`, bytes);
    if (bytes.length === length) return { bytes, isPart };
    const has = isPart ? `gave ${bytes.length}` : `has ${file.length}`;
    throw new DataError(
      `${what} is at bytes ${offset} to ${offset + length} of "${location}", which ${has} bytes.`,
    );
  };
}

/**
 * Puts the external data of an ONNX model into the file itself: tensors whose numbers are in other files, at an offset,
 * keep them as raw bytes. Everything else stays as it is, byte by byte. The files stay as they are, too.
 *
 * A location is a path relative to the model's folder. Paths that leave the folder are refused.
 *
 * @param bytes the bytes of an `.onnx` file
 * @param external bytes by location, or a function from a location to bytes
 * @throws DataError when a file is missing or too short, with its name, and when the result would have more than 2 GiB
 *
 * @example
 * const whole = inlineExternalData(bytes, { "weights.bin": data });
 * const same = inlineExternalData(bytes, (location) => files[location]);
 */
export function inlineExternalData(bytes: Uint8Array, external: ExternalData): Uint8Array {
  requireBytes("inlineExternalData", bytes);
  const read = externalReader(external);
  let total = bytes.length;
  const inlined = (tensor: Uint8Array): Uint8Array => {
    const header = tensorHeader(tensor);
    if (!header.isExternal) return tensor;
    const place = externalPlace(header, externalEntries(tensor));
    total += place.length;
    if (total > LARGEST) {
      throw new DataError(
        "The model has more than 2 GiB with its external data, which is the limit of one file. In a program read it by " +
          "fromOnnx(bytes, { external }), and write it by withParams(bytes, params, { external, write }).",
      );
    }
    return withRawData(tensor, read(header.name, place).bytes);
  };
  return mapMessages(bytes, { tensor: inlined });
}

/** Of a message in Protocol Buffers. */
const LARGEST = 2 ** 31 - 1;

function fileOf(external: ExternalData, location: string, what: string): Uint8Array | ExternalPart {
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
  if (typeof own !== "function") requireBytes(`The external data "${location}"`, own);
  return own;
}
