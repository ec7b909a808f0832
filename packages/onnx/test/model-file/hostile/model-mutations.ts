// Changes of numbers in a model that is whole otherwise: of attributes, stored tensors and sizes of inputs.
import type { Rng } from "isoloss/data";
import type { AttributeValue, OnnxNode, OnnxTensor } from "isoloss/internal";
import { decodeModel, encodeModel, type OnnxModel } from "isoloss/onnx";

const integers = [
  ...[0, 1, 2, 3, 5, 64, 1000, 65_535, 100_000, 2 ** 20, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 40, 2 ** 53 - 1],
  ...[-1, -2, -3, -1000, -(2 ** 31), -(2 ** 53) + 1],
];
const reals = [
  0,
  -0,
  0.5,
  -1,
  1e-30,
  1e9,
  1e38,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

const pick = <T>(rng: Rng, list: readonly T[]): T => list[rng.int(list.length)];

/** A list with one entry changed, or with one more or fewer. */
function changedList(list: readonly number[], from: readonly number[], rng: Rng): number[] {
  const changed = [...list];
  const at = rng.int(Math.max(list.length, 1));
  const what = rng.int(6);
  if (what === 0) changed.splice(at, 1);
  else if (what === 1) changed.splice(at, 0, pick(rng, from));
  else changed[at] = pick(rng, from);
  return changed;
}

function changedAttribute(own: AttributeValue, rng: Rng): AttributeValue {
  if (rng.int(10) === 0) return { kind: "int", value: pick(rng, integers) };
  switch (own.kind) {
    case "int":
      return { ...own, value: pick(rng, integers) };
    case "ints":
      return { ...own, value: changedList(own.value, integers, rng) };
    case "float":
      return { ...own, value: pick(rng, reals) };
    case "floats":
      return { ...own, value: changedList(own.value, reals, rng) };
    case "tensor":
      return { ...own, value: changedTensor(own.value, rng) };
    case "graph":
      return { ...own, value: { ...own.value, nodes: changedOne(own.value.nodes, rng, changedNode) } };
    default:
      return own;
  }
}

function changedTensor(own: OnnxTensor, rng: Rng): OnnxTensor {
  const data = own.data.slice();
  const at = rng.int(Math.max(data.length, 1));
  if (data instanceof BigInt64Array) data[at] = BigInt(pick(rng, integers));
  else if (data instanceof BigUint64Array) data[at] = BigInt(Math.abs(pick(rng, integers)));
  else data[at] = pick(rng, own.dtype.startsWith("float") ? reals : integers);
  // The same numbers in another shape: without axes, flat, or with an axis more.
  const shapes = [own.shape, own.shape, [data.length], [1, ...own.shape], data.length === 1 ? [] : own.shape];
  return { ...own, data, shape: pick(rng, shapes) };
}

function changedNode(own: OnnxNode, rng: Rng): OnnxNode {
  const names = Object.keys(own.attributes);
  if (names.length === 0 || rng.int(4) === 0) {
    const inputs = [...own.inputs];
    inputs.splice(
      rng.int(Math.max(inputs.length, 1)),
      rng.int(2),
      ...(rng.int(2) === 0 ? [""] : own.inputs.slice(0, 1)),
    );
    return { ...own, inputs };
  }
  const name = pick(rng, names);
  return { ...own, attributes: { ...own.attributes, [name]: changedAttribute(own.attributes[name], rng) } };
}

function changedOne<T>(list: readonly T[], rng: Rng, change: (own: T, rng: Rng) => T): T[] {
  const at = rng.int(Math.max(list.length, 1));
  return list.map((own, i) => (i === at ? change(own, rng) : own));
}

function changedModel(model: OnnxModel, rng: Rng): OnnxModel {
  const { graph, opsets } = model;
  const what = rng.int(10);
  if (what === 0) {
    const version = rng.int(25);
    return { ...model, opsets: opsets.map((own) => ({ ...own, version })) };
  }
  if (what <= 2) {
    const inputs = changedOne(graph.inputs, rng, (own) => ({
      ...own,
      shape: changedList(
        (own.shape ?? []).map(Number),
        integers.filter((n) => n >= 0),
        rng,
      ),
    }));
    return { ...model, graph: { ...graph, inputs } };
  }
  if (what <= 6) return { ...model, graph: { ...graph, nodes: changedOne(graph.nodes, rng, changedNode) } };
  return { ...model, graph: { ...graph, initializers: changedOne(graph.initializers, rng, changedTensor) } };
}

/** The file with some numbers changed; the file itself if it cannot be decoded or the numbers cannot be encoded. */
export function withOtherNumbers(bytes: Uint8Array, rng: Rng): Uint8Array {
  try {
    let model = decodeModel(bytes);
    for (let i = 0; i <= rng.int(3); i++) model = changedModel(model, rng);
    return encodeModel(model);
  } catch {
    return bytes;
  }
}
