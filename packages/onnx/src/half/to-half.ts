import { flag, inCode, type OptionsOf, oneOf, optionTable } from "isoloss/internal";
import type { HalfCounts } from "isoloss/moves";
import type { ModelError } from "../model-error.js";
import { axisSizes, batchList, type NamedValues, randomInputs } from "../model-file/compare/random-inputs.js";
import { outputsOf } from "../model-file/compare/run-model.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { dropIdentityIn } from "../model-file/prepare/drop-identity.js";
import { requireBatches, smallBatches } from "../quantize/examples.js";
import { errorOf, requireFiniteOutputs } from "../quantize/measure-error.js";
import { chosenMove, fewestInFloat32, fileOf, type HalfMove, type Moved } from "./choose.js";
import { converted, roundedEverywhere } from "./convert.js";
import { fuseNorms } from "./fuse-norms.js";
import { observed, readSource, type Source } from "./source.js";
import {
  type LargestValue,
  type Ranges,
  rangesOf,
  sizeOfValue,
  type ValueSize,
  type ValueStatistics,
} from "./value-ranges.js";

export interface ToHalfOptions extends OptionsOf<typeof toHalfOptions> {}

const toHalfOptions = optionTable("toHalf", {
  /** Whether weights are scaled by powers of two into the range of float16 first; default true. */
  move: flag.default(true),
  /** Type of the inputs and outputs of floats: `float32` (default), with a Cast at each, or `float16`. */
  io: oneOf(["float32", "float16"]).default("float32"),
  /** Batches of arrays by the names of the inputs, on which the ranges of activations are measured; default: random inputs. */
  calibration: batchList.default([]),
  /** Batches on which `error` is measured; default those of `calibration`, or random inputs. */
  heldOut: batchList.default([]),
  /** Sizes of axes that the file leaves open, for tracing it; default 4 of a first axis, else 32. */
  sizes: axisSizes.default({}),
  /** SQNR in dB with every result rounded, below which `rescue` is tried; default 40. */
  tolerance: inCode<number>("a number", (value) => typeof value === "number" && !Number.isNaN(value)).default(
    40,
  ),
  /**
   * What is done below the tolerance: `fuse` makes one node of each norm that is several, which computes in float32 inside; `float32`
   * keeps operators in float32; `auto` (default) tries both; `none` neither.
   */
  rescue: oneOf(["auto", "fuse", "float32", "none"]).default("auto"),
});

/** Counts before and after the move. */
export interface HalfChange {
  readonly before: HalfCounts;
  readonly after: HalfCounts;
}

/** A value inside a file before and after; none where the new file does not have it. */
export interface ValueChange {
  readonly name: string;
  /** The operator that makes it; none of an input. */
  readonly operator?: string | undefined;
  readonly before: ValueSize;
  readonly after?: ValueSize | undefined;
}

/** One of the files of float16 that were made and measured. */
export interface HalfFile extends Pick<HalfModel, "bytes" | "moved" | "moves" | "fused" | "wide" | "error"> {
  readonly weights: HalfCounts;
  readonly activations: HalfCounts;
  readonly range: LargestValue;
}

/** A file of float16. */
export interface HalfModel {
  readonly bytes: Uint8Array;
  /** Numbers of the file's weights and of its other constants outside of the range. */
  readonly weights: HalfChange;
  /** The same of the inputs and of the values inside the model, in float32: on the calibration data, or random inputs. */
  readonly activations: HalfChange;
  readonly ranges: { readonly before: LargestValue; readonly after: LargestValue };
  /** Units whose weights were scaled. */
  readonly moved: number;
  readonly moves: readonly HalfMove[];
  /** Results of the nodes that took the places of norms of several nodes. */
  readonly fused: readonly string[];
  /** First results of nodes that stay float32: with any one of them in float16, the SQNR would be below the tolerance. */
  readonly wide: readonly string[];
  /** How large the inputs and the values inside the model are in float32, in the order of the nodes. */
  readonly values: readonly ValueChange[];
  /** All files that were made, this one first: by powers of two alone, with norms fused, with operators in float32. */
  readonly files: readonly HalfFile[];
  /**
   * How far outputs are from those of the file before, where the result of every node, and with `io: "float16"` the inputs, are
   * rounded to float16: on `heldOut`, else `calibration`, else random inputs. The calibration also chose the k and `wide`, so that
   * without `heldOut` the error of other data may be larger.
   */
  readonly error: ModelError;
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
 * are the weights, and the activations, whose factors follow from those of the weights, and whose largest numbers count in full. The
 * objective is convex, at least 0, and never larger than at k = 0.
 *
 * Among the scalings is the residual stream of a transformer: epsilons of normalizations follow it, and no node is added. Near
 * these k, those of the streams are then chosen by the SQNR that is measured on the calibration data with every result rounded. Where
 * that stays below the tolerance, each norm that is several nodes becomes one, which computes in float32 inside; and operators are kept
 * in float32, between Casts, so few that none of them can be float16, as far as 240 measurements tell. The file with fused norms is taken where it reaches the
 * tolerance, else the one that does with the fewest operators in float32, else the best. Logits before a softmax cannot be scaled.
 * The epsilon of a norm that is several nodes may become 0 in float16, and a row of equal numbers then NaN; a LayerNormalization holds
 * its own as a float.
 *
 * All floats become float16: weights, rounded to the nearest (65504 in the place of larger ones), and Casts; the scales of a
 * Resize stay float32, as the standard asks. `foldBatchNorm` first gives a file more scalings.
 *
 * ONNX Runtime 1.30 for Node ends the process where it opens a file in which a Transpose is before a MatMul of float16 with all its
 * optimizations: give its session `graphOptimizationLevel: "extended"`, as this library does.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @throws DataError if `fromOnnx` cannot read the file, or for subgraphs but of Loops that do nothing, quantized operators,
 *   operators that have no float16 in the standard or in ONNX Runtime's domain, other floats than float32, and data
 *   that are not finite; OptionError, ShapeError for sizes or data that do not fit
 *
 * @example
 * const { bytes: half, weights, error } = await toHalf(foldBatchNorm(before).bytes, { calibration: [{ x: images }] });
 * half.length < before.length; // true
 * weights.after.overflows; // 0
 * error.sqnr > 40; // true
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
  {
    move,
    io,
    calibration,
    heldOut,
    sizes,
    tolerance,
    rescue,
  }: ReturnType<typeof toHalfOptions.read<ToHalfOptions>>,
): Promise<HalfModel> {
  const read = readSource(file, sizes);
  // What cannot be converted is known before anything is computed.
  const unmoved = converted("toHalf", file, { io, floats: read.floats });
  const { inputs } = read.traced.model;
  const random = (seed: number) => randomInputs("toHalf", inputs, { seed, examples: 4, sizes });
  const calibrated = smallBatches(file, calibration);
  const ranged = calibrated.length > 0 ? calibrated : random(1);
  const measured =
    heldOut.length > 0 ? smallBatches(file, heldOut) : calibrated.length > 0 ? calibrated : random(0);
  const expectedOn = async (batches: readonly NamedValues[], given: readonly NamedValues[]) => {
    const outputs = await outputsOf(imported(file), batches, { runtime: "auto" });
    if (given.length > 0) requireFiniteOutputs("toHalf", outputs);
    return outputs;
  };
  const batches = { batches: ranged, expected: await expectedOn(ranged, calibration) };
  const expected = measured === ranged ? batches.expected : await expectedOn(measured, heldOut);
  const given = await observed(read, ranged, move);
  const made = async (moved: Moved, wide: readonly string[] = []): Promise<MadeFile> => {
    const { source, moves, fused } = moved;
    const own = fileOf(moved);
    const half =
      own === file && wide.length === 0
        ? unmoved
        : converted("toHalf", own, { io, floats: source.floats, wide: new Set(wide) });
    const ranges = own === source.file ? source.ranges : await rangesOf(own, source.inside, ranged);
    // Not the file itself: ONNX Runtime joins nodes to others without the rounding between them.
    const rounded = imported(roundedEverywhere("toHalf", half.file, source.floats), { dtype: "float32" });
    const got = await outputsOf(rounded, measured, { runtime: "auto" });
    return {
      bytes: half.file.bytes,
      weights: half.counts,
      activations: ranges.counts,
      range: ranges.largest,
      moved: moves.reduce((sum, { units }) => sum + units, 0),
      moves,
      fused,
      wide,
      error: errorOf("toHalf", expected, got, measured),
      values: ranges.values,
    };
  };
  const asIs: Moved = {
    source: given,
    params: given.traced.model.params,
    moves: [],
    fused: [],
    sqnr: Number.NaN,
  };
  const before = await made(asIs);
  const choices: Choice[] = [];
  /** Whether the moved file is good enough; if not, operators are kept in float32, too. */
  const choose = async (source: Source, fused: readonly string[] = []): Promise<boolean> => {
    const moved = await chosenMove({ source, fused, move, ...batches });
    const isAsIs = source === given && moved.moves.length === 0;
    const own = isAsIs ? before : await made(moved);
    choices.push({ sqnr: moved.sqnr, file: own });
    const isEnough = !(moved.sqnr < tolerance);
    if (isEnough || !["auto", "float32"].includes(rescue)) return isEnough;
    const { wide, sqnr } = await fewestInFloat32(moved, own.values, { ...batches, tolerance });
    if (wide.length > 0) choices.push({ sqnr, file: await made(moved, wide) });
    return false;
  };
  if ((move || rescue !== "none") && !(await choose(given)) && ["auto", "fuse"].includes(rescue)) {
    const own = fuseNorms("toHalf", file, given.traced.values);
    if (own !== undefined) {
      await choose(await observed(readSource(own.file, sizes), ranged, move), own.fused);
    }
  }
  const [best] = [...choices].sort(
    (a, b) =>
      Math.min(b.sqnr, tolerance) - Math.min(a.sqnr, tolerance) || a.file.wide.length - b.file.wide.length,
  );
  const chosen = best?.file ?? before;
  const { bytes, moved, moves, fused, wide, error } = chosen;
  const files = [...new Set([chosen, ...choices.map((own) => own.file), before])];
  const makers = new Map(
    file.model.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node.opType])),
  );
  const isBroken = !(error.sqnr > -Infinity);
  const results = file.model.graph.outputs.map(({ name }) => name).filter((name) => given.floats.has(name));
  return {
    bytes,
    weights: { before: unmoved.counts, after: chosen.weights },
    activations: { before: before.activations, after: chosen.activations },
    ranges: { before: before.range, after: chosen.range },
    moved,
    moves,
    fused,
    wide,
    values: [...before.values].map(([name, own]) => ({
      name,
      operator: makers.get(name),
      before: sizeOfValue(own),
      after: chosen.values.has(name) ? sizeOfValue(chosen.values.get(name) as ValueStatistics) : undefined,
    })),
    files: files.map(({ values: _, ...own }) => own),
    error,
    ...(isBroken ? { outputs: (await rangesOf(file, results, measured)).counts } : {}),
  };
}

interface MadeFile extends HalfFile {
  readonly values: Ranges["values"];
}

interface Choice {
  readonly sqnr: number;
  readonly file: MadeFile;
}
