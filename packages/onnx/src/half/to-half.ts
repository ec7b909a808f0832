import type { NdArray, Tensor } from "isoloss";
import {
  flag,
  halfCounts,
  inCode,
  isFloat,
  noCounts,
  nodesOf,
  type OnnxNode,
  type OptionsOf,
  oneOf,
  optionTable,
} from "isoloss/internal";
import type { HalfCounts } from "isoloss/moves";
import { type ScalingGenerator, scalesOf } from "isoloss/symmetry";
import type { ModelError } from "../model-error.js";
import { axisSizes, type NamedValues, randomInputs } from "../model-file/compare/random-inputs.js";
import { outputsOf } from "../model-file/compare/run-model.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { dropIdentityIn } from "../model-file/prepare/drop-identity.js";
import { type TracedFile, tracedFile } from "../model-file/traced-file.js";
import { requireBatches, smallBatches } from "../quantize/examples.js";
import { visitValues } from "../quantize/inner-values.js";
import { errorOf } from "../quantize/measure-error.js";
import { type Activation, activationOf, cellsOf, countValues } from "./activation-cells.js";
import { type Converted, converted, roundedEverywhere } from "./convert.js";
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
  /** Batches of arrays by the names of the inputs, on which the ranges of activations are measured; default: random inputs. */
  calibration: batchList,
  /** Batches on which `error` is measured; default those of `calibration`, or random inputs. */
  heldOut: batchList,
  /** Sizes of axes that the file leaves open, for tracing it; default 4 of a first axis, else 32. */
  sizes: axisSizes.default({}),
  /** SQNR in dB with every result rounded, below which operators whose results are out of range stay float32; default 40. */
  tolerance: inCode<number>("a number", (value) => typeof value === "number" && !Number.isNaN(value)).default(
    40,
  ),
});

/** Counts before and after the move. */
export interface HalfChange {
  readonly before: HalfCounts;
  readonly after: HalfCounts;
}

/** The largest magnitude of all values inside a file, and the value that has it. */
export interface LargestValue {
  readonly size: number;
  readonly name: string;
}

/** Units that were scaled: unit i by 2^(power k_i) along each axis of its parameters. */
export interface HalfMove {
  readonly parameters: readonly string[];
  readonly units: number;
  /** Least and largest k. */
  readonly exponents: readonly [number, number];
  /** How many numbers normalizations that read what is scaled take together, such as the width of a residual stream. */
  readonly stream?: number | undefined;
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
  /** First results of nodes that stay float32. */
  readonly wide: readonly string[];
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
 * that stays below the tolerance, operators are kept in float32, between Casts: all that make or read a tensor with a number that
 * overflows, and if the SQNR is still below it, those of tensors of which most are subnormal, too. Each set is kept where it raises
 * the SQNR; neither is the smallest that would suffice. Logits before a softmax cannot be scaled. The epsilon of a norm that is
 * several nodes may become 0 in float16, and a row of equal numbers then NaN; a LayerNormalization holds its own as a float.
 *
 * All floats become float16: weights, rounded to the nearest (65504 in the place of larger ones), and Casts; the scales of a
 * Resize stay float32, as the standard asks. `foldBatchNorm` first gives a file more scalings.
 *
 * ONNX Runtime 1.30 for Node ends the process where it opens a file in which a Transpose is before a MatMul of float16 with all its
 * optimizations: give its session `graphOptimizationLevel: "extended"`, as this library does.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @param options `move`, `io`, `calibration`, `heldOut`, `sizes` and `tolerance`
 * @throws DataError if `fromOnnx` cannot read the file, or for subgraphs but of Loops that do nothing, quantized operators,
 *   operators that have no float16 or are not of the standard, other floats than float32, and data that are not finite; OptionError,
 *   ShapeError for sizes or data that do not fit
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
  { move, io, calibration, heldOut, sizes, tolerance }: ReturnType<typeof toHalfOptions.read<ToHalfOptions>>,
): Promise<HalfModel> {
  const { graph } = file.model;
  const outputs = graph.outputs.map(({ name }) => name);
  const traced = tracedValues(file, sizes, outputs);
  const { values, model } = traced;
  const floats = new Set([...values].filter(([, { dtype }]) => isFloat(dtype)).map(([name]) => name));
  const made = new Set(graph.nodes.flatMap((node) => node.outputs));
  const inside = [
    ...model.inputs.filter(({ dtype }) => isFloat(dtype)).map(({ name }) => name),
    ...[...floats].filter((name) => made.has(name)),
  ];
  // What cannot be converted is known before anything is computed.
  const unmoved = converted("toHalf", file, { io, floats });
  const random = (seed: number) =>
    randomInputs("toHalf", model.inputs, { seed, examples: 4, sizes, inputs: {} });
  const given = smallBatches(file, calibration);
  const ranged = given.length > 0 ? given : random(1);
  const measured = heldOut.length > 0 ? smallBatches(file, heldOut) : given.length > 0 ? given : random(0);
  const judgeOn = async (batches: readonly NamedValues[]) => {
    const expected = await outputsOf(imported(file), batches, { runtime: "auto" });
    return async (half: OnnxFile): Promise<ModelError> => {
      // Not the file itself: ONNX Runtime joins nodes to others without the rounding between them.
      const rounded = imported(roundedEverywhere("toHalf", half, floats), { dtype: "float32" });
      return errorOf(expected, await outputsOf(rounded, batches, { runtime: "auto" }), batches);
    };
  };
  const before = await rangesOf(file, inside, ranged);
  const judge = move ? await judgeOn(ranged) : undefined;
  const found = judge && (await descended(file, traced, ranged));
  const tried = async (shifts: readonly Int32Array[]): Promise<Trial> => {
    const isStill = found === undefined || movesOf(found.generators, shifts).length === 0;
    const source = isStill ? file : withParamsIn(file, movedTo(model.params, found.generators, shifts));
    const half = isStill ? unmoved : converted("toHalf", source, { io, floats });
    return { shifts, source, half, sqnr: (await judge?.(half.file))?.sqnr ?? Number.NaN };
  };
  const best = found ? await refined(found, tried) : await tried([]);
  const { source } = best;
  const moves = found ? movesOf(found.generators, best.shifts) : [];
  const after = source === file ? before : await rangesOf(source, inside, ranged);
  let { half, sqnr } = best;
  let wide: ReadonlySet<string> = new Set();
  for (const isOut of judge && sqnr < tolerance ? [overflows, isOutOfRange] : []) {
    const nodes = nodesAt(graph.nodes, after.values, isOut);
    if (sqnr >= tolerance || nodes.size === wide.size) continue;
    const own = converted("toHalf", source, { io, floats, wide: nodes });
    const next = (await judge?.(own.file))?.sqnr ?? Number.NaN;
    if (next > sqnr) [sqnr, half, wide] = [next, own, nodes];
  }
  const error = await (await judgeOn(measured))(half.file);
  return {
    bytes: half.file.bytes,
    weights: { before: unmoved.counts, after: half.counts },
    activations: { before: before.counts, after: after.counts },
    ranges: { before: before.largest, after: after.largest },
    moved: moves.reduce((sum, { units }) => sum + units, 0),
    moves,
    wide: [...wide],
    error,
    ...(error.sqnr > -Infinity
      ? {}
      : {
          outputs: (
            await rangesOf(
              file,
              outputs.filter((name) => floats.has(name)),
              measured,
            )
          ).counts,
        }),
  };
}

const overflows = (counts: HalfCounts): boolean => counts.overflows > 0;

/** Whether a number overflows, or most are subnormal. */
const isOutOfRange = (counts: HalfCounts): boolean =>
  counts.overflows > 0 || 2 * counts.subnormals > counts.numbers;

/** First results of the nodes that make or read some values. */
function nodesAt(
  nodes: readonly OnnxNode[],
  values: ReadonlyMap<string, HalfCounts>,
  isOut: (counts: HalfCounts) => boolean,
): ReadonlySet<string> {
  const out = (name: string) => isOut(values.get(name) ?? noCounts);
  const own = nodes.filter(({ inputs, outputs }) => inputs.some(out) || outputs.some(out));
  return new Set(own.filter(({ opType }) => opType !== "Constant").map(({ outputs }) => outputs[0]));
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
  return tracedFile(
    "toHalf",
    withInnerValues("toHalf", file),
    { sizes, isParameter, epsilons: true },
    outputs,
  );
}

/** Scalings, and the k of their units. */
interface Shifts {
  readonly generators: readonly ScalingGenerator[];
  readonly shifts: readonly Int32Array[];
}

/** A file of float16 with some k, and its SQNR with every result rounded. */
interface Trial extends Pick<Shifts, "shifts"> {
  /** The same in float32. */
  readonly source: OnnxFile;
  readonly half: Converted;
  readonly sqnr: number;
}

/** The exact scalings of a file, and the k of the descent. */
async function descended(
  file: OnnxFile,
  { model, graph, found, values }: TracedFile,
  batches: readonly NamedValues[],
): Promise<Shifts> {
  const generators = found.scalings.filter(({ exact }) => exact);
  const activations = new Map<string, Activation>();
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
  const visit = (results: NamedValues) => {
    for (const [name, own] of activations) countValues(own, results[name]);
  };
  await visitValues(file, [...activations.keys()], batches, visit, { runtime: "auto" });
  // A variance is added to epsilons, which may be lost beside it: their own bits do not count.
  const counted = generators.map(({ axes, ...own }) => ({
    ...own,
    axes: axes.filter(({ path }) => !own.stream?.epsilons.includes(path)),
  }));
  const shifts = descendHalf(model.params, counted, [...activations.values()].flatMap(cellsOf));
  return { generators, shifts };
}

/** Streams whose k is chosen by measuring. */
const mostRefined = 4;
/** Steps without a gain after which the search for a better k ends; where outputs are not finite, nothing says how far it is. */
const mostMisses = (sqnr: number): number => (sqnr > -Infinity ? 1 : 4);
/** By how many decibels another k must be better: the k of the descent leaves more room for other data. */
const leastGain = 1;

/**
 * The k of the streams that most normalizations read, in steps from those of the descent to where the measured SQNR is higher: how
 * far lost bits of squares matter depends on what they are added to.
 */
async function refined(
  { generators, shifts }: Shifts,
  tried: (shifts: readonly Int32Array[]) => Promise<Trial>,
): Promise<Trial> {
  const count = (g: number) => generators[g].stream?.epsilons.length ?? 0;
  const streams = generators
    .map((_, g) => g)
    .filter((g) => count(g) > 0 && shifts[g][0] !== 0)
    .sort((a, b) => count(b) - count(a));
  let best = await tried(shifts);
  for (const g of streams.slice(0, mostRefined)) {
    const start = best.shifts;
    for (const step of [1, -1]) {
      for (let k = step, misses = 0; misses < mostMisses(best.sqnr); k += step) {
        const next = await tried(start.map((old, i) => (i === g ? old.map((from) => from + k) : old)));
        misses = next.sqnr > best.sqnr + leastGain ? 0 : misses + 1;
        if (misses === 0) best = next;
      }
    }
  }
  return best;
}

function movedTo(
  given: Params,
  generators: readonly ScalingGenerator[],
  shifts: readonly Int32Array[],
): Params {
  const params: Record<string, NdArray> = { ...given };
  generators.forEach(({ axes }, g) => {
    if (shifts[g].every((k) => k === 0)) return;
    for (const leg of axes) params[leg.path] = shiftedAlong(params[leg.path], leg, shifts[g]);
  });
  return params;
}

const movesOf = (
  generators: readonly ScalingGenerator[],
  shifts: readonly Int32Array[],
): readonly HalfMove[] =>
  generators.flatMap(({ axes, stream }, g): HalfMove[] => {
    const units = shifts[g].filter((k) => k !== 0).length;
    if (units === 0) return [];
    return [
      {
        parameters: [...new Set(axes.map(({ path }) => path))],
        units,
        exponents: [Math.min(...shifts[g]), Math.max(...shifts[g])],
        ...(stream === undefined ? {} : { stream: stream.units }),
      },
    ];
  });

/** By number: an iterator over millions takes ten times as long. */
function largestOf(data: Float32Array | Float64Array): number {
  let largest = 0;
  for (let i = 0; i < data.length; i++) if (Math.abs(data[i]) > largest) largest = Math.abs(data[i]);
  return largest;
}

interface Ranges {
  readonly counts: HalfCounts;
  readonly largest: LargestValue;
  readonly values: ReadonlyMap<string, HalfCounts>;
}

/** What is in and out of range in values of a file. */
async function rangesOf(
  file: OnnxFile,
  names: readonly string[],
  batches: readonly NamedValues[],
): Promise<Ranges> {
  const values = new Map<string, HalfCounts>();
  let largest: LargestValue = { size: 0, name: "" };
  const visit = (results: NamedValues) => {
    for (const [name, { data }] of Object.entries(results)) {
      if (!(data instanceof Float32Array || data instanceof Float64Array)) continue;
      values.set(name, halfCounts(data, values.get(name)));
      const size = largestOf(data);
      if (size > largest.size) largest = { size, name };
    }
  };
  await visitValues(file, names, batches, visit, { runtime: "auto" });
  const counts = [...values.values()].reduce(
    (sum, own) => ({
      numbers: sum.numbers + own.numbers,
      overflows: sum.overflows + own.overflows,
      subnormals: sum.subnormals + own.subnormals,
    }),
    noCounts,
  );
  return { counts, largest, values };
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
