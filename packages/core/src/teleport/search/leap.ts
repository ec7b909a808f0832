// Gradient ascent on an orbit as one compiled loop, for symmetries whose action can be traced.
import type { NdArray } from "../../array.js";
import { isNdArray, zeros as zerosOf } from "../../array.js";
import { backward, dot, grad } from "../../graph/autodiff.js";
import { add, div, maximum, minimum, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater, where } from "../../graph/ops/compare.js";
import { sqrt } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { alias } from "../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type SpecLeaf, spec, type TensorsOf, trace } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { compile } from "../../runtime/compile.js";
import type { Executable } from "../../runtime/executable.js";
import type { BatchTensors, Symmetry } from "../../symmetry/symmetry.js";
import { tangentOf } from "../../symmetry/tangent.js";
import { flatten, unflatten } from "../../tree.js";
import { gradNormSq, type Memory } from "../objective/objective.js";
import type { Point } from "../point.js";
import type { Leap, SearchProblem, Setting } from "./search.js";
import type { TrustRegion } from "./trust-region.js";

/** What the loop needs of an ascent's options. */
export interface LoopOptions {
  readonly stepSize: number;
  readonly momentum: number;
  readonly normalised: boolean;
  readonly region: TrustRegion;
}

/** An ascent whose steps are all taken in one run. */
export interface CompiledLeap<P> {
  leap(start: P, setting: Setting<P>, steps: number): Promise<Leap<P>>;
  dispose(): Promise<void>;
}

/** Compiles gradient ascent as a loop, of which one pass measures a point and moves on from there. */
export async function compileLeap<P>(
  symmetry: Symmetry<P>,
  act: NonNullable<Symmetry<P>["trace"]>,
  { loss, objective, params, batch, memory, dtype, compileOptions }: SearchProblem<P>,
  { stepSize, momentum, normalised, region }: LoopOptions,
): Promise<CompiledLeap<P>> {
  type Blocks = readonly Tensor[];
  const step = (p: TensorsOf<P>, total: Blocks, velocity: Blocks, b: BatchTensors, m: Memory) => {
    const T = symmetry.algebra.map((shape) => alias(fill(shape, 0, dtype)));
    const tangent = tangentOf(symmetry, p, T, b, []);
    const slope = flatten(grad(objective)(p, b, m), isTensor).leaves;
    const gradient = backward(tangent, slope, T);
    const norm = sqrt(dot(gradient, gradient));
    const factor = normalised ? where(greater(norm, 0), div(1, norm), 0) : constant(1, dtype);
    const scaled = gradient.map((g) => mul(factor, g));
    const direction = momentum > 0 ? scaled.map((g, i) => add(g, mul(momentum, velocity[i]))) : scaled;
    const taken = limitedTraced(direction, total, stepSize, region);
    return {
      params: act(p, taken, b),
      total: total.map((t, i) => add(t, taken[i])),
      ...(momentum > 0 ? { velocity: direction } : {}),
      loss: loss(p, b),
      objective: objective(p, b, m),
      gradNormSq: gradNormSq(loss)(p, b, m),
      slope: norm,
      length: sqrt(dot(taken, taken)),
      wanted: sqrt(dot(direction, direction)),
    };
  };
  const blocks = symmetry.algebra.map((shape) => spec(shape, dtype));
  const names = ["params", "total", "velocity", "batch", "memory"];
  const args = [params, blocks, momentum > 0 ? blocks : [], batch, memory];
  const { graph } = trace(step as never, args, { names });
  const zeros = symmetry.algebra.map((shape) => ({
    shape,
    data: new Float64Array(shape.reduce((a, b) => a * b, 1)),
  }));
  const still = { total: zeros, velocity: momentum > 0 ? zeros : [] };
  const moving = Object.keys(namedArrays({ params, ...still }));
  const loop = await compile(graph, {
    ...compileOptions,
    scan: { carry: Object.fromEntries(moving.map((name) => [name, name])) },
  });
  const { paths, def } = flatten<NdArray>({ params }, isNdArray);
  await warmUp(loop, { params, ...still, batch, memory });

  return {
    async leap(start, { batch: b, memory: m }, steps) {
      const inputs = namedArrays({ params: start, ...still, batch: b, memory: m });
      const results = await loop.run(inputs, { steps });
      const series = (name: string) => results[name].data as Float64Array;
      const [losses, objectives, norms] = ["loss", "objective", "gradNormSq"].map(series);
      const [slopes, lengths, wanted] = ["slope", "length", "wanted"].map(series);
      // Where nothing is left to move, all later points are this one.
      const idle = lengths.findIndex(
        (length, t) => !(length > 1e-6 * Math.min(stepSize * wanted[t], region.value)),
      );
      const count = idle < 0 ? steps : idle;
      const ends = paths.map((path) => results[path]);
      const total = zeros.map((_, i) => results[`total.${i}`]);
      return {
        params: (unflatten(def, ends) as { params: P }).params,
        points: Array.from(
          { length: count },
          (_, t): Point => ({
            loss: losses[t],
            objective: objectives[t],
            gradNormSq: norms[t],
          }),
        ),
        reason: count === steps ? `${steps} steps taken` : whyStill(slopes[count], region.value),
        ...(symmetry.pushForward
          ? {
              pushForward: async (tree, power) =>
                (await symmetry.pushForward?.(tree, total, power, start, b)) ?? tree,
            }
          : {}),
      };
    },
    dispose: () => loop.dispose(),
  };
}

/**
 * Runs generated JavaScript so that the engine optimises it, for 5 milliseconds at most: a leap is too short for that,
 * and would run ten times slower at first. Numbers do not matter, so it is zeros where there are none.
 */
async function warmUp(loop: Executable, example: unknown): Promise<void> {
  if (loop.runtime !== "javascript") return;
  const { leaves, paths } = flatten<SpecLeaf>(example, isSpecLeaf);
  const numbers = leaves.map((leaf) => (isNdArray(leaf) ? leaf : zerosOf(leaf.shape, leaf.dtype)));
  const inputs = Object.fromEntries(paths.map((path, i) => [path, numbers[i]]));
  const begin = performance.now();
  for (let run = 0; run < 100 && performance.now() - begin < 5; run++) await loop.run(inputs, { steps: 20 });
}

function whyStill(slope: number, bound: number): string {
  if (!Number.isFinite(slope)) return "the gradient is not finite";
  if (slope === 0) return "the objective is stationary along the orbit: there is nowhere to move";
  return `the bound ${bound} on the group element is reached`;
}

/** The traced form of `limited`: a step cut where the total would leave the region. */
function limitedTraced(
  direction: readonly Tensor[],
  total: readonly Tensor[],
  size: number,
  { kind, value }: TrustRegion,
): Tensor[] {
  const step = direction.map((d) => mul(size, d));
  if (kind === "element") {
    return step.map((s, i) => sub(maximum(minimum(add(total[i], s), value), -value), total[i]));
  }
  const room = maximum(sub(value, sqrt(dot(total, total))), 0);
  const length = sqrt(dot(step, step));
  const factor = where(greater(length, room), div(room, length), 1);
  return step.map((s) => mul(factor, s));
}
