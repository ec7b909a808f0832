import { OptionError } from "isoloss";
import {
  lowRankOptions,
  type OptionsOf,
  optionTable,
  positive,
  reduced,
  unusedUnits,
  whyUncuttable,
} from "isoloss/internal";
import type { LowRankOptions, ReducedSpace } from "isoloss/moves";
import type { LinearSpace } from "isoloss/symmetry";
import { axisSizes } from "../model-file/compare/random-inputs.js";
import { OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { tracedFile } from "../model-file/traced-file.js";
import { channeledParameters } from "../prune/file-parameters.js";
import { passing, type RemovalCheck, smaller } from "../prune/remove-units.js";

export interface ReduceRankOptions extends LowRankOptions, OptionsOf<typeof reduceRankOptions> {}

const reduceRankOptions = optionTable("reduceRank", {
  ...lowRankOptions.rows,
  /** Sizes of axes that the file leaves open, for tracing and checking it; default 4 of a first axis, else 32. */
  sizes: axisSizes.default({}),
  /** Largest difference of the check, relative to an output's largest value; default 1e-4. */
  tolerance: positive.default(1e-4),
});

/** A linear space of a file, and its new size. */
export interface ReducedGroup {
  /** Names of the parameters that have the space along an axis. */
  readonly parameters: readonly string[];
  /** Before. */
  readonly size: number;
  /** How many spaces of this size there are, such as heads. */
  readonly copies: number;
  /** After. */
  readonly rank: number;
  /** Relative error of the product in the Frobenius norm. */
  readonly error: number;
  /** Why it could not be reduced. */
  readonly reason?: string | undefined;
}

/** A file with smaller linear spaces. */
export interface ReducedRank {
  readonly bytes: Uint8Array;
  readonly groups: readonly ReducedGroup[];
}

/**
 * Reduces the rank of an ONNX file's linear spaces, as `lowRank` does: between two linear layers without an activation,
 * and in attention heads. Its tensors get smaller. The rank of a space is the least that `rank` and `energy` allow; by
 * default unused rank alone goes, and what the model computes stays.
 *
 * A space whose size the file also states elsewhere, such as in a Reshape into heads, stays, with the reason: the file
 * without some of its units must compute what it does with their weights at zero.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @throws DataError if `fromOnnx` cannot read the file; OptionError, ShapeError for sizes with which it cannot be run;
 *   NumericalError when weights are not finite
 *
 * @example
 * const { groups } = await reduceRank(before, { energy: 0.99 });
 * groups.map(({ size, rank }) => `${rank} of ${size}`);
 */
export async function reduceRank(bytes: Uint8Array, options: ReduceRankOptions = {}): Promise<ReducedRank> {
  const { rank, energy, sizes, tolerance } = reduceRankOptions.read(options);
  const file = OnnxFile.decode("reduceRank", bytes);
  const { isParameter, fileNames } = channeledParameters(file);
  const { model, found } = tracedFile("reduceRank", file, { sizes, isParameter });
  const check: RemovalCheck = { op: "reduceRank", file, params: model.params, fileNames, sizes, tolerance };
  const arrays = { ...model.params };
  const reasons = new Map<LinearSpace, string>();
  const done: ReducedSpace[] = [];
  for (const space of found.linear) {
    const reason = whyUncuttable(model.params, space);
    if (reason !== undefined) reasons.set(space, reason);
    else {
      const moved = { ...arrays };
      const own = reduced(moved, space, rank, energy);
      // Whether the file can do without these units does not depend on their weights.
      const [kept] = own.rank < space.size ? await passing(check, [unusedUnits(own)], reasons) : [];
      if (kept === undefined) continue;
      Object.assign(arrays, moved);
      done.push(own);
    }
  }
  const after = done.length === 0 ? file : await smaller(movedTo(check, arrays), done.map(unusedUnits));
  if (typeof after === "string") {
    throw new OptionError(
      `reduceRank: the spaces cannot all be reduced: ${after}. Give a larger tolerance or rank.`,
    );
  }
  const ranks = new Map(done.map((own) => [own.space, own]));
  return {
    bytes: after === file ? new Uint8Array(bytes) : after.bytes,
    groups: found.linear.map((space) => ({
      parameters: [...new Set(space.axes.map(({ path }) => path))],
      size: space.size,
      copies: space.copies,
      rank: ranks.get(space)?.rank ?? space.size,
      error: ranks.get(space)?.error ?? 0,
      ...(reasons.has(space) ? { reason: reasons.get(space) } : {}),
    })),
  };
}

const movedTo = (check: RemovalCheck, params: RemovalCheck["params"]): RemovalCheck => ({
  ...check,
  file: withParamsIn(check.file, params),
  params,
});
