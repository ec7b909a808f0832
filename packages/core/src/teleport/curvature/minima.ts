// Sharpness and curvature of minima: Zhao, Gower, Walters, Yu, ICLR 2024, table 1.

import { astype, dtypeOf, isNdArray, item, type NdArray } from "../../array.js";
import type { Batch, BatchLoss, BatchSpec } from "../../batch.js";
import { checkLabels } from "../../graph/labels.js";
import { trace } from "../../graph/trace.js";
import { normOf } from "../../math/dense.js";
import { integerFrom, listOf, type OptionsOf, oneOf, optionTable, positive } from "../../options.js";
import { type CompileOptions, compile, pickCompileOptions } from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import type { Symmetry } from "../../symmetry/symmetry.js";
import { flatten, namedArrays, unflatten } from "../../tree.js";
import { gradNormSq } from "../objective/objective.js";
import { orbitCurvature } from "../objective/orbit-curvature.js";
import { normalParts } from "../objective/sharpness.js";

/** How a minimum is measured. */
export interface MinimumSettings extends OptionsOf<typeof minimumSettings> {}

const minimumSettings = optionTable("measureMinimum", {
  /** Lengths r of the perturbations; default [0.05, 0.1, 0.2]. */
  radii: listOf(positive, { least: 1 }).default([0.05, 0.1, 0.2]),
  /** Directions, each used with every radius; default 20. */
  directions: integerFrom(1).default(20),
  /**
   * What a radius measures: the length of the whole perturbation (`global`, default), or the length in each
   * tensor relative to the tensor's norm (`tensor`), which scalings of layers do not change.
   */
  scale: oneOf(["global", "tensor"]).default("global"),
  /** Number of random generators; the curvature is the mean over their curves. Default 20. */
  generators: integerFrom(1).default(20),
  /** Seed of directions and generators; default 0. */
  seed: integerFrom(0).default(0),
});

export interface MinimumMeterOptions<P, B extends BatchSpec = BatchSpec>
  extends MinimumSettings,
    Pick<CompileOptions, "runtime" | "provider" | "threads"> {
  readonly loss: BatchLoss<P, B>;
  /** Example parameters and batch, of which only the shapes matter. */
  readonly params: P;
  readonly batch: B;
  /** A symmetry that is exact on all data; without one the curvature is not measured. */
  readonly symmetry?: Symmetry<P> | undefined;
}

/** What was measured at a point. */
export interface Minimum {
  readonly loss: number;
  /** Squared gradient norm: 0 at a minimum. */
  readonly gradNormSq: number;
  /** Mean of L(w + r d) - L(w) over radii and directions. */
  readonly sharpness: number;
  /** The same mean for each radius. */
  readonly sharpnessAt: readonly number[];
  /** Mean curvature of the curves exp(tM).w of random generators M; left out without a symmetry. */
  readonly curvature?: number | undefined;
}

/** Measures minima of one loss. Compiled once. */
export interface MinimumMeter<P> {
  measure(params: P, batch: Batch): Promise<Minimum>;
  dispose(): Promise<void>;
}

/**
 * Compiles the measures of minima that the paper compares with the loss on other data:
 *
 * sharpness = mean over radii r and directions d of L(w + r d) - L(w),  curvature = mean over M of kappa(exp(tM).w) at t = 0
 *
 * Directions are random normal of length 1 (or ||w_l|| in each tensor), the same as those of the objective
 * `sharpness` with the same seed; generators are those of `orbitCurvature`. The paper's sharpness is the mean
 * of L(w + r d) itself. Subtracting L(w) makes minima with different losses comparable.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const meter = await createMinimumMeter({ loss, params, batch, symmetry });
 * const { sharpness, curvature } = await meter.measure(params, batch);
 */
export async function createMinimumMeter<P, B extends BatchSpec = BatchSpec>({
  loss,
  params,
  batch,
  symmetry,
  runtime,
  provider,
  threads,
  ...settings
}: MinimumMeterOptions<P, B>): Promise<MinimumMeter<P>> {
  const { radii, directions, scale, generators, seed } = minimumSettings.read(settings);
  const compileOptions = pickCompileOptions({ runtime, provider, threads });
  const example = { params, batch };
  const { graph } = trace(({ params: p, batch: b }) => loss(p, b), example);
  const value = await compile(graph, compileOptions);
  const curved = symmetry && orbitCurvature(symmetry, { samples: generators, seed })(loss);
  const here = await compile(
    trace(
      ({ params: p, batch: b }) => ({
        gradNormSq: gradNormSq(loss)(p, b),
        ...(curved ? { curvature: curved(p, b) } : {}),
      }),
      example,
    ).graph,
    compileOptions,
  );

  const lifetime = new Lifetime("meter", "createMinimumMeter");
  return {
    async measure(w, at) {
      lifetime.requireOpen();
      checkLabels(graph, namedArrays({ batch: at }));
      const lossAt = async (p: P) => item((await value.run(namedArrays({ params: p, batch: at }))).result);
      const quantities = await here.run(namedArrays({ params: w, batch: at }));
      const center = await lossAt(w);
      const totals = radii.map(() => 0);
      for (let k = 0; k < directions; k++) {
        const direction = randomDirection(w, scale, seed, k);
        for (const [i, r] of radii.entries()) totals[i] += (await lossAt(moved(w, direction, r))) - center;
      }
      const sharpnessAt = totals.map((total) => total / directions);
      return {
        loss: center,
        gradNormSq: item(quantities.gradNormSq),
        sharpness: sharpnessAt.reduce((a, b) => a + b, 0) / radii.length,
        sharpnessAt,
        ...(curved ? { curvature: item(quantities.curvature) } : {}),
      };
    },
    dispose: () =>
      lifetime.end(async () => {
        await value.dispose();
        await here.dispose();
      }),
  };
}

/**
 * Measures sharpness and curvature at a single point; see {@link createMinimumMeter}.
 *
 * @throws OptionError for settings out of range
 *
 * @example
 * const { sharpness, curvature } = await measureMinimum({ loss, params, batch, symmetry, radii: [0.1] });
 */
export async function measureMinimum<P, B extends Batch = Batch>(
  options: MinimumMeterOptions<P, B>,
): Promise<Minimum> {
  const meter = await createMinimumMeter(options);
  try {
    return await meter.measure(options.params, options.batch);
  } finally {
    await meter.dispose();
  }
}

/**
 * Normal numbers in the shapes of the parameters, scaled to length 1 overall, or in each array to that
 * array's length.
 */
function randomDirection<P>(
  params: P,
  scale: "global" | "tensor",
  seed: number,
  index: number,
): Float64Array[] {
  const { leaves } = flatten<NdArray>(params, isNdArray);
  const parts = normalParts(
    leaves.map(({ data }) => data.length),
    seed,
    index,
  );
  const whole = normOf(parts);
  return parts.map((part, i) => {
    const factor = scale === "global" ? 1 / whole : normOf([leaves[i].data as Float64Array]) / normOf([part]);
    return part.map((v) => v * factor);
  });
}

/** w + r d, rounded to the parameters' type. */
function moved<P>(params: P, direction: readonly Float64Array[], r: number): P {
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const next = leaves.map((leaf, i) =>
    astype(
      { shape: leaf.shape, data: direction[i].map((d, j) => Number(leaf.data[j]) + r * d) },
      dtypeOf(leaf),
    ),
  );
  return unflatten(def, next) as P;
}
