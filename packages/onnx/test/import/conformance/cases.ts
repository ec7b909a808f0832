// ONNX's own conformance suite, as Debian's package libonnx-testdata installs it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type OnnxTensor, type OnnxValueInfo, ProtoReader, readTensor } from "isoloss/internal";
import { decodeModel, type OnnxModel } from "isoloss/onnx";

const root = "/usr/share/libonnx-testdata/data";

export const isInstalled = existsSync(root);

/** The folders with a data set in every case. */
const folders = ["node", "pytorch-converted", "pytorch-operator", "simple"];

/** A model, and what it gives for some inputs. */
export interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** In the order of the model's inputs and outputs; undefined for one that is not a tensor of numbers. */
  readonly inputs: readonly (OnnxTensor | undefined)[];
  readonly outputs: readonly (OnnxTensor | undefined)[];
}

export function conformanceCases(): Case[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .sort()
      .map((name) => readCase(`${folder}/${name}`)),
  );
}

function readCase(name: string): Case {
  const data = join(root, name, "test_data_set_0");
  const bytes = readFileSync(join(root, name, "model.onnx"));
  const graph = decoded(bytes)?.graph;
  const typed = (values: readonly (OnnxTensor | undefined)[], infos: readonly OnnxValueInfo[] = []) =>
    values.map((value, i) => value && withBits(value, infos[i]));
  return {
    name,
    bytes,
    inputs: typed(readAll(data, "input"), graph?.inputs),
    outputs: typed(readAll(data, "output"), graph?.outputs),
  };
}

/** Undefined for a model that is not supported; why is reported when its case is run. */
function decoded(bytes: Uint8Array): OnnxModel | undefined {
  try {
    return decodeModel(bytes);
  } catch {
    return undefined;
  }
}

/** NumPy has no bfloat16: the suite keeps its bits as uint16. */
function withBits(value: OnnxTensor, info: OnnxValueInfo | undefined): OnnxTensor {
  return info?.dtype === "bfloat16" && value.dtype === "uint16" ? { ...value, dtype: "bfloat16" } : value;
}

function readAll(folder: string, prefix: string): (OnnxTensor | undefined)[] {
  const count = existsSync(folder) ? readdirSync(folder).filter((f) => f.startsWith(prefix)).length : 0;
  return Array.from({ length: count }, (_, i) => readNumbers(join(folder, `${prefix}_${i}.pb`)));
}

/** Undefined for sequences, strings, and element types without a class of typed array. */
function readNumbers(path: string): OnnxTensor | undefined {
  try {
    return readTensor(new ProtoReader(Uint8Array.from(readFileSync(path))));
  } catch {
    return undefined;
  }
}

/** Operators whose results are drawn at random. */
const random = /^(Bernoulli|Multinomial|Random)/;

const wraps = "its numbers wrap around where the standard, and ONNX Runtime, saturate";

/** Cases of the suite's version 1.17 whose numbers are wrong. */
const errata: Readonly<Record<string, string>> = {
  "node/test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True":
    "elements beyond the padding count; not so in PyTorch, ONNX Runtime and later versions (onnx/onnx#5276)",
  "node/test_maxunpool_export_with_output_shape":
    "places are not offsets into the result, as MaxPool gives them (onnx/onnx#2398)",
  "node/test_adam_multiple": "its numbers were made with an epsilon of 0.01, which the file does not have",
  "node/test_qlinearmatmul_2D_int8_float16": wraps,
  "node/test_qlinearmatmul_2D_int8_float32": wraps,
  "node/test_qlinearmatmul_3D_int8_float16": wraps,
  "node/test_qlinearmatmul_3D_int8_float32": wraps,
};

/** Why a case says nothing about numbers, if so. */
export function whyExcluded({ name, bytes, inputs, outputs }: Case): string | undefined {
  if (Object.hasOwn(errata, name)) return errata[name];
  if ([...inputs, ...outputs].some((x) => x === undefined)) return "a value that is not a tensor of numbers";
  if (outputs.length === 0) return "no results to compare with";
  const nodes = decoded(bytes)?.graph.nodes ?? [];
  return nodes.some(({ opType }) => random.test(opType)) ? "random results" : undefined;
}
