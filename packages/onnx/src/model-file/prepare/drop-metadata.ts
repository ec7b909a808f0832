// Fields of the ONNX schema (onnx.in.proto): doc_string and metadata_props.
import { mapMessages, rawFields, rawMessage, requireBytes } from "isoloss/internal";

/**
 * Leaves out what exporters note in nodes, values, tensors and graphs, such as the lines of Python that a node comes
 * from: `doc_string` and `metadata_props`. Those of the model itself stay, as programs read names of classes and the like there.
 *
 * @param bytes the bytes of an `.onnx` file
 * @returns the new file; the same bytes where there is nothing to leave out
 * @throws DataError if the bytes are no ONNX model
 *
 * @example
 * dropMetadata(before).length <= before.length; // true
 */
export function dropMetadata(bytes: Uint8Array): Uint8Array {
  requireBytes("dropMetadata", bytes);
  return mapMessages(bytes, {
    node: without(6, 9),
    graph: without(10, 16),
    tensor: without(12, 16),
    value: without(3, 4),
  });
}

/** Leaves fields out of a message. */
const without =
  (...numbers: readonly number[]) =>
  (message: Uint8Array): Uint8Array => {
    const fields = rawFields(message);
    const kept = fields.filter(({ number }) => !numbers.includes(number));
    return kept.length === fields.length ? message : rawMessage(kept);
  };
