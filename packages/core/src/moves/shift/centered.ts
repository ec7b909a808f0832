// Shifts that center activations: X. Wei et al., "Outlier Suppression+", EMNLP 2023, section 4.1, for all shifts of a graph.
import type { NdArray } from "../../array.js";
import { type Batch, type BatchLoss, forAnyBatch } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { compile } from "../../runtime/compile.js";
import { shift } from "../../symmetry/shift.js";
import { isRefusal } from "../../symmetry/symmetry.js";
import { namedArrays } from "../../tree.js";
import { pieceArrays, probedUnits, type ShiftedValues, shiftedValues } from "./shifted-values.js";

/**
 * The same function with centered activations: where a bias can be shifted, and biases behind the weights that read it undo
 * that, the range of each unit's values on calibration data becomes symmetric around 0,
 *
 * b_1 <- b_1 + T,  b_2 <- b_2 - W_2 T,  T_i = -(max z_i + min z_i) / 2
 *
 * with z the sum that b_1 is added in. It pays before values are quantized with one scale for a tensor, which the ranges
 * of all units share. Shifts are those between linear maps, behind normalizations and in residual streams; nonlinear activations
 * stop them. One after another, each on the values that those before it leave.
 *
 * @param loss any traced function of parameters and batch that is to be kept
 * @param calibration batches of the same shapes
 * @returns new parameters
 * @throws OptionError without batches
 *
 * @example
 * const even = await centered(loss, params, [{ x, y }]);
 */
export async function centered<P, B extends Batch>(
  loss: BatchLoss<P, B>,
  params: P,
  calibration: readonly B[],
): Promise<P> {
  if (!Array.isArray(calibration) || calibration.length === 0) {
    throw new OptionError("centered takes a list of at least one batch, such as [{ x, y }].");
  }
  const anyLoss = forAnyBatch(loss);
  const { generators, values } = shiftedValues(anyLoss, params, calibration[0]);
  if (values.length === 0) return params;
  const symmetry = shift<P>(anyLoss, params, calibration[0], generators);
  let moved = params;
  try {
    for (const shifted of values) {
      const own = await centeringShift(shifted, moved, calibration);
      const T = generators.map(({ size }, j) => ({
        shape: [size],
        data: j === shifted.index ? own : new Float64Array(size),
      }));
      const next = await symmetry.act(moved, T, {});
      if (isRefusal(next)) throw new OptionError(`centered: ${next.refused}.`);
      moved = next;
    }
  } finally {
    await symmetry.dispose?.();
  }
  return moved;
}

/** T of one shift. */
async function centeringShift<P>(
  { site, graph, pieces, giver }: ShiftedValues,
  params: P,
  calibration: readonly Batch[],
): Promise<Float64Array> {
  const { size } = site.generator;
  const run = await compile(graph, { dtype: "float64" });
  const arrays = { ...namedArrays({ params }), ...pieceArrays(pieces, namedArrays(params)) };
  const valuesOf = async (batch: Batch, changed: Readonly<Record<string, NdArray>> = {}) =>
    (await run.run({ ...arrays, ...namedArrays({ batch }), ...changed })).values.data as Float64Array;
  try {
    const [first] = calibration;
    const { start, factors, units } = await probedUnits(giver, arrays[giver], site, (changed) =>
      valuesOf(first, changed),
    );
    const [least, most] = [new Float64Array(size).fill(Infinity), new Float64Array(size).fill(-Infinity)];
    for (const batch of calibration) {
      const values = batch === first ? start : await valuesOf(batch);
      for (let e = 0; e < values.length; e++) {
        // Elements that the shift leaves out, such as another part of joined values.
        if (!(Math.abs(factors[e]) > 0)) continue;
        least[units[e]] = Math.min(least[units[e]], values[e] / factors[e]);
        most[units[e]] = Math.max(most[units[e]], values[e] / factors[e]);
      }
    }
    return least.map((v, i) => (Number.isFinite(v + most[i]) ? -(v + most[i]) / 2 : 0));
  } finally {
    await run.dispose();
  }
}
