import { sizeOf } from "isoloss";
import type { OnnxModel } from "isoloss/onnx";

type Graph = OnnxModel["graph"];
type Tensor = Graph["initializers"][number];

/** The numbers of a DequantizeLinear of stored integers: scale (q - zero), by tensor, along an axis or by blocks of it. */
export function dequantized(
  { inputs: [integers, scales, zeros], attributes }: Graph["nodes"][number],
  stored: ReadonlyMap<string, Tensor>,
): { readonly shape: readonly number[]; readonly data: Float64Array } | undefined {
  const [q, scale, zero] = [integers, scales, zeros].map((name) => stored.get(name));
  if (q === undefined || scale === undefined || !(scale.data instanceof Float32Array)) return undefined;
  const { shape } = q;
  const integer = (name: string, otherwise: number) => {
    const own = attributes[name];
    return own?.kind === "int" ? Number(own.value) : otherwise;
  };
  const given = integer("axis", 1);
  const axis = given < 0 ? shape.length + given : given;
  const behind = sizeOf(shape.slice(axis + 1));
  const block = integer("block_size", 0);
  const groupOf = (i: number): number => {
    if (scale.data.length === 1) return 0;
    const along = Math.floor(i / behind) % shape[axis];
    if (block === 0) return along;
    const before = Math.floor(i / (behind * shape[axis]));
    return (before * Math.ceil(shape[axis] / block) + Math.floor(along / block)) * behind + (i % behind);
  };
  const data = Float64Array.from({ length: q.data.length }, (_, i) => {
    const group = groupOf(i);
    return Number(scale.data[group]) * (Number(q.data[i]) - Number(zero?.data[group] ?? 0));
  });
  return { shape, data };
}
