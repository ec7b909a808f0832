// The theory of Zhao, Dehmamy, Walters, Yu, NeurIPS 2022, section 5, evaluated at a point.

import { dtypeOf, isNdArray, item, type NdArray } from "../../array.js";
import type { Batch, BatchLoss, NoBatch } from "../../batch.js";
import { NumericalError } from "../../errors.js";
import { checkLabels } from "../../graph/labels.js";
import { trace } from "../../graph/trace.js";
import { dotOf } from "../../math/dense.js";
import {
  finite,
  flag,
  inCode,
  integerFrom,
  isFunction,
  type OptionsOf,
  optionTable,
  positive,
} from "../../options.js";
import { compile, pickCompileOptions, type RuntimeName } from "../../runtime/compile.js";
import { Resources } from "../../runtime/resources.js";
import { isRefusal, requireSymmetry, type Symmetry } from "../../symmetry/symmetry.js";
import { flatten, namedArrays } from "../../tree.js";
import { conjugateGradient } from "../curvature/conjugate-gradient.js";
import { spectrumAt } from "../curvature/curvature-meter.js";
import { createHessian } from "../curvature/hessian.js";
import { type Diagnosis, isMissing, type Missing, notQuadratic, type Quantity } from "./diagnosis.js";
import { createGainPredictor } from "./predicted-gain.js";
import { readingOf } from "./reading.js";

export interface DiagnoseOptions<P, B extends Batch = Batch> extends OptionsOf<typeof diagnoseOptions> {
  readonly loss: BatchLoss<P, B>;
  readonly params: P;
  readonly batch?: B | undefined;
  readonly symmetry?: Symmetry<P> | undefined;
  readonly moved?: P | undefined;
}

const anything = <V = unknown>() => inCode<V>("anything", () => true);

const diagnoseOptions = optionTable("diagnose", {
  /** Loss as a function of parameters and batch. Traced. */
  loss: inCode<unknown>("a function of parameters and batch", isFunction).required(),
  /** The point to diagnose. */
  params: anything().required(),
  /** Default {}: a function of the parameters alone. */
  batch: inCode<Batch>("a batch", () => true).default({}),
  /** eta, needed for the number of steps that a gain lasts. */
  learningRate: positive.otherwise("not known"),
  /** A symmetry, needed to predict the gain of a teleport on its orbit. */
  symmetry: anything().otherwise("none"),
  /** The point after a teleport. */
  moved: anything().otherwise("none"),
  /** Whether the loss is a quadratic, for which more can be computed. */
  quadratic: flag.default(false),
  /** L* of a quadratic, if known; default: the loss after Newton's step. */
  minimum: finite.otherwise("that of Newton's step"),
  /** Number of Hessian-vector products for the spectrum; default 20. */
  lanczosSteps: integerFrom(1).default(20),
  /** Maximum number of Hessian-vector products for Newton's direction; default 100. */
  newtonSteps: integerFrom(1).default(100),
  /**
   * `javascript`, `onnx`, or `auto` (default): the faster one for the size of the graph. Without ONNX
   * Runtime, which is installed separately, `auto` is JavaScript, and the executable's `advice` says how much
   * slower that is.
   */
  runtime: anything<RuntimeName>().otherwise("chosen by size"),
  /** Execution provider of ONNX Runtime: `cpu`, `webgpu`, `cuda`, ... in Node; `wasm`, `webgpu` in a browser. Implies `onnx`. */
  provider: anything<string>().otherwise("cpu"),
  /** Threads inside an operator of ONNX Runtime; default: one for small graphs, else all cores. */
  threads: anything<number>().otherwise("chosen by the runtime"),
});

/**
 * Estimates what a teleport can gain at a point: computes the quantities of the theory, each with a sentence
 * that explains it.
 *
 * @throws OptionError for options out of range; NumericalError where loss or gradient is not finite
 *
 * @example
 * const { speedUp, reading } = await diagnose({ loss, params, batch, moved, learningRate: 0.01 });
 * console.log(reading.join("\n"));
 *
 * @see Zhao, Dehmamy, Walters, Yu, NeurIPS 2022: propositions 5.1 and 5.3, theorem 5.2
 */
export function diagnose<P, B extends Batch = NoBatch>(options: DiagnoseOptions<P, B>): Promise<Diagnosis>;
export async function diagnose<P>(options: DiagnoseOptions<P>): Promise<Diagnosis> {
  const { loss, params, batch, learningRate, symmetry, moved, quadratic, lanczosSteps, newtonSteps } =
    diagnoseOptions.read(options);
  if (symmetry !== undefined) requireSymmetry("diagnose", symmetry);
  const compileOptions = pickCompileOptions(options);
  const { graph } = trace(({ params: p, batch: b }) => loss(p, b), { params, batch });
  checkLabels(graph, namedArrays({ batch }));
  const resources = new Resources();
  const [lossRun, hessian] = await resources.releasedOnError(
    async () =>
      [
        resources.keep(await compile(graph, compileOptions)),
        resources.keep(await createHessian(loss, params, batch, compileOptions)),
      ] as const,
  );
  const measure = async (p: P, where: string) => {
    const value = item((await lossRun.run(namedArrays({ params: p, batch }))).result);
    const { g, hg, smallest, largest } = await spectrumAt(hessian, p, batch, lanczosSteps);
    const gradNormSq = dotOf(g, g);
    if (!Number.isFinite(value) || !Number.isFinite(gradNormSq)) {
      throw new NumericalError(
        `diagnose: loss and gradient must be finite; got loss ${value} and ||g||^2 ${gradNormSq} at ${where}.`,
      );
    }
    return { loss: value, g, hg, gradNormSq, lambdaMin: smallest, lambdaMax: largest };
  };

  try {
    const here = await measure(params, "params");
    const there = moved === undefined ? undefined : await measure(moved, "moved");
    const newton = await newtonOf(here.g);
    const levelSetFraction = quadratic ? fractionOf(here, newton, options.minimum) : notQuadratic;
    const quantities: Omit<Diagnosis, "reading"> = {
      loss: here.loss,
      gradNormSq: here.gradNormSq,
      lambdaMax: here.lambdaMax,
      lambdaMin: here.lambdaMin,
      ...alongGradient(here),
      cosNewton: isMissing(newton) ? newton : cosine(here.g, newton),
      levelSetFraction,
      oneTeleportSuffices: quadratic ? isConvex(here) || notConvex(here) : notQuadratic,
      predictedGain: await gainOf(here.gradNormSq),
      ...(there
        ? { moved: { loss: there.loss, gradNormSq: there.gradNormSq, lambdaMax: there.lambdaMax } }
        : {}),
      speedUp: speedUpOf(here, there),
      lastingSteps: lastingOf(here, there, learningRate),
    };
    return { ...quantities, reading: readingOf(quantities, learningRate) };
  } finally {
    await resources.release();
  }

  async function newtonOf(g: Float64Array): Promise<Float64Array | Missing> {
    if (!g.some((x) => x !== 0)) return noGradient;
    const isSingle = flatten<NdArray>(params, isNdArray).leaves.some((a) => dtypeOf(a) === "float32");
    const product = async (v: Float64Array) => (await hessian.times(params, batch, v)).hv;
    const { x, outcome, residual } = await conjugateGradient(product, g, {
      steps: newtonSteps,
      tolerance: isSingle ? 1e-4 : 1e-8,
    });
    if (outcome === "converged") return x;
    if (outcome === "negativeCurvature") return { missing: "the Hessian is not positive definite" };
    return {
      missing: `${newtonSteps} conjugate gradient steps leave a residual of ${residual.toExponential(1)}; raise \`newtonSteps\``,
    };
  }

  async function gainOf(gradNormSq: number): Promise<Quantity> {
    if (symmetry === undefined) return { missing: "there is none to predict it for" };
    if (gradNormSq === 0) return noGradient;
    const predictor = resources.keep(
      await createGainPredictor({ symmetry, loss, params, batch, ...compileOptions }),
    );
    const gain = await predictor.predict(params, batch);
    return isRefusal(gain) ? { missing: gain.refused } : gain;
  }
}

interface Place {
  readonly loss: number;
  readonly g: Float64Array;
  readonly hg: Float64Array;
  readonly gradNormSq: number;
  readonly lambdaMin: number;
  readonly lambdaMax: number;
}

const noGradient: Missing = { missing: "the gradient is zero" };

const cosine = (a: Float64Array, b: Float64Array): number =>
  dotOf(a, b) / Math.sqrt(dotOf(a, a) * dotOf(b, b));

function alongGradient({
  g,
  hg,
  gradNormSq,
}: Place): Pick<Diagnosis, "curvature" | "cosHessian" | "stationarity"> {
  if (gradNormSq === 0) return { curvature: noGradient, cosHessian: noGradient, stationarity: noGradient };
  const curvature = dotOf(g, hg) / gradNormSq;
  const length = dotOf(hg, hg);
  if (length === 0) {
    const flat = { missing: "H g is zero: the loss has no curvature along the gradient" };
    return { curvature, cosHessian: flat, stationarity: flat };
  }
  const rest = hg.map((x, i) => x - curvature * g[i]);
  return { curvature, cosHessian: cosine(g, hg), stationarity: dotOf(rest, rest) / length };
}

const isConvex = ({ lambdaMin, lambdaMax }: Place): boolean =>
  lambdaMin >= -1e-8 * Math.max(Math.abs(lambdaMin), Math.abs(lambdaMax));

const notConvex = ({ lambdaMin }: Place): Missing => ({
  missing: `the Hessian has a negative eigenvalue, ${lambdaMin.toPrecision(3)}: the quadratic is not convex`,
});

/** ||g||^2 relative to its largest value on the level set. For a quadratic, L - L* = g'H^-1 g / 2. */
function fractionOf(here: Place, newton: Float64Array | Missing, minimum?: number): Quantity {
  if (!isConvex(here)) return notConvex(here);
  if (minimum === undefined && isMissing(newton)) return newton;
  const above = minimum === undefined ? dotOf(here.g, newton as Float64Array) / 2 : here.loss - minimum;
  if (!(above > 0)) return { missing: "the loss is at its minimum" };
  const fraction = here.gradNormSq / (2 * here.lambdaMax * above);
  if (fraction <= 1 + 1e-6) return Math.min(fraction, 1);
  return {
    missing: `||g||^2 is ${fraction.toPrecision(3)} times the largest value for a quadratic with this loss: the loss is no quadratic, or its minimum is another`,
  };
}

function speedUpOf(here: Place, there?: Place): Quantity {
  if (there === undefined) return { missing: "no point `moved` is given" };
  return here.gradNormSq === 0 ? noGradient : there.gradNormSq / here.gradNormSq;
}

function lastingOf(here: Place, there?: Place, learningRate?: number): Quantity {
  const speedUp = speedUpOf(here, there);
  if (there === undefined || isMissing(speedUp)) return speedUp;
  if (learningRate === undefined) return { missing: "no `learningRate` is given" };
  const Lc = Math.max(...[here, there].flatMap((p) => [Math.abs(p.lambdaMin), Math.abs(p.lambdaMax)]));
  const product = learningRate * Lc;
  if (product >= 1) {
    return {
      missing: `the theorem needs eta Lc < 1; here it is ${product.toPrecision(3)}, with the Hessian's norm ${Lc.toPrecision(3)} for Lc`,
    };
  }
  if (speedUp <= 1) return 0;
  return (0.5 * Math.log(speedUp)) / (Math.log1p(product) - Math.log1p(-product));
}
