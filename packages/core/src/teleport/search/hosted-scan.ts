// The scan of a circle in float32, and where a part of it cannot be reached: one evaluation after another.
import { isNdArray, type NdArray } from "../../array.js";
import { add, mul } from "../../graph/ops/arithmetic.js";
import { greater } from "../../graph/ops/compare.js";
import { abs } from "../../graph/ops/elementary.js";
import type { Tensor } from "../../graph/tensor.js";
import { namedArrays } from "../../named-arrays.js";
import { compile } from "../../runtime/compile.js";
import { Resources } from "../../runtime/resources.js";
import { isRefusal, type Refusal, type Symmetry } from "../../symmetry/symmetry.js";
import { flatten } from "../../tree.js";
import { traceAscent } from "./ascent/ascent-graph.js";
import { compileObjective } from "./objective-value.js";
import type { SearchProblem, Setting, Stop } from "./search.js";

/** A scan of a circle, one evaluation after another. */
export interface HostedScan<P> {
  /** The angle with the largest objective. */
  best(start: P, setting: Setting<P>): Promise<number | Stop>;
  dispose(): Promise<void>;
}

/** What a scan reports where nothing is gained. */
export const noHigher = "no angle has a larger objective";

/** Whether a value is higher by more than rounding. */
export const isHigher = (value: number, than: number): boolean => value > than + 1e-12 * Math.abs(than);

/** As {@link isHigher}. Traced. */
export const tracedIsHigher = (value: Tensor, than: Tensor): Tensor =>
  greater(value, add(than, mul(1e-12, abs(than))));

/** How far a turn by 2 pi may move the parameters, relative to their size. */
export const turnTolerance = 1e-3;

export async function compileHostedScan<P>(
  symmetry: Symmetry<P>,
  problem: SearchProblem<P>,
  { samples, element }: { readonly samples: number; element(angle: number): NdArray[] },
): Promise<HostedScan<P>> {
  const resources = new Resources();
  const { objective, slope } = await resources.releasedOnError(async () => {
    const parts = {
      objective: resources.keep(await compileObjective(problem)),
      slope: resources.keep(
        await compile(traceAscent(symmetry, problem.objective, problem), problem.compileOptions),
      ),
    };
    await symmetry.prepare?.(problem.params, problem.batch);
    return parts;
  });

  async function best(start: P, setting: Setting<P>): Promise<number | Stop> {
    const at = (angle: number) => symmetry.act(start, element(angle), setting.batch);
    const given = { batch: setting.batch, memory: setting.memory };
    let refused: string | undefined;
    /** NaN where the action refuses: such angles are skipped. */
    const valueAt = async (angle: number): Promise<number> => {
      const p = await at(angle);
      if (!isRefusal(p)) return objective.at(p, setting);
      refused ??= p.refused;
      return Number.NaN;
    };
    const slopeAt = async (angle: number): Promise<number> => {
      const p = await at(angle);
      if (isRefusal(p)) return Number.NaN;
      const context = (await symmetry.context?.(p, setting.batch)) ?? [];
      if (isRefusal(context)) return Number.NaN;
      return Number((await slope.run(namedArrays({ params: p, ...given, context })))["T.0"].data[0]);
    };
    const noTurn = await whyNoTurn(symmetry, start, at);
    if (noTurn !== undefined) return { stopped: noTurn };
    const step = (2 * Math.PI) / samples;
    const values: number[] = [];
    for (let k = 0; k < samples; k++) values.push(await valueAt(k * step));
    let highest: { readonly angle: number; readonly value: number } | undefined;
    for (let k = 0; k < samples; k++) {
      const isPeak =
        values[k] >= values[(k + samples - 1) % samples] && values[k] >= values[(k + 1) % samples];
      if (!isPeak) continue;
      const angle = await zero(slopeAt, (k - 1) * step, (k + 1) * step);
      const value = await valueAt(angle);
      if (highest === undefined || value > highest.value) highest = { angle, value };
    }
    if (highest === undefined) {
      return { stopped: refused ?? "the objective is not finite anywhere on the circle" };
    }
    return isHigher(highest.value, values[0]) ? highest.angle : { stopped: noHigher };
  }

  return { best, dispose: () => resources.release() };
}

/** Bisects a function that is positive at `low` and negative at `high`, down to the spacing of floats. */
async function zero(f: (angle: number) => Promise<number>, low: number, high: number): Promise<number> {
  let [a, b] = [low, high];
  while (b - a > 1e-15 * Math.max(1, Math.abs(a))) {
    const middle = (a + b) / 2;
    if (middle === a || middle === b) break;
    if ((await f(middle)) > 0) a = middle;
    else b = middle;
  }
  return (a + b) / 2;
}

/** Why 2 pi is not the identity at a point, or undefined where it is. */
async function whyNoTurn<P>(
  symmetry: Symmetry<P>,
  start: P,
  at: (angle: number) => Promise<P | Refusal>,
): Promise<string | undefined> {
  const turned = await at(2 * Math.PI);
  if (isRefusal(turned)) return undefined;
  const [from, to] = [start, turned].map((p) =>
    flatten<NdArray>(p, isNdArray).leaves.flatMap(({ data }) => Array.from(data as Float64Array)),
  );
  const off = Math.hypot(...from.map((v, i) => to[i] - v)) / (Math.hypot(...from) || 1);
  if (off <= turnTolerance) return undefined;
  return `a turn by 2 pi of "${symmetry.name}" moves the parameters by ${off.toExponential(1)} of their size: it is not a group of rotations here`;
}
