import type { NdArray, Tensor } from "isoloss";
import {
  flag,
  halfCounts,
  inCode,
  isFloat,
  noCounts,
  nodesOf,
  type OptionsOf,
  oneOf,
  optionTable,
} from "isoloss/internal";
import type { HalfCounts } from "isoloss/moves";
import { scalesOf } from "isoloss/symmetry";
import { comparedFiles } from "../model-file/compare/compare-models.js";
import { axisSizes, type NamedValues, randomInputs } from "../model-file/compare/random-inputs.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { dropIdentityIn } from "../model-file/prepare/drop-identity.js";
import { type TracedFile, tracedFile } from "../model-file/traced-file.js";
import { requireBatches, smallBatches } from "../quantize/examples.js";
import { visitValues } from "../quantize/inner-values.js";
import { type Activation, activationOf, cellsOf, countValues } from "./activation-cells.js";
import { converted, roundedEverywhere } from "./convert.js";
import { descendHalf, shiftedAlong } from "./descend.js";

export interface ToHalfOptions extends OptionsOf<typeof toHalfOptions> {}

const batchList = inCode<readonly NamedValues[]>(
  "a list of batches, such as [{ x: images }]",
  Array.isArray,
).default([]);

const toHalfOptions = optionTable("toHalf", {
  /** Whether weights are scaled by powers of two into the range of float16 first; default true. */
  move: flag.default(true),
  /** Type of the inputs and outputs of floats: `float32` (default), with a Cast at each, or `float16`. */
  io: oneOf(["float32", "float16"]).default("float32"),
  /** Batches of arrays by the names of the inputs, so that the ranges of activations count, too; default: weights alone. */
  calibration: batchList,
  /** Batches on which `largest` is measured; default those of `calibration`, or random inputs. */
  heldOut: batchList,
  /** Sizes of axes that the file leaves open, for tracing it; default 4 of a first axis, else 32. */
  sizes: axisSizes.default({}),
});

/** Counts before and after the move. */
export interface HalfChange {
  readonly before: HalfCounts;
  readonly after: HalfCounts;
}

/** A file of float16. */
export interface HalfModel {
  readonly bytes: Uint8Array;
  /** Numbers of the file's weights and of its other constants outside of the range. */
  readonly weights: HalfChange;
  /** The same of the inputs and of the values inside the model on the calibration data; undefined without. */
  readonly activations?: HalfChange | undefined;
  /** Units whose weights were scaled. */
  readonly moved: number;
  /**
   * Largest difference of an output from that of the file before, relative to its largest value, where the result of every
   * node, and with `io: "float16"` the inputs, are rounded to float16: on `heldOut`, else `calibration`, else random inputs.
   */
  readonly largest: number;
  /** Where that is not finite, the outputs of the file before, there: no scaling moves these into the range. */
  readonly outputs?: HalfCounts | undefined;
}

/**
 * Converts an ONNX file of float32 to float16, and moves its numbers into the range of float16 first: on the orbit of all
 * scalings of the file, by factors 2^k that keep every result bit by bit where nothing over- or underflows in float32. The
 * integers k minimize, by descent in one unit after the other from k = 0, within |k| <= 64,
 *
 * sum over tensors of the mean over their numbers x of
 * max(0, -14 - e) + 100 max(0, e - 12),    e = floor(log2 |x|) + sum of the k that scale x
 *
 * the bits that are lost below 2^-14, and a large cost above 2^13, a factor of 8 below the largest number, 65504. Tensors
 * are the weights, and with `calibration` the activations, whose factors follow from those of the weights. The objective
 * is convex, at least 0, and never larger than at k = 0.
 *
 * All floats become float16: weights, rounded to the nearest (65504 in the place of larger ones), and Casts; the scales of a
 * Resize stay float32, as the standard asks. `foldBatchNorm` first gives a file more scalings.
 *
 * ONNX Runtime 1.30 for Node ends the process where it opens a file in which a Transpose is before a MatMul of float16 with all its
 * optimizations: give its session `graphOptimizationLevel: "extended"`, as this library does.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @param options `move`, `io`, `calibration`, `heldOut` and `sizes`
 * @throws DataError if `fromOnnx` cannot read the file, or for subgraphs but of Loops that do nothing, quantized operators,
 *   operators that have no float16 or are not of the standard, other floats than float32, and data that are not finite; OptionError,
 *   ShapeError for sizes or data that do not fit
 *
 * @example
 * const { bytes: half, weights, largest } = await toHalf(foldBatchNorm(before).bytes, { calibration: [{ x: images }] });
 * half.length < before.length; // true
 * weights.after.overflows; // 0
 */
export async function toHalf(bytes: Uint8Array, options: ToHalfOptions = {}): Promise<HalfModel> {
  const settings = toHalfOptions.read(options);
  const file = OnnxFile.decode("toHalf", bytes);
  for (const what of ["calibration", "heldOut"] as const) {
    if (settings[what].length > 0) requireBatches("toHalf", file, settings[what], what);
  }
  // A Loop cannot be converted; some that exporters write do nothing.
  const hasLoops = file.model.graph.nodes.some(({ opType }) => opType === "Loop");
  return halfOf(hasLoops ? dropIdentityIn(file).file : file, settings);
}

async function halfOf(
  file: OnnxFile,
  { move, io, calibration, heldOut, sizes }: ReturnType<typeof toHalfOptions.read<ToHalfOptions>>,
): Promise<HalfModel> {
  const { graph } = file.model;
  const outputs = graph.outputs.map(({ name }) => name);
  const traced = tracedValues(file, sizes, outputs);
  const { values, model } = traced;
  const floats = new Set([...values].filter(([, { dtype }]) => isFloat(dtype)).map(([name]) => name));
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const computed = [...floats].filter((name) => made.has(name));
  const settings = { io, floats };
  // What cannot be converted is known before anything is computed.
  const unmoved = converted("toHalf", file, settings);
  const batches = smallBatches(file, calibration);
  const measured = heldOut.length === 0 ? batches : smallBatches(file, heldOut);
  const { params, moved } = move
    ? await movedParams(file, traced, batches)
    : { params: model.params, moved: 0 };
  const before = moved === 0 ? file : withParamsIn(file, params);
  const { file: half, counts } = moved === 0 ? unmoved : converted("toHalf", before, settings);
  const counted = (own: OnnxFile) =>
    activationCounts(own, [...model.inputs.map(({ name }) => name), ...computed], batches);
  const rounded = roundedEverywhere("toHalf", half, floats);
  const largest = await largestDifference(file, rounded, sizes, measured);
  const random = { seed: 0, examples: 4, sizes, inputs: {} };
  return {
    bytes: half.bytes,
    weights: { before: unmoved.counts, after: counts },
    ...(batches.length === 0
      ? {}
      : { activations: { before: await counted(file), after: await counted(before) } }),
    moved,
    largest,
    ...(Number.isFinite(largest)
      ? {}
      : {
          outputs: await activationCounts(
            file,
            outputs.filter((name) => floats.has(name)),
            measured.length > 0 ? measured : randomInputs("toHalf", model.inputs, random),
          ),
        }),
  };
}

type Params = Readonly<Record<string, NdArray>>;

/** The model with all values inside it, whose parameters are those of the file as it is. */
function tracedValues(
  file: OnnxFile,
  sizes: Readonly<Record<string, number>>,
  outputs: readonly string[],
): TracedFile {
  const { params } = imported(file);
  const isParameter = (name: string) => Object.hasOwn(params, name.replaceAll(":", "_"));
  return tracedFile("toHalf", withInnerValues("toHalf", file), { sizes, isParameter }, outputs);
}

/** Parameters with the factors of the descent, and how many units have one other than 1. */
async function movedParams(
  file: OnnxFile,
  { model, graph, found, values }: TracedFile,
  batches: readonly NamedValues[],
): Promise<{ readonly params: Params; readonly moved: number }> {
  const generators = found.scalings.filter(({ exact }) => exact);
  const activations = new Map<string, Activation>();
  if (batches.length > 0) {
    const inGraph = new Set(nodesOf(graph));
    const names = [...values.keys()].filter((name) => {
      const tensor = values.get(name);
      return tensor !== undefined && isFloat(tensor.dtype) && inGraph.has(tensor);
    });
    const tensors = names.map((name) => values.get(name) as Tensor);
    scalesOf(graph, generators, tensors).forEach((scale, i) => {
      const own = activationOf(tensors[i], scale);
      if (own !== undefined) activations.set(names[i], own);
    });
    await visitValues(
      file,
      [...activations.keys()],
      batches,
      (results) => {
        for (const [name, own] of activations) countValues(own, results[name]);
      },
      { runtime: "auto" },
    );
  }
  const shifts = descendHalf(model.params, generators, [...activations.values()].flatMap(cellsOf));
  const params: Record<string, NdArray> = { ...model.params };
  generators.forEach(({ axes }, g) => {
    if (shifts[g].every((k) => k === 0)) return;
    for (const leg of axes) params[leg.path] = shiftedAlong(params[leg.path], leg, shifts[g]);
  });
  return { params, moved: shifts.reduce((sum, own) => sum + own.filter((k) => k !== 0).length, 0) };
}

async function activationCounts(
  file: OnnxFile,
  values: readonly string[],
  batches: readonly NamedValues[],
): Promise<HalfCounts> {
  let counts = noCounts;
  const visit = (results: NamedValues) => {
    for (const { data } of Object.values(results)) {
      if (data instanceof Float32Array || data instanceof Float64Array) counts = halfCounts(data, counts);
    }
  };
  await visitValues(file, values, batches, visit, { runtime: "auto" });
  return counts;
}

/** The largest difference of two files on batches, which may be of different shapes, or on random inputs. */
async function largestDifference(
  before: OnnxFile,
  after: OnnxFile,
  sizes: Readonly<Record<string, number>>,
  batches: readonly NamedValues[],
): Promise<number> {
  if (batches.length === 0) return (await comparedFiles(before, after, { sizes })).largest;
  const groups = new Map<string, NamedValues[]>();
  for (const batch of batches) {
    const shapes = JSON.stringify(Object.entries(batch).map(([name, { shape }]) => [name, shape]));
    groups.set(shapes, [...(groups.get(shapes) ?? []), batch]);
  }
  let largest = 0;
  for (const inputs of groups.values()) {
    largest = Math.max(largest, (await comparedFiles(before, after, { inputs })).largest);
  }
  return largest;
}

/** The file with the values that nodes read of one another as outputs, too. */
function withInnerValues(op: string, file: OnnxFile): OnnxFile {
  const editor = new GraphEditor(op, file);
  for (const { opType, outputs } of editor.nodes) {
    if (opType === "Constant" || opType.includes("Sequence")) continue;
    for (const name of outputs) {
      if (name !== "" && editor.uses.isRead(name) && !editor.isOutput(name)) editor.addOutput(name);
    }
  }
  return editor.finish();
}
