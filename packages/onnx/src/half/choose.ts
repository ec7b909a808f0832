// Which powers of two move a file's numbers, and which operators stay in float32, by the measured SQNR.
import type { NdArray } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import type { ScalingGenerator } from "isoloss/symmetry";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { descendHalf, shiftedAlong } from "./descend.js";
import { type JudgeSettings, openJudge, smallestSet } from "./judge.js";
import type { Source } from "./source.js";
import type { Ranges, ValueStatistics } from "./value-ranges.js";

/** Units that were scaled: unit i by 2^(power k_i) along each axis of its parameters. */
export interface HalfMove {
  readonly parameters: readonly string[];
  readonly units: number;
  /** Least and largest k. */
  readonly exponents: readonly [number, number];
  /** How many numbers normalizations that read what is scaled take together, such as the width of a residual stream. */
  readonly stream?: number | undefined;
}

/** A source with other numbers, and how good it is as float16 on the calibration data. */
export interface Moved {
  readonly source: Source;
  readonly params: Params;
  readonly moves: readonly HalfMove[];
  readonly fused: readonly string[];
  readonly sqnr: number;
}

export const fileOf = ({ source, params, moves }: Moved): OnnxFile =>
  moves.length === 0 ? source.file : withParamsIn(source.file, params);

type Measured = Pick<JudgeSettings, "batches" | "expected">;

export async function chosenMove({
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
export async function fewestInFloat32(
  moved: Moved,
  values: Ranges["values"],
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
