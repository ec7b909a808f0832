import type { NdArray } from "isoloss";
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
import { axisSizes, batchList, type NamedValues, randomInputs } from "../model-file/compare/random-inputs.js";
import { outputsOf } from "../model-file/compare/run-model.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { dropIdentityIn } from "../model-file/prepare/drop-identity.js";
import { type TracedFile, tracedFile } from "../model-file/traced-file.js";
import { requireBatches, smallBatches } from "../quantize/examples.js";
import { visitValues } from "../quantize/inner-values.js";
import { errorOf } from "../quantize/measure-error.js";
import { converted, roundedEverywhere } from "./convert.js";
import {
  type Activation,
  type ActivationCell,
  activationOf,
  cellsOf,
  countValues,
  descendHalf,
  shiftedAlong,
} from "./descend.js";
import { fuseNorms } from "./fuse-norms.js";
import { type JudgeSettings, openJudge, smallestSet } from "./judge.js";

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

/** How large a value of a file is. */
export interface ValueSize {
  /** The largest magnitude. */
  readonly largest: number;
  /** Geometric mean of the finite magnitudes that are not 0. */
  readonly typical: number;
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
 * @param options `move`, `io`, `calibration`, `heldOut`, `sizes`, `tolerance` and `rescue`
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
  const expectedOn = (batches: readonly NamedValues[]) =>
    outputsOf(imported(file), batches, { runtime: "auto" });
  const batches = { batches: ranged, expected: await expectedOn(ranged) };
  const expected = measured === ranged ? batches.expected : await expectedOn(measured);
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
      error: errorOf(expected, got, measured),
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

/** A file of float32 with what is known of its graph. */
interface ReadSource {
  readonly file: OnnxFile;
  readonly traced: TracedFile;
  /** Names of its values that are floats. */
  readonly floats: ReadonlySet<string>;
  /** Those of them that inputs give or nodes make, in this order. */
  readonly inside: readonly string[];
}

function readSource(file: OnnxFile, sizes: Readonly<Record<string, number>>): ReadSource {
  const { graph } = file.model;
  const { params } = imported(file);
  // Those of the file as it is: where values inside it are outputs, others might be parameters.
  const isParameter = (name: string) => Object.hasOwn(params, name.replaceAll(":", "_"));
  const traced = tracedFile(
    "toHalf",
    withInnerValues("toHalf", file),
    { sizes, isParameter, epsilons: true, factors: true },
    graph.outputs.map(({ name }) => name),
  );
  const { values, model } = traced;
  const floats = new Set([...values].filter(([, { dtype }]) => isFloat(dtype)).map(([name]) => name));
  const inside = [
    ...model.inputs.filter(({ dtype }) => isFloat(dtype)).map(({ name }) => name),
    ...graph.nodes.flatMap(({ outputs }) => outputs).filter((name) => floats.has(name)),
  ];
  return { file, traced, floats, inside };
}

/** A source with its scalings, and its values on some batches. */
interface Source extends ReadSource {
  readonly ranges: Ranges;
  /** The exact scalings; none where nothing is to be moved. */
  readonly generators: readonly ScalingGenerator[];
  readonly cells: readonly ActivationCell[];
}

async function observed(source: ReadSource, batches: readonly NamedValues[], move: boolean): Promise<Source> {
  const { file, inside, traced } = source;
  const generators = move ? traced.found.scalings.filter(({ exact }) => exact) : [];
  const inGraph = new Set(nodesOf(traced.graph));
  const known = new Set(inside);
  const named = [...traced.values].filter(([name, tensor]) => known.has(name) && inGraph.has(tensor));
  const scales = scalesOf(
    traced.graph,
    generators,
    named.map(([, tensor]) => tensor),
  );
  const activations = new Map(
    named.flatMap(([name, tensor], i) => {
      const own = activationOf(tensor, scales[i]);
      return own === undefined ? [] : [[name, own] as const];
    }),
  );
  const ranges = await rangesOf(file, inside, batches, activations);
  return { ...source, ranges, generators, cells: [...activations.values()].flatMap(cellsOf) };
}

/** A source with other numbers, and how good it is as float16 on the calibration data. */
interface Moved {
  readonly source: Source;
  readonly params: Params;
  readonly moves: readonly HalfMove[];
  readonly fused: readonly string[];
  readonly sqnr: number;
}

const fileOf = ({ source, params, moves }: Moved): OnnxFile =>
  moves.length === 0 ? source.file : withParamsIn(source.file, params);

interface MadeFile extends HalfFile {
  readonly values: ReadonlyMap<string, ValueStatistics>;
}

interface Choice {
  readonly sqnr: number;
  readonly file: MadeFile;
}

type Measured = Pick<JudgeSettings, "batches" | "expected">;

async function chosenMove({
  source,
  fused,
  move,
  ...measured
}: Measured & {
  readonly source: Source;
  readonly fused: readonly string[];
  readonly move: boolean;
}): Promise<Moved> {
  const { file, traced, generators } = source;
  const { params } = traced.model;
  const judge = openJudge(file, measured);
  try {
    if (!move) return { source, fused, params, moves: [], sqnr: await judge.sqnr(params) };
    const { shifts, sqnr } = await refined(generators, descended(source), (own) =>
      judge.sqnr(movedTo(params, generators, own)),
    );
    const moves = movesOf(generators, shifts);
    return { source, fused, params: movedTo(params, generators, shifts), moves, sqnr };
  } finally {
    await judge.dispose();
  }
}

/**
 * The operators that stay float32 so that the SQNR reaches the tolerance, none of which can be float16 alone: among those that make
 * or read a value that overflows, else also those of which most numbers are subnormal, else all; or, where none reaches it, the
 * best of these sets that has less than half of the nodes.
 */
async function fewestInFloat32(
  moved: Moved,
  values: MadeFile["values"],
  { tolerance, ...measured }: Measured & { readonly tolerance: number },
): Promise<{ readonly wide: readonly string[]; readonly sqnr: number }> {
  const { source, params } = moved;
  const { nodes } = source.file.model.graph;
  let best: { readonly wide: readonly string[]; readonly sqnr: number } = { wide: [], sqnr: moved.sqnr };
  let size = 0;
  for (const isOut of [overflows, isOutOfRange, () => true]) {
    const candidates = nodesAt(nodes, values, isOut);
    if (candidates.length === size) continue;
    size = candidates.length;
    const judge = openJudge(source.file, { ...measured, candidates });
    try {
      const sqnr = await judge.sqnr(params, new Set(candidates));
      if (sqnr < tolerance) {
        if (sqnr > best.sqnr && size < nodes.length / 2) best = { wide: candidates, sqnr };
        continue;
      }
      const wide = await smallestSet(
        candidates,
        async (names) => (await judge.sqnr(params, names)) >= tolerance,
      );
      return { wide, sqnr: await judge.sqnr(params, new Set(wide)) };
    } finally {
      await judge.dispose();
    }
  }
  return best;
}

const overflows = ({ counts }: ValueStatistics): boolean => counts.overflows > 0;

/** Whether a number overflows, or most are subnormal. */
const isOutOfRange = ({ counts }: ValueStatistics): boolean =>
  counts.overflows > 0 || 2 * counts.subnormals > counts.numbers;

/** First results of the nodes that make or read some values. */
function nodesAt(
  nodes: readonly OnnxNode[],
  values: ReadonlyMap<string, ValueStatistics>,
  isOut: (value: ValueStatistics) => boolean,
): readonly string[] {
  const out = (name: string) => {
    const own = values.get(name);
    return own !== undefined && isOut(own);
  };
  const own = nodes.filter(({ inputs, outputs }) => inputs.some(out) || outputs.some(out));
  return own.filter(({ opType }) => opType !== "Constant").map(({ outputs }) => outputs[0]);
}

type Params = Readonly<Record<string, NdArray>>;

/** The k of the descent. */
function descended({ traced, generators, cells }: Source): readonly Int32Array[] {
  // A variance is added to epsilons, which may be lost beside it: their own bits do not count.
  const counted = generators.map(({ axes, ...own }) => ({
    ...own,
    axes: axes.filter(({ path }) => !own.stream?.epsilons.includes(path)),
  }));
  return descendHalf(traced.model.params, counted, cells);
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
  generators: readonly ScalingGenerator[],
  start: readonly Int32Array[],
  sqnrAt: (shifts: readonly Int32Array[]) => Promise<number>,
): Promise<{ readonly shifts: readonly Int32Array[]; readonly sqnr: number }> {
  const count = (g: number) => generators[g].stream?.epsilons.length ?? 0;
  const streams = generators
    .map((_, g) => g)
    .filter((g) => count(g) > 0 && start[g][0] !== 0)
    .sort((a, b) => count(b) - count(a));
  let best = { shifts: start, sqnr: await sqnrAt(start) };
  for (const g of streams.slice(0, mostRefined)) {
    const { shifts: from } = best;
    for (const step of [1, -1]) {
      for (let k = step, misses = 0; misses < mostMisses(best.sqnr); k += step) {
        const shifts = from.map((old, i) => (i === g ? old.map((own) => own + k) : old));
        const sqnr = await sqnrAt(shifts);
        misses = sqnr > best.sqnr + leastGain ? 0 : misses + 1;
        if (misses === 0) best = { shifts, sqnr };
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

/** How large the numbers of one value are. */
interface ValueStatistics {
  readonly counts: HalfCounts;
  readonly largest: number;
  /** How many numbers are finite and not 0, and the sum of their log2 |x|. */
  readonly finite: number;
  readonly logs: number;
}

const sizeOfValue = ({ largest, finite, logs }: ValueStatistics): ValueSize => ({
  largest,
  typical: finite === 0 ? 0 : 2 ** (logs / finite),
});

interface Ranges {
  readonly counts: HalfCounts;
  readonly largest: LargestValue;
  readonly values: ReadonlyMap<string, ValueStatistics>;
}

/** What is in and out of range in values of a file. @param activations among them, which are counted, too */
async function rangesOf(
  file: OnnxFile,
  names: readonly string[],
  batches: readonly NamedValues[],
  activations: ReadonlyMap<string, Activation> = new Map(),
): Promise<Ranges> {
  const values = new Map<string, ValueStatistics>();
  let largest: LargestValue = { size: 0, name: "" };
  const visit = (results: NamedValues) => {
    for (const [name, own] of activations) countValues(own, results[name]);
    for (const name of names) {
      const { data } = results[name];
      if (!(data instanceof Float32Array || data instanceof Float64Array)) continue;
      const before = values.get(name) ?? { counts: noCounts, largest: 0, finite: 0, logs: 0 };
      let [size, finite, logs] = [0, 0, 0];
      // By number: an iterator over millions takes ten times as long.
      for (let i = 0; i < data.length; i++) {
        const own = Math.abs(data[i]);
        if (own > size) size = own;
        if (own > 0 && own < Infinity) {
          finite++;
          logs += Math.log2(own);
        }
      }
      values.set(name, {
        counts: halfCounts(data, before.counts),
        largest: Math.max(before.largest, size),
        finite: before.finite + finite,
        logs: before.logs + logs,
      });
      if (size > largest.size) largest = { size, name };
    }
  };
  await visitValues(file, names, batches, visit, { runtime: "auto" });
  const counts = [...values.values()].reduce(
    (sum, { counts: own }) => ({
      numbers: sum.numbers + own.numbers,
      overflows: sum.overflows + own.overflows,
      subnormals: sum.subnormals + own.subnormals,
    }),
    noCounts,
  );
  return { counts, largest, values };
}

/** The file with the values that nodes read of one another as outputs, too. */
export function withInnerValues(op: string, file: OnnxFile): OnnxFile {
  const editor = new GraphEditor(op, file);
  for (const { opType, outputs } of editor.nodes) {
    if (opType === "Constant" || opType.includes("Sequence")) continue;
    for (const name of outputs) {
      if (name !== "" && editor.uses.isRead(name)) editor.addOutput(name);
    }
  }
  return editor.finish();
}
