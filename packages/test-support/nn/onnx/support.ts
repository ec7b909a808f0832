import { compileJavaScript, dtypeOf, type NdArray, simplify, type TypedArray, trace } from "isoloss";
import type { OnnxDType, OnnxNode, OnnxTensor } from "isoloss/internal";
import { encodeModel } from "isoloss/onnx";
import { type FromOnnxOptions, fromOnnx } from "isoloss-onnx";
import { loadOrt } from "#ort";

export type Arrays = Readonly<Record<string, NdArray>>;

/** Element types, by name, of operands that the arrays here hold in another one, and of results that have no other. */
export type Kinds = Readonly<Record<string, "float32" | "int32" | "int8" | "uint8" | "int4" | "uint4">>;

export interface FileOptions {
  readonly inputs?: Arrays;
  readonly initializers?: Arrays;
  readonly kinds?: Kinds;
  readonly nodes: readonly OnnxNode[];
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

/** A node with its attributes by kind. */
export const node = (
  opType: string,
  inputs: readonly string[],
  attributes: OnnxNode["attributes"] = {},
  outputs: readonly string[] = ["y"],
): OnnxNode => ({ opType, inputs, outputs, attributes });

export const tensorOf = (name: string, { shape, data }: NdArray): OnnxTensor => ({
  name,
  shape,
  dtype: dtypeOf({ shape, data }),
  data: data as OnnxTensor["data"],
});

/** The bytes of a model; the shapes of its inputs are those of the arrays. */
export function fileOf({
  inputs = {},
  initializers = {},
  nodes,
  outputs = ["y"],
  opset = 18,
  kinds = {},
}: FileOptions): Uint8Array {
  const others = [...new Set(nodes.flatMap(({ domain }) => domain ?? []))];
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: opset }, ...others.map((domain) => ({ domain, version: 1 }))],
    producer: "test",
    metadata: {},
    graph: {
      name: "graph",
      inputs: Object.entries(inputs).map(([name, x]) => ({
        name,
        dtype: Object.hasOwn(kinds, name) ? kinds[name] : dtypeOf(x),
        shape: x.shape,
      })),
      outputs: outputs.map((name) => ({ name, dtype: kinds[name] })),
      initializers: Object.entries(initializers).map(([name, x]) => {
        const dtype = kinds[name];
        return dtype ? { name, shape: x.shape, dtype, data: dataOf(dtype, x) } : tensorOf(name, x);
      }),
      nodes,
    },
  });
}

function dataOf(dtype: OnnxDType, { data }: NdArray) {
  const values = Array.from<number | bigint, number>(data, Number);
  if (dtype === "int32") return Int32Array.from(values);
  return dtype.startsWith("u") ? Uint8Array.from(values) : Int8Array.from(values);
}

/** What ONNX Runtime computes; integers of all types as int64. */
export async function runOrt(bytes: Uint8Array, inputs: Arrays, kinds: Kinds = {}): Promise<Arrays> {
  const ort = await loadOrt("cpu");
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => [
      name,
      kinds[name] === undefined
        ? new ort.Tensor(dtypeOf(x) as "float32", x.data as Float32Array, x.shape)
        : new ort.Tensor(kinds[name] as "int32", dataOf(kinds[name], x) as Int32Array, x.shape),
    ]),
  );
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { dims, type, data }]) => {
      const isNarrow = /^u?int/.test(type) && type !== "int64";
      const own = isNarrow ? BigInt64Array.from(data as Int32Array, BigInt) : (data as TypedArray);
      return [name, { shape: dims, data: own }];
    }),
  );
}

/** What the imported model computes in JavaScript; `known`: inputs that are arrays when it is traced. */
export function runImported(
  bytes: Uint8Array,
  inputs: Arrays,
  options: FromOnnxOptions = {},
  known: Arrays = {},
): Arrays {
  const model = fromOnnx(bytes, options);
  const { graph } = trace(({ p, x }) => model.apply(p, { ...x, ...known }), {
    p: model.params,
    x: inputs,
  });
  const named = (prefix: string, arrays: Arrays) =>
    Object.fromEntries(Object.entries(arrays).map(([name, x]) => [`${prefix}.${name}`, x]));
  return compileJavaScript(simplify(graph)).runSync({ ...named("p", model.params), ...named("x", inputs) });
}

export const int64 = (values: readonly number[], shape: readonly number[] = [values.length]): NdArray => ({
  shape,
  data: BigInt64Array.from(values, BigInt),
});

export const float32 = (values: readonly number[], shape: readonly number[] = [values.length]): NdArray => ({
  shape,
  data: Float32Array.from(values),
});
