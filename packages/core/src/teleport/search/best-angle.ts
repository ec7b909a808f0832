// The largest objective on the orbit of a group of plane rotations, a circle: the argmax of Zhao et al., NeurIPS 2022,
// algorithm 1, found by scanning.

import type { NdArray, Shape } from "../../array.js";
import type { Batch } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { dot } from "../../graph/autodiff.js";
import { div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import { lessEqual, logicalAnd, where } from "../../graph/ops/compare.js";
import { abs, sqrt } from "../../graph/ops/elementary.js";
import { fillLike } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { integerFrom } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";
import { lazy } from "../../runtime/lazy.js";
import { Resources } from "../../runtime/resources.js";
import { requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { flatten } from "../../tree.js";
import { highestOn } from "./circle.js";
import { claimOf } from "./claim.js";
import { type CompiledJumpOptions, compileJump, type JumpFound, jump } from "./compiled-jump.js";
import { all } from "./guard-graph.js";
import {
  compileHostedScan,
  type HostedScan,
  isHigher,
  noHigher,
  tracedIsHigher,
  turnTolerance,
} from "./hosted-scan.js";
import { isStop, type SearchFactory, type SearchProblem, tracedPushOf, type Walk } from "./search.js";

export interface BestAngleOptions extends OptionsOf<typeof bestAngleOptions> {}

export const bestAngleOptions = optionTable("bestAngle", {
  /** Number of angles in the scan over the whole turn; peaks narrower than their distance are missed. Default 360. */
  samples: integerFrom(8).default(360),
});

/**
 * Finds the angle with the largest objective over a whole turn, in one jump: for rotations of a plane, such
 * as those of a two-dimensional quadratic or of two residuals.
 *
 * The objective is evaluated at equal distances; around each of its local maxima the zero of its derivative in the
 * angle is found, to 1e-14. In float64 all of it is one compiled program.
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
  const pushForwardBy = (angle: number, start: P, batch: Batch): Walk<P>["pushForward"] =>
    symmetry.pushForward &&
    (async (tree, power) =>
      (await symmetry.pushForward?.(tree, element(angle), power, start, batch)) ?? tree);
  return async (problem) => {
    const hosted = lazy<HostedScan<P>>();
    const onHost = () => hosted.get("scan", () => compileHostedScan(symmetry, problem, { samples, element }));
    const resources = new Resources();
    const jumping = await resources.releasedOnError(async () => {
      if (problem.dtype === "float64") {
        return resources.keep(
          await compileJump(problem, {
            trace: tracedBest(symmetry.trace, problem, { samples, block }),
            judge: judged,
            // One element is the sum of all.
            push: tracedPushOf({ ...symmetry, additive: true }),
            pushForward: ({ numbers }, start, batch) => pushForwardBy(numbers.angle, start, batch),
          }),
        );
      }
      await onHost();
      return undefined;
    });
    return {
      name: `${symmetry.name}, best angle`,
      exact: symmetry.exact,
      claim: claimOf(symmetry, symmetry.bound),
      steps: 1,
      async walk(start, setting) {
        const angle = await (await onHost()).best(start, setting);
        if (isStop(angle)) return jump<P>(async () => angle);
        return jump<P>(
          () => symmetry.act(start, element(angle), setting.batch),
          pushForwardBy(angle, start, setting.batch),
        );
      },
      ...(jumping ? { compiledWalk: jumping.walk, tracedWalk: jumping.tracedWalk, races: true } : {}),
      async dispose() {
        await resources.release();
        await hosted.dispose();
        await symmetry.dispose?.();
      },
    };
  };
}

/** How far the loss may drift on the scan, relative to its size. */
const driftTolerance = 1e-6;

function judged({ start, end, numbers: { isValid, off } }: JumpFound): "host" | string | undefined {
  // Where a part of the circle cannot be used, the action has to be asked.
  if (isValid !== 1 || !(off <= turnTolerance)) return "host";
  return isHigher(end.objective, start.objective) ? undefined : noHigher;
}

/** The point with the largest objective, and whether the scan was of a whole circle on the level set. */
function tracedBest<P>(
  act: Symmetry<P>["trace"],
  { loss, objective }: SearchProblem<P>,
  { samples, block }: { readonly samples: number; readonly block: Shape },
): CompiledJumpOptions<P>["trace"] {
  return (start, batch, memory) => {
    const startLoss = loss(start, batch);
    const room = mul(driftTolerance, maximum(abs(startLoss), 1e-12));
    const turned = (from: TensorsOf<P>, angle: Tensor) => act(from, [reshape(angle, block)], batch);
    const best = highestOn<P>(
      {
        turned,
        value: (p) => objective(p, batch, memory),
        isValid: (p, value) =>
          logicalAnd(
            lessEqual(abs(sub(loss(p, batch), startLoss)), room),
            lessEqual(abs(value), Number.MAX_VALUE),
          ),
        samples,
      },
      start,
    );
    const [from, to] = [start, best.turned].map((p) => flatten(p, isTensor).leaves);
    const moved = from.map((x, i) => sub(to[i], x));
    const off = div(sqrt(dot(moved, moved)), maximum(sqrt(dot(from, from)), Number.MIN_VALUE));
    return {
      params: turned(start, best.angle),
      elements: [reshape(best.angle, block)],
      numbers: { angle: best.angle, isValid: where(best.isValid, fillLike(off, 1), 0), off },
      isWanted: ({ objective: value }, { objective: highest }) =>
        all(best.isValid, lessEqual(off, turnTolerance), tracedIsHigher(highest, value)),
    };
  };
}
