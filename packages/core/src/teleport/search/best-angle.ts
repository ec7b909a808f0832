// The largest objective on the orbit of a group of plane rotations, a circle: the argmax of Zhao et al., NeurIPS 2022,
// algorithm 1, found by scanning.

import { isNdArray, type NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { namedArrays } from "../../named-arrays.js";
import { integerFrom } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { compile } from "../../runtime/compile.js";
import { isRefusal, type Refusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { flatten } from "../../tree.js";
import { traceAscent } from "./ascent/ascent-graph.js";
import { claimOf } from "./claim.js";
import { jump } from "./jump.js";
import { compileObjective } from "./objective-value.js";
import { isStop, type SearchFactory, type Setting, type Stop } from "./search.js";

export interface BestAngleOptions {
  /** Number of angles in the scan over the whole turn; peaks narrower than their distance are missed. Default 360. */
  readonly samples?: number | undefined;
}

export const bestAngleOptions = optionTable("bestAngle", {
  samples: integerFrom(8).default(360),
} satisfies OptionRows<BestAngleOptions>);

/**
 * Finds the angle with the largest objective over a whole turn, in one jump: for rotations of a plane, such
 * as those of a two-dimensional quadratic or of two residuals.
 *
 * The objective is evaluated at equal distances; around each of its local maxima the zero of its derivative in the
 * angle is found by bisection, to 1e-14. The derivative at an angle is the one at the identity for the
 * rotated point, since angles add up.
 *
 * If a turn by 2 pi is not the identity, the search stops and says so.
 *
 * @throws OptionError when the algebra is not one number
 *
 * @example
 * const search = bestAngle(rosenbrock().symmetry());
 * const teleporter = await createTeleporter({ search, loss, params, batch: {} });
 */
export function bestAngle<P>(symmetry: Symmetry<P>, options: BestAngleOptions = {}): SearchFactory<P> {
  requireSymmetry("bestAngle", symmetry);
  const { samples } = bestAngleOptions.read(options);
  const [block] = symmetry.algebra;
  if (symmetry.algebra.length !== 1 || block.reduce((a, b) => a * b, 1) !== 1) {
    throw new OptionError(
      `bestAngle needs an algebra of one angle; that of "${symmetry.name}" has the shapes ${symmetry.algebra.map((s) => `[${s.join(", ")}]`).join(", ")}. Use gradientAscent.`,
    );
  }
  const element = (angle: number): NdArray[] => [{ shape: block, data: Float64Array.of(angle) }];
  return async (problem) => {
    const objective = await compileObjective(problem);
    const slope = await compile(traceAscent(symmetry, problem.objective, problem), problem.compileOptions);
    await symmetry.prepare?.(problem.params, problem.batch);

    const search = async (start: P, setting: Setting<P>): Promise<number | Stop> => {
      const at = (angle: number) => symmetry.act(start, element(angle), setting.batch);
      const given = { batch: setting.batch, memory: setting.memory };
      /** NaN where the action refuses: such angles are skipped. */
      const valueAt = async (angle: number): Promise<number> => {
        const p = await at(angle);
        return isRefusal(p) ? Number.NaN : objective.at(p, setting);
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
      let best: { readonly angle: number; readonly value: number } | undefined;
      for (let k = 0; k < samples; k++) {
        const isPeak =
          values[k] >= values[(k + samples - 1) % samples] && values[k] >= values[(k + 1) % samples];
        if (!isPeak) continue;
        const angle = await zero(slopeAt, (k - 1) * step, (k + 1) * step);
        const value = await valueAt(angle);
        if (best === undefined || value > best.value) best = { angle, value };
      }
      if (best === undefined) return { stopped: "the objective is not finite anywhere on the circle" };
      // Rounding alone does not justify a move.
      return best.value > values[0] + 1e-12 * Math.abs(values[0])
        ? best.angle
        : { stopped: "no angle has a larger objective" };
    };

    return {
      name: `${symmetry.name}, best angle`,
      exact: symmetry.exact,
      claim: claimOf(symmetry, symmetry.bound),
      steps: 1,
      async walk(start, setting) {
        const angle = await search(start, setting);
        if (isStop(angle)) return jump<P>(async () => angle);
        const T = element(angle);
        return jump<P>(
          () => symmetry.act(start, T, setting.batch),
          symmetry.pushForward &&
            (async (tree, power) =>
              (await symmetry.pushForward?.(tree, T, power, start, setting.batch)) ?? tree),
        );
      },
      async dispose() {
        await objective.dispose();
        await slope.dispose();
        await symmetry.dispose?.();
      },
    };
  };
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
  if (off <= 1e-3) return undefined;
  return `a turn by 2 pi of "${symmetry.name}" moves the parameters by ${off.toExponential(1)} of their size: it is not a group of rotations here`;
}
