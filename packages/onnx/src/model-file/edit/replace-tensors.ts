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
  tensorHeader,
  withRemarks,
  writeShape,
} from "isoloss/internal";
import { INITIALIZER, INPUT, itemOf, OUTPUT, VALUE_INFO } from "./graph-items.js";

export interface TensorChanges {
  /** Initializers of other types or shapes, by name. */
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  /** The new type of an input or output that is no initializer; default as it is. */
  readonly dtypeOf?: ((info: OnnxValueInfo) => OnnxDType | undefined) | undefined;
}

/**
 * A model with other tensors in the place of initializers. What the file says of the types and shapes of values inside the
 * graph is left out, as it may be wrong then; other fields keep their bytes.
 */
export function replaceTensors(model: Uint8Array, { tensors, dtypeOf }: TensorChanges): Uint8Array {
  const changed = (field: RawField): RawField[] => {
    const { number } = field;
    if (number === VALUE_INFO) return [];
    if (number === INITIALIZER) {
      const tensor = tensors.get(tensorHeader(contentOf(field)).name);
      if (tensor === undefined) return [field];
      return [rawField(number, (w, n) => w.bytes(n, withRemarks(tensor, contentOf(field))))];
    }
    if (number !== INPUT && number !== OUTPUT) return [field];
    // Before IR version 4 every initializer is an input of the graph, too.
    const tensor = tensors.get(itemOf(field).name ?? "");
    if (tensor === undefined && dtypeOf === undefined) return [field];
    const content = contentOf(field);
    const info = readValueInfo(new ProtoReader(content));
    const dtype = tensor?.dtype ?? dtypeOf?.(info) ?? info.dtype;
    const shape = `${tensor?.shape}` === `${info.shape}` ? undefined : tensor?.shape;
    if (dtype === undefined || (dtype === info.dtype && shape === undefined)) return [field];
    const typed = mapFields(content, {
      2: (type) => mapFields(type, { 1: (own) => withType(own, dtype, shape) }),
    });
    return [rawField(number, (w, n) => w.bytes(n, typed))];
  };
  return mapFields(model, { 7: (graph) => rawMessage(rawFields(graph).flatMap(changed)) });
}

/** TypeProto.Tensor with another type of elements, and another shape where one is given. */
function withType(tensor: Uint8Array, dtype: OnnxDType, shape: Shape | undefined): Uint8Array {
  const others = rawFields(tensor).filter(({ number }) => number !== 1);
  const axes = (field: RawField) =>
    shape === undefined ? field : rawField(field.number, (w, n) => w.message(n, (s) => writeShape(s, shape)));
  return rawMessage([rawField(1, (w, n) => w.int(n, dtypeCode(dtype))), ...others.map(axes)]);
}
