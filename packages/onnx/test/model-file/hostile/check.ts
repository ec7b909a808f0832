// What a program does with a file that it was given.

import {
  compileJavaScript,
  costOf,
  type Graph,
  type ImportedInput,
  type ImportedModel,
  IsolossError,
  type NdArray,
  type Spec,
  simplify,
  sizeOf,
  spec,
  trace,
} from "isoloss";
import { allocate } from "isoloss/internal";
import { decodeModel, inlineExternalData } from "isoloss/onnx";
import { fromOnnx } from "../../../src/import/from-onnx.js";
import { OnnxFile } from "../../../src/model-file/edit/onnx-file.js";
import { withParams } from "../../../src/model-file/edit/with-params.js";
import { liftBounds, lowerBounds } from "../../../src/model-file/prepare/bounds.js";
import { dropIdentity } from "../../../src/model-file/prepare/drop-identity.js";
import { dropMetadata } from "../../../src/model-file/prepare/drop-metadata.js";
import { foldBatchNorm } from "../../../src/model-file/prepare/fold-batch-norm.js";
import { quantizeWeights } from "../../../src/quantize/quantize-weights.js";
import { quantizableValues } from "../../../src/quantize/write-qdq.js";

/** What came of a file: the farthest that it got, and errors that are not the library's own. */
export interface Outcome {
  readonly reached: "nothing" | "decoded" | "read" | "traced" | "run";
  readonly crashes: readonly string[];
}

/** Sizes up to which a graph is run: how long a larger one takes is known before, from its cost. */
const most = { flops: 1e7, bytes: 1e8, nodes: 3000 };

/** The first error of a program that reads and runs a file. */
export function refusalOf(bytes: Uint8Array): unknown {
  try {
    run(simplify(traced(fromOnnx(bytes), false)));
    return undefined;
  } catch (error) {
    return error;
  }
}

export function check(bytes: Uint8Array): Outcome {
  const crashes: string[] = [];
  const attempt = <T>(step: string, f: () => T): T | undefined => {
    try {
      return f();
    } catch (error) {
      if (!(error instanceof IsolossError)) crashes.push(`${step}: ${stackOf(error)}`);
      return undefined;
    }
  };
  const decoded = attempt("decodeModel", () => decodeModel(bytes));
  const model = attempt("fromOnnx", () => fromOnnx(bytes));
  let reached: Outcome["reached"] = model ? "read" : decoded ? "decoded" : "nothing";
  if (model) {
    for (const isKnown of [false, true]) {
      const graph = attempt("apply", () => traced(model, isKnown));
      if (!graph) continue;
      reached = reached === "run" ? reached : "traced";
      const simple = attempt("simplify", () => simplify(graph));
      if (simple && isSmall(simple) && attempt("run", () => run(simple))) reached = "run";
    }
    attempt("withParams", () => withParams(bytes, model.params));
  }
  const edits = {
    foldBatchNorm,
    liftBounds,
    lowerBounds,
    dropIdentity,
    dropMetadata,
    quantizableValues: (own: Uint8Array) => quantizableValues(OnnxFile.decode("check", own)),
    quantizeWeights,
  };
  for (const [name, edit] of Object.entries(edits)) attempt(name, () => edit(bytes));
  attempt("withParams of none", () => withParams(bytes, {}));
  attempt("inlineExternalData", () => inlineExternalData(bytes, () => new Uint8Array(64)));
  return { reached, crashes };
}

const stackOf = (error: unknown): string =>
  error instanceof Error
    ? (error.stack ?? error.message).split("\n").slice(0, 6).join(" | ").slice(0, 1200)
    : String(error);

/** Open sizes are 2; small inputs of integers are arrays where `isKnown`. */
function traced(model: ImportedModel, isKnown: boolean): Graph {
  const known: Record<string, NdArray> = {};
  const symbols: Record<string, Spec> = {};
  model.inputs.forEach((input, i) => {
    const shape = shapeOf(input);
    if (isKnown && input.dtype !== "float32" && sizeOf(shape) < 100) known[input.name] = ones(input);
    else symbols[`x${i}`] = spec(shape, input.dtype);
  });
  const named = (x: Record<string, unknown>) =>
    Object.fromEntries(
      model.inputs.flatMap(({ name }, i) => (`x${i}` in symbols ? [[name, x[`x${i}`]] as const] : [])),
    );
  const { graph } = trace(({ p, x }) => Object.values(model.apply(p, { ...named(x), ...known } as never)), {
    p: model.params,
    x: symbols,
  });
  return graph;
}

const shapeOf = ({ shape = [2] }: ImportedInput): number[] =>
  shape.map((n) => (typeof n === "string" ? 2 : n));

function ones(input: ImportedInput): NdArray {
  const shape = shapeOf(input);
  return { shape, data: filled(input.dtype, sizeOf(shape)) };
}

function filled(dtype: ImportedInput["dtype"], size: number): NdArray["data"] {
  const data = allocate(dtype, size);
  return data instanceof BigInt64Array ? data.fill(1n) : data.fill(1);
}

function isSmall(graph: Graph): boolean {
  const { flops, bytes, nodes } = costOf(graph);
  const fed = graph.inputs.reduce((sum, { tensor }) => sum + tensor.size, 0);
  return flops <= most.flops && bytes <= most.bytes && nodes <= most.nodes && fed <= most.flops;
}

function run(graph: Graph): true {
  const inputs = graph.inputs.map(({ name, tensor: { shape, dtype, size } }) => [
    name,
    { shape, data: filled(dtype, size) },
  ]);
  compileJavaScript(graph).runSync(Object.fromEntries(inputs));
  return true;
}
