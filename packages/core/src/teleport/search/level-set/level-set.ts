// Level-set teleportation by normalized steps: Mishkin, Bietti, Gower, arXiv 2403.03362.

import { OptionError } from "../../../errors.js";
import { dotOf } from "../../../math/dense.js";
import { flag, integerFrom, positive } from "../../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../../options.js";
import { parameterVector } from "../../parameter-vector.js";
import { isStop, type SearchFactory, type Setting, type Stop } from "../search.js";
import { compileLevelSetWalk } from "./compiled-walk.js";
import { type Ascent, evaluation, type Trial } from "./evaluation.js";
import {
  changing,
  driftShare,
  ends,
  gainShare,
  lengthening,
  mostBacktracks,
  mostCorrection,
  mostProjections,
  sameObjective,
  shrinking,
  sufficient,
} from "./rule.js";

export interface LevelSetOptions extends OptionsOf<typeof levelSetOptions> {}

export const levelSetOptions = optionTable("levelSet", {
  /** Maximum number of steps; default 50. */
  steps: integerFrom(0).default(50),
  /** Length of the first step in units of the scaled ascent direction; default 0.1. */
  rho: positive.default(0.1),
  /** Shrinks rho until the merit function rises enough, and begins the next step where that rise promises most; default true. */
  lineSearch: flag.default(true),
  /**
   * The walk ends when the projected step is shorter than this and the loss is as close to the start's;
   * default 1e-6.
   */
  tolerance: positive.default(1e-6),
  /** Without `project`: accepts points below the level set as well, without returning to it; default true. */
  sublevel: flag.default(true),
  /** Returns to the level set after each step by Newton steps along the gradient; default true. */
  project: flag.default(true),
});

interface Candidate<P> {
  readonly params: P;
  readonly x: Float64Array;
  readonly trial: Trial;
}

interface Landing<P> {
  readonly loss: number;
  /** Of the last point that was tried. */
  readonly gain: number;
  readonly found?: Candidate<P>;
}

/** Where a step begins, apart from the point. */
interface StepFrom {
  readonly level: number;
  /** Length of the first try. */
  readonly first: number;
  readonly bent: Bend;
  /** Relative distance from the level that its end may have where little of its gain comes of it. */
  readonly room: number;
}

/** How fast the loss moved off the level in the last try, divided by rho^2. */
interface Bend {
  by: number;
}

/**
 * Ascent of an objective phi on the level set of the loss f, without a symmetry: sequential quadratic programming with
 * one gradient of phi a step, which for phi = ||g||^2 is one Hessian-vector product,
 *
 * d = grad phi / (2 |phi|)  (H g / ||g||^2 for phi = ||g||^2)
 * x <- x + rho d - v g,  v = (rho g.d + f - f0) / ||g||^2
 *
 * By itself a step keeps the loss to first order only. With `project`, f - f0 in v includes the c rho^2 by which the
 * loss is expected to leave the level, c measured in the last step, and Newton steps
 * x <- x - (f - f0) (1 + k (f - f0) / 2) g / ||g||^2 restore the loss to a relative 1e-10 (1e-5 in float32) after the last
 * step, and before it, as the next step leads back, too, to a quarter of the guard's drift, at most 2.5e-7 (2.5e-5), where
 * that makes up at most a hundredth of the step's gain; a walk that ends early ends there. Without it, each step drifts by
 * O(rho^2), and with `sublevel` v g is left out where v <= 0: the loss may fall. The line search requires the merit 1/2 log phi - gamma |f - f0| to rise, with gamma twice the multiplier
 * g.d / ||g||^2; where `sublevel` allows points below the level set, they are not penalized. With `project`, what has to
 * rise is 1/2 log phi - (g.d / ||g||^2) (f - f0), phi on the level set to first order, before each Newton step, too: a
 * try that cannot succeed ends there. The next try, or the next step, is as long as the parabola through the merit's
 * rise is highest that a try's promise and its gain define: 0.3 to 0.7 times as long after a failed try, 0.7 to 1.43
 * times after a step.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const teleporter = await createTeleporter({ search: levelSet({ steps: 20 }), loss, params, batch });
 */
export function levelSet<P>(options: LevelSetOptions = {}): SearchFactory<P> {
  const {
    steps,
    rho,
    lineSearch,
    tolerance,
    project,
    sublevel: isBelowTaken,
  } = levelSetOptions.read(options);
  const sublevel = !project && isBelowTaken;
  return async (problem) => {
    const space = parameterVector(problem.params);
    const closeness = problem.dtype === "float64" ? 1e-10 : 1e-5;
    const between = problem.dtype === "float64" ? 2.5e-7 : 2.5e-5;
    const rule = { steps, rho, lineSearch, tolerance, project, sublevel, closeness, between };
    const compiled = await compileLevelSetWalk(problem, rule);
    const evaluate = evaluation(problem, space);

    return {
      name: "level set",
      exact: "no",
      steps,
      async walk(start, setting) {
        let x = space.vectorOf(start);
        let here: Ascent | undefined;
        let level: number | undefined;
        let length = rho;
        let taken = 0;
        const bent = { by: 0 };
        let candidate: (Candidate<P> & { readonly length: number }) | undefined;
        return {
          async propose(scale) {
            here ??= await evaluate.ascent(space.treeOf(x), setting);
            level ??= here.loss;
            const room = taken + 1 < steps ? Math.min(between, driftShare * (setting.drift ?? 0)) : 0;
            const next = await step(x, here, { level, first: scale * length, bent, room }, setting);
            if (isStop(next)) return next;
            candidate = { ...next, length: lineSearch ? next.rho / scale : length };
            return candidate.params;
          },
          accept() {
            if (candidate === undefined) throw new OptionError("accept: nothing was proposed.");
            ({ x, length } = candidate);
            taken++;
            here = candidate = undefined;
          },
        };
      },
      compiledWalk: compiled.walk,
      tracedWalk: compiled.tracedWalk,
      races: true,
      async dispose() {
        await compiled.dispose();
        await evaluate.dispose();
      },
    };

    /** The next point, and the initial rho of the step after it. */
    async function step(
      x: Float64Array,
      { loss, objective, g, slope }: Ascent,
      { level, first, bent, room }: StepFrom,
      setting: Setting<P>,
    ): Promise<(Candidate<P> & { readonly rho: number }) | Stop> {
      const gg = dotOf(g, g);
      if (![gg, loss, objective].every(Number.isFinite) || !slope.every(Number.isFinite)) {
        return { stopped: "the loss, the objective or a gradient is not finite" };
      }
      if (gg === 0) return { stopped: "the gradient of the loss is zero: there is no level set to follow" };
      if (objective === 0) return { stopped: "the objective is zero, and steps are relative to it" };
      const d = slope.map((s) => s / (2 * Math.abs(objective)));
      const multiplier = dotOf(d, g) / gg;
      // For phi = ||g||^2, d = H g / ||g||^2: the multiplier is then g'H g / ||g||^4.
      const curvature = Math.abs(objective - gg) <= sameObjective * gg ? multiplier : 0;
      const off = loss - level;
      const tangent = d.map((s, i) => s - multiplier * g[i]);
      const tt = dotOf(tangent, tangent);
      const projected = first * Math.sqrt(tt);
      // The projection stops at `closeness`: a smaller gain could not be distinguished from the drift.
      const isLost = project && projected ** 2 / first <= closeness;
      if ((projected < tolerance || isLost) && Math.abs(off) <= tolerance) {
        return { stopped: ends.stationary(projected) };
      }
      const gamma = project ? 0 : 2 * Math.abs(multiplier);
      const excess = (f: number) => (sublevel ? Math.max(f - level, 0) : Math.abs(f - level));
      let length = first;
      for (let k = 0; k <= mostBacktracks; k++) {
        const expected = bent.by * length ** 2;
        const rise = project && expected ** 2 <= length ** 2 * tt * gg ? expected : 0;
        const v = length * multiplier + (off + rise) / gg;
        const back = sublevel && v <= 0 ? 0 : v;
        const change = d.map((s, i) => length * s - back * g[i]);
        const promised = dotOf(d, change) + gamma * excess(loss);
        const gainOf = (trial: Trial) => {
          // log(phi' / phi) where phi > 0, and defined for objectives below zero, too.
          const growth = 0.5 * Math.log1p((trial.objective - objective) / Math.abs(objective));
          const lost = project
            ? multiplier * (trial.loss - level)
            : gamma * (excess(trial.loss) - excess(loss));
          return growth - lost;
        };
        const isClose = (trial: Trial) => {
          const distance = Math.abs(trial.loss - level);
          return (
            distance <= closeness * Math.abs(level) ||
            (distance <= room * Math.abs(level) &&
              Math.abs(multiplier) * distance <= gainShare * gainOf(trial))
          );
        };
        const target = x.map((value, i) => value + change[i]);
        const isEnough = (gain: number) => !lineSearch || gain >= sufficient * promised;
        const landing = { level, curvature, isClose, gainOf, isEnough };
        const { found, loss: reached, gain } = await land(target, landing, setting);
        if (Number.isFinite(reached)) bent.by = (rise + reached - level) / length ** 2;
        if (!lineSearch) return found ? { ...found, rho: first } : { stopped: ends.lost };
        const factor = lengthening(gain, project ? length * tt : promised, found ? changing : shrinking);
        if (found) return { ...found, rho: length * factor };
        length *= factor;
      }
      return { stopped: ends.exhausted };
    }

    /** The loss at a point, and the point itself or the one on the level set that Newton steps reach, if they do. */
    async function land(
      target: Float64Array,
      {
        level,
        curvature,
        isClose,
        gainOf,
        isEnough,
      }: {
        readonly level: number;
        readonly curvature: number;
        readonly isClose: (trial: Trial) => boolean;
        readonly gainOf: (trial: Trial) => number;
        readonly isEnough: (gain: number) => boolean;
      },
      setting: Setting<P>,
    ): Promise<Landing<P>> {
      let x = target;
      let [reached, gain] = [Number.NaN, Number.NaN];
      for (let k = 0; k <= mostProjections; k++) {
        const params = space.treeOf(x);
        const trial = await evaluate.trial(params, setting);
        const { loss, objective, g } = trial;
        if (k === 0) reached = loss;
        gain = gainOf(trial);
        if (!Number.isFinite(loss) || !Number.isFinite(objective) || !isEnough(gain)) break;
        const off = loss - level;
        if (!project || isClose(trial)) {
          return { loss: reached, gain, found: { params, x: space.vectorOf(params), trial } };
        }
        const correction = 0.5 * curvature * off;
        const back =
          (off / dotOf(g, g)) * (1 + Math.max(-mostCorrection, Math.min(mostCorrection, correction)));
        if (!Number.isFinite(back)) break;
        x = x.map((value, i) => value - back * g[i]);
      }
      return { loss: reached, gain };
    }
  };
}
