import {
  alignedMtl,
  cagrad,
  conFig,
  constantWeights,
  dbMtl,
  dualProj,
  dwa,
  excessMtl,
  fairgrad,
  famo,
  geometricLoss,
  gradDrop,
  gradNorm,
  gradVac,
  imtlG,
  imtlHybrid,
  imtlL,
  linearScalarisation,
  type MultiTaskMethod,
  mgda,
  moco,
  modo,
  nashMtl,
  pcgrad,
  randomLossWeighting,
  scaleInvariant,
  sdmgrad,
  stch,
  uncertaintyWeighting,
  upgrad,
} from "isoloss";
import { z } from "zod";
import {
  count,
  type Entry,
  fromZero,
  makeNamed,
  type Named,
  namedSchema,
  nonNegative,
  positive,
  smoothing,
} from "./named.js";

/** Of whatever state: the trainer keeps it. */
export type AnyMethod = MultiTaskMethod<unknown>;

const share = z.number().min(0).max(1);
const weights = z.array(z.number()).min(1).optional();
const preference = z.array(nonNegative).min(1).optional();
const sumOrMean = z.enum(["sum", "mean"]).optional();
const maxNorm = nonNegative.optional();
const logits = { learningRate: positive.optional(), initial: z.number().optional() };
const projection = { preference, normEps: nonNegative.optional(), regEps: nonNegative.optional() };

function entry<O>(
  summary: string,
  shape: z.ZodRawShape,
  make: (options: O) => unknown,
): Entry<undefined, AnyMethod> {
  return { summary, options: z.strictObject(shape), make: (o) => make(o as O) as AnyMethod };
}

/** Multi-task methods by name, all those that the library has. */
export const methodRegistry: Readonly<Record<string, Entry<undefined, AnyMethod>>> = {
  linearScalarisation: entry(
    "LS: the sum of the losses",
    { reduction: sumOrMean, weights: preference },
    linearScalarisation,
  ),
  scaleInvariant: entry("SI: the sum of the losses' logarithms", {}, () => scaleInvariant()),
  geometricLoss: entry("GLS: the geometric mean of the losses", {}, () => geometricLoss()),
  randomLossWeighting: entry(
    "RLW: random weights in every step",
    { distribution: z.enum(["normal", "dirichlet"]).optional() },
    randomLossWeighting,
  ),
  constantWeights: entry(
    "given weights, of any sign",
    { weights: z.array(z.number()).min(1) },
    constantWeights,
  ),
  dwa: entry(
    "DWA: more weight to losses that fall slowly",
    { temperature: positive.optional(), window: count.optional() },
    dwa,
  ),
  uncertaintyWeighting: entry("UW: trained uncertainties of the tasks", logits, uncertaintyWeighting),
  imtlL: entry("IMTL-L: trained scales that make the losses alike", logits, imtlL),
  famo: entry(
    "FAMO: losses that fall at the same relative rate, by losses alone",
    {
      learningRate: positive.optional(),
      gamma: nonNegative.optional(),
      minLosses: z.union([z.number(), z.array(z.number()).min(1)]).optional(),
    },
    famo,
  ),
  stch: entry(
    "STCH: smooth Tchebycheff scalarisation",
    { mu: positive.optional(), warmupEpoch: fromZero.optional() },
    stch,
  ),
  gradNorm: entry(
    "GradNorm: gradients of a size by the tasks' rates of training",
    {
      alpha: nonNegative.optional(),
      learningRate: positive.optional(),
      initialLosses: z.enum(["epoch", "step"]).optional(),
    },
    gradNorm,
  ),
  dbMtl: entry(
    "DB-MTL: logarithms of losses, gradients of equal norm",
    { beta: smoothing.optional(), sigma: nonNegative.optional() },
    dbMtl,
  ),
  excessMtl: entry("ExcessMTL: weights by excess risks", { stepSize: nonNegative.optional() }, excessMtl),
  mgda: entry(
    "MGDA: the least norm in the hull of the gradients",
    {
      normalisation: z.enum(["none", "l2", "loss", "loss+"]).optional(),
      combine: z.enum(["raw", "normalised"]).optional(),
      scale: sumOrMean,
    },
    mgda,
  ),
  pcgrad: entry(
    "PCGrad: gradients projected off those that they conflict with",
    { scale: sumOrMean, includeSelf: z.boolean().optional(), eps: nonNegative.optional(), maxNorm },
    pcgrad,
  ),
  gradVac: entry(
    "GradVac: gradients turned towards running cosines",
    { beta: share.optional(), blocks: z.array(count).min(1).optional() },
    gradVac,
  ),
  gradDrop: entry(
    "GradDrop: elements of one sign, drawn at random",
    { leak: z.union([share, z.array(share).min(1)]).optional(), clipNorm: positive.optional() },
    gradDrop,
  ),
  cagrad: entry(
    "CAGrad: the best worst decrease in a ball around the mean gradient",
    {
      c: nonNegative.optional(),
      rescale: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
      scale: sumOrMean,
      stationaryBelow: nonNegative.optional(),
      whenStationary: z.enum(["mean", "zero"]).optional(),
      maxNorm,
    },
    cagrad,
  ),
  imtlG: entry(
    "IMTL-G: equal projections on all gradients",
    { form: z.enum(["classical", "pinv"]).optional() },
    imtlG,
  ),
  imtlHybrid: entry("IMTL: IMTL-G in the shared parameters, IMTL-L for the scales", logits, imtlHybrid),
  alignedMtl: entry(
    "Aligned-MTL: principal components of equal length",
    {
      scaleMode: z.enum(["min", "median", "rmse"]).optional(),
      preference: weights,
      scale: sumOrMean,
    },
    alignedMtl,
  ),
  upgrad: entry("UPGrad: the mean of the projections on the dual cone", projection, upgrad),
  dualProj: entry("DualProj: the mean gradient projected on the dual cone", projection, dualProj),
  nashMtl: entry(
    "Nash-MTL: the bargaining solution",
    {
      updateEvery: count.optional(),
      maxNorm,
      clip: z.enum(["gradient", "weights"]).optional(),
      whenUnsolvable: z.enum(["previous", "stationary"]).optional(),
    },
    nashMtl,
  ),
  fairgrad: entry(
    "FairGrad: alpha-fair decreases",
    { alpha: positive.optional(), scale: sumOrMean, maxNorm },
    fairgrad,
  ),
  sdmgrad: entry(
    "SDMGrad: stochastic conflict-averse directions",
    {
      lambda: nonNegative.optional(),
      iterations: fromZero.optional(),
      rate: nonNegative.optional(),
      momentum: smoothing.optional(),
    },
    sdmgrad,
  ),
  modo: entry(
    "MoDo: weights from products of gradients of independent batches",
    { gamma: nonNegative.optional(), rho: nonNegative.optional() },
    modo,
  ),
  moco: entry(
    "MoCo: weights from tracked gradients",
    {
      beta: nonNegative.optional(),
      betaSigma: nonNegative.optional(),
      gamma: nonNegative.optional(),
      gammaSigma: nonNegative.optional(),
      rho: nonNegative.optional(),
    },
    moco,
  ),
  conFig: entry("ConFIG: equal cosines with all gradients", { preference: weights }, conFig),
};

export const methodSchema = namedSchema("method", methodRegistry);

export const makeMethod = (named: Named): AnyMethod => makeNamed(methodRegistry, named, undefined);
