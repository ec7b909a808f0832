import { type FileSession, inCode, isObject, type OptionsOf, optionTable } from "isoloss/internal";
import { fromOnnx } from "../../import/from-onnx.js";
import { runnable } from "../edit/onnx-file.js";
import { axisSizes, type NamedValues, randomInputs } from "./random-inputs.js";
import { openFile } from "./run-model.js";

export interface CompareTimesOptions extends OptionsOf<typeof compareTimesOptions> {}

const compareTimesOptions = optionTable("compareTimes", {
  /** Arrays by the names of the inputs; default: random numbers, one example. */
  inputs: inCode<NamedValues>("arrays by the name of an input, such as { x: images }", isObject).otherwise(
    "random numbers",
  ),
  /** Sizes of axes that the file leaves open, for random numbers; default 32, of a first axis 1. */
  sizes: axisSizes.default({}),
});

/** Times of two files that ran in turns. */
export interface TimesComparison {
  /** Milliseconds of a run, the median. */
  readonly before: number;
  /** Of the new file. */
  readonly after: number;
  /** Time of the second file by that of the first in one turn: the median, and the quartiles around it. */
  readonly ratio: number;
  /** Around it. */
  readonly quartiles: readonly [number, number];
}

/** Turns at least, and at most; between them, as many as fit into the milliseconds. */
const [LEAST, MOST, BUDGET] = [5, 100, 1000];

/**
 * Measures the time of a file against that of another, in turns: what else the computer does then slows both alike. The one
 * that runs first changes from turn to turn.
 *
 * @param before the bytes of an `.onnx` file
 * @param after those of another with the same inputs
 * @throws OptionError for other arrays than the inputs of the file; DataError, ShapeError, RuntimeError when a file cannot be run
 *
 * @example
 * const { ratio } = await compareTimes(before, after); // 0.6: the second file takes 0.6 of the time
 */
export async function compareTimes(
  before: Uint8Array,
  after: Uint8Array,
  options: CompareTimesOptions = {},
): Promise<TimesComparison> {
  const { inputs, sizes } = compareTimesOptions.read(options);
  const [batch] =
    inputs === undefined
      ? randomInputs("compareTimes", fromOnnx(before).inputs, { seed: 0, examples: 1, sizes })
      : [inputs];
  const sessions: FileSession[] = [];
  const times: [number[], number[]] = [[], []];
  try {
    for (const bytes of [before, after])
      sessions.push(await openFile(runnable("compareTimes", bytes), { timed: true }));
    // The first runs make what later ones use.
    for (const session of [...sessions, ...sessions]) await session.run(batch);
    const start = performance.now();
    for (let turn = 0; turn < LEAST || (turn < MOST && performance.now() - start < BUDGET); turn++) {
      for (const k of turn % 2 === 0 ? [0, 1] : [1, 0]) {
        const from = performance.now();
        await sessions[k].run(batch);
        times[k].push(performance.now() - from);
      }
    }
  } finally {
    for (const session of sessions) await session.dispose();
  }
  const ratios = times[1].map((time, turn) => time / times[0][turn]);
  return {
    before: quantile(times[0], 0.5),
    after: quantile(times[1], 0.5),
    ratio: quantile(ratios, 0.5),
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))];
}
