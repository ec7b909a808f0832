// ONNX's own conformance suite, as Debian's package libonnx-testdata installs it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeModel } from "../../../../src/runtime/onnx/codec.js";
import { readTensor } from "../../../../src/runtime/onnx/decode-tensor.js";
import { ProtoReader } from "../../../../src/runtime/onnx/protobuf.js";
import type { OnnxTensor } from "../../../../src/runtime/onnx/schema.js";

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
  return {
    name,
    bytes: readFileSync(join(root, name, "model.onnx")),
    inputs: readAll(data, "input"),
    outputs: readAll(data, "output"),
  };
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

/** Why a case says nothing about numbers, if so. */
export function whyExcluded({ bytes, inputs, outputs }: Case): string | undefined {
  if ([...inputs, ...outputs].some((x) => x === undefined)) return "a value that is not a tensor of numbers";
  if (outputs.length === 0) return "no results to compare with";
  try {
    const { nodes } = decodeModel(bytes).graph;
    if (nodes.some(({ opType }) => random.test(opType))) return "random results";
  } catch {
    // What cannot be decoded is reported when the case is run.
  }
  return undefined;
}
