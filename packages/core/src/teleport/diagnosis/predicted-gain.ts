import { item } from "../../array.js";
import { type Batch, type BatchLoss, type BatchSpec, forAnyBatch } from "../../batch.js";
import { describeValue, OptionError } from "../../errors.js";
import { trace } from "../../graph/trace.js";
import { normOf } from "../../math/dense.js";
import { positive, requireKnown } from "../../options.js";
import {
  type CompileOptions,
  compile,
  compileOptionNames,
  pickCompileOptions,
} from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import { Resources } from "../../runtime/resources.js";
import { isRefusal, type Refusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { floatTypeOf, namedArrays } from "../../tree.js";
import { gradNormSq, type ObjectiveFor } from "../objective/objective.js";
import { traceAscent } from "../search/orbit-walk.js";
import type { MemoryArrays } from "../search/search.js";

export interface GainPredictorOptions<P, B extends BatchSpec = BatchSpec>
  extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly symmetry: Symmetry<P>;
  readonly loss: BatchLoss<P, B>;
  /** Default: {@link gradNormSq}. */
  readonly objective?: NoInfer<ObjectiveFor<P, B>> | undefined;
  /** Example parameters and batch, of which only the shapes matter. */
  readonly params: P;
  readonly batch: B;
  /** The optimizer's state and learning rate for the objective; default for predictions that get none. */
  readonly memory?: MemoryArrays | undefined;
  /** Bound on the group element, in the measure of the symmetry's bound; default that bound. */
  readonly bound?: number | undefined;
}

export interface GainPredictor<P> {
  /** The growth of the objective relative to its size, or why the group cannot act. */
  predict(params: P, batch: Batch, memory?: MemoryArrays): Promise<number | Refusal>;
  /** Does not dispose the symmetry: see `Symmetry.dispose`. */
  dispose(): Promise<void>;
}

/**
 * Compiles a prediction of what a teleport gains: to first order, the growth of the objective f over the best element of
 * the algebra within the bound,
 *
 * max over |T| <= bound of <d/dT f(T.w), T> / |f(w)|
 *
 * that is bound ||G|| / |f| for a bound on the norm and bound sum |G_i| / |f| for one on each element, with G
 * the gradient in T at the identity. It costs as much as a step of gradient ascent. An orthogonal action does
 * not change ||g||^2: then G = 0.
 *
 * @throws OptionError for a bound out of range, and for anything but a symmetry
 *
 * @example
 * const predictor = await createGainPredictor({ symmetry: positiveScaling(params), loss, params, batch });
 * await predictor.predict(params, batch); // 0.8: ||g||^2 may grow by about 80 %
 */
export async function createGainPredictor<P, B extends BatchSpec = BatchSpec>(
  options: GainPredictorOptions<P, B>,
): Promise<GainPredictor<P>> {
  requireKnown("createGainPredictor", options, [
    ...(["symmetry", "loss", "objective", "params", "batch", "memory", "bound"] as const),
    ...compileOptionNames,
  ]);
  const { symmetry, loss, objective = gradNormSq, params, batch, memory = {} } = options;
  requireSymmetry("createGainPredictor", symmetry);
  const { bound = symmetry.bound.value } = options;
  if (!positive.test(bound)) {
    throw new OptionError(
      `createGainPredictor: bound must be ${positive.expected}; got ${describeValue(bound)}.`,
    );
  }
  const compileOptions = pickCompileOptions(options);
  const dtype = floatTypeOf("createGainPredictor", params);
  const value = objective(loss);
  const example = { params, batch, memory };
  const measured = trace(({ params: p, batch: b, memory: m }) => ({ f: value(p, b, m) }), example);
  const graph = traceAscent(symmetry, forAnyBatch(value), { params, batch, memory, dtype });
  await symmetry.prepare?.(params, batch);
  const resources = new Resources();
  const { measurement, gradient } = await resources.releasedOnError(async () => ({
    measurement: resources.keep(await compile(measured.graph, compileOptions)),
    gradient: resources.keep(await compile(graph, compileOptions)),
  }));
  const lifetime = new Lifetime("gain predictor", "createGainPredictor");
  return {
    async predict(p, b, m = memory) {
      lifetime.requireOpen();
      const context = (await symmetry.context?.(p, b)) ?? [];
      if (isRefusal(context)) return context;
      const inputs = { params: p, batch: b, memory: m };
      const size = Math.abs(item((await measurement.run(namedArrays(inputs))).f));
      const results = await gradient.run(namedArrays({ ...inputs, context }));
      const G = symmetry.algebra.map((_, i) => results[`T.${i}`].data as Float64Array);
      const slope =
        symmetry.bound.kind === "norm"
          ? normOf(G)
          : G.reduce((sum, block) => block.reduce((s, x) => s + Math.abs(x), sum), 0);
      return slope === 0 ? 0 : (bound * slope) / size;
    },
    dispose: () => lifetime.end(() => resources.release()),
  };
}
