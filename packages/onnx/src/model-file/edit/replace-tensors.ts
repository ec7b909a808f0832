import type { Shape } from "isoloss";
import type { OnnxDType, OnnxTensor, OnnxValueInfo } from "isoloss/internal";
import {
  contentOf,
  dtypeCode,
  mapFields,
  ProtoReader,
  type RawField,
  rawField,
  rawFields,
  rawMessage,
  readValueInfo,
  withRemarks,
  writeShape,
} from "isoloss/internal";
import { type GraphItem, INITIALIZER, INPUT, itemOf, OUTPUT, VALUE_INFO } from "./graph-items.js";
import { OnnxFile } from "./onnx-file.js";

export interface TensorChanges {
  /** Initializers of other types or shapes, by name. */
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  /** The new type of an input or output that is no initializer; default as it is. */
  readonly dtypeOf?: ((info: OnnxValueInfo) => OnnxDType | undefined) | undefined;
}

/**
 * A file with other tensors in the place of initializers. What the file says of the types and shapes of values inside the
 * graph is left out, as it may be wrong then; other fields keep their bytes.
 */
export function replaceTensors(file: OnnxFile, { tensors, dtypeOf }: TensorChanges): OnnxFile {
  const changed = (item: GraphItem): GraphItem[] => {
    const { field, name = "" } = item;
    const { number } = field;
    if (number === VALUE_INFO) return [];
    if (number === INITIALIZER) {
      const tensor = tensors.get(name);
      if (tensor === undefined) return [item];
      return [itemOf(rawField(number, (w, n) => w.bytes(n, withRemarks(tensor, contentOf(field)))))];
    }
    if (number !== INPUT && number !== OUTPUT) return [item];
    // Before IR version 4 every initializer is an input of the graph, too.
    const tensor = tensors.get(name);
    if (tensor === undefined && dtypeOf === undefined) return [item];
    const content = contentOf(field);
    const info = readValueInfo(new ProtoReader(content));
    const dtype = tensor?.dtype ?? dtypeOf?.(info) ?? info.dtype;
    const shape = `${tensor?.shape}` === `${info.shape}` ? undefined : tensor?.shape;
    if (dtype === undefined || (dtype === info.dtype && shape === undefined)) return [item];
    const typed = mapFields(content, {
      2: (type) => mapFields(type, { 1: (own) => withType(own, dtype, shape) }),
    });
    return [{ ...item, field: rawField(number, (w, n) => w.bytes(n, typed)) }];
  };
  return new OnnxFile(file.fields, file.items.flatMap(changed));
}

/** TypeProto.Tensor with another type of elements, and another shape where one is given. */
function withType(tensor: Uint8Array, dtype: OnnxDType, shape: Shape | undefined): Uint8Array {
  const others = rawFields(tensor).filter(({ number }) => number !== 1);
  const axes = (field: RawField) =>
    shape === undefined ? field : rawField(field.number, (w, n) => w.message(n, (s) => writeShape(s, shape)));
  return rawMessage([rawField(1, (w, n) => w.int(n, dtypeCode(dtype))), ...others.map(axes)]);
}
