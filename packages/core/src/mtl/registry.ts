import { OptionError } from "../errors.js";
import { optionTable } from "../options.js";
import type { Choice } from "../registry.js";
import type { MultiTaskMethod } from "./method.js";
import { alignedMtl, alignedMtlOptions } from "./methods/aligned-mtl.js";
import { cagrad, cagradOptions } from "./methods/cagrad.js";
import { config, configOptions } from "./methods/config.js";
import { constant, constantOptions } from "./methods/constant.js";
import { dbMtl, dbMtlOptions } from "./methods/db-mtl.js";
import { dualProj, dualProjOptions } from "./methods/dual-proj.js";
import { dwa, dwaOptions } from "./methods/dwa.js";
import { excessMtl, excessMtlOptions } from "./methods/excess-mtl.js";
import { fairgrad, fairgradOptions } from "./methods/fairgrad.js";
import { famo, famoOptions } from "./methods/famo.js";
import { geometricLoss } from "./methods/geometric-loss.js";
import { gradDrop, gradDropOptions } from "./methods/graddrop.js";
import { gradNorm, gradNormOptions } from "./methods/gradnorm.js";
import { gradVac, gradVacOptions } from "./methods/gradvac.js";
import { imtlG, imtlGOptions } from "./methods/imtl-g.js";
import { imtlHybrid, imtlHybridOptions } from "./methods/imtl-hybrid.js";
import { imtlL, imtlLOptions } from "./methods/imtl-l.js";
import { linearScalarisation, linearScalarisationOptions } from "./methods/linear-scalarisation.js";
import { mgda, mgdaOptions } from "./methods/mgda.js";
import { moco, mocoOptions } from "./methods/moco.js";
import { modo, modoOptions } from "./methods/modo.js";
import { nashMtl, nashMtlOptions } from "./methods/nash-mtl.js";
import { pcgrad, pcgradOptions } from "./methods/pcgrad.js";
import { randomLossWeighting, randomLossWeightingOptions } from "./methods/random-loss-weighting.js";
import { scaleInvariant } from "./methods/scale-invariant.js";
import { sdmgrad, sdmgradOptions } from "./methods/sdmgrad.js";
import { stch, stchOptions } from "./methods/stch.js";
import { uncertaintyWeighting, uncertaintyWeightingOptions } from "./methods/uncertainty-weighting.js";
import { upgrad, upgradOptions } from "./methods/upgrad.js";

/** A method of whatever state. */
type AnyMethod = MultiTaskMethod<unknown>;

/** Every multi-task method by name. */
export const methods = {
  linearScalarisation: {
    make: linearScalarisation,
    options: linearScalarisationOptions,
    summary: "LS: the sum of the losses",
  },
  scaleInvariant: {
    make: scaleInvariant,
    options: optionTable("scaleInvariant", {}),
    summary: "SI: the sum of the losses' logarithms",
  },
  geometricLoss: {
    make: geometricLoss,
    options: optionTable("geometricLoss", {}),
    summary: "GLS: the geometric mean of the losses",
  },
  randomLossWeighting: {
    make: randomLossWeighting,
    options: randomLossWeightingOptions,
    summary: "RLW: random weights in every step",
  },
  constantWeights: { make: constant, options: constantOptions, summary: "given weights, of any sign" },
  dwa: { make: dwa, options: dwaOptions, summary: "DWA: more weight to losses that fall slowly" },
  uncertaintyWeighting: {
    make: uncertaintyWeighting,
    options: uncertaintyWeightingOptions,
    summary: "UW: trained uncertainties of the tasks",
  },
  imtlL: { make: imtlL, options: imtlLOptions, summary: "IMTL-L: trained scales that make the losses alike" },
  famo: {
    make: famo,
    options: famoOptions,
    summary: "FAMO: losses that fall at the same relative rate, by losses alone",
  },
  stch: { make: stch, options: stchOptions, summary: "STCH: smooth Tchebycheff scalarisation" },
  gradNorm: {
    make: gradNorm,
    options: gradNormOptions,
    summary: "GradNorm: gradients of a size by the tasks' rates of training",
  },
  dbMtl: {
    make: dbMtl,
    options: dbMtlOptions,
    summary: "DB-MTL: logarithms of losses, gradients of equal norm",
  },
  excessMtl: { make: excessMtl, options: excessMtlOptions, summary: "ExcessMTL: weights by excess risks" },
  mgda: { make: mgda, options: mgdaOptions, summary: "MGDA: the least norm in the hull of the gradients" },
  pcgrad: {
    make: pcgrad,
    options: pcgradOptions,
    summary: "PCGrad: gradients projected off those that they conflict with",
  },
  gradVac: {
    make: gradVac,
    options: gradVacOptions,
    summary: "GradVac: gradients turned towards running cosines",
  },
  gradDrop: {
    make: gradDrop,
    options: gradDropOptions,
    summary: "GradDrop: elements of one sign, drawn at random",
  },
  cagrad: {
    make: cagrad,
    options: cagradOptions,
    summary: "CAGrad: the best worst decrease in a ball around the mean gradient",
  },
  imtlG: { make: imtlG, options: imtlGOptions, summary: "IMTL-G: equal projections on all gradients" },
  imtlHybrid: {
    make: imtlHybrid,
    options: imtlHybridOptions,
    summary: "IMTL: IMTL-G in the shared parameters, IMTL-L for the scales",
  },
  alignedMtl: {
    make: alignedMtl,
    options: alignedMtlOptions,
    summary: "Aligned-MTL: principal components of equal length",
  },
  upgrad: {
    make: upgrad,
    options: upgradOptions,
    summary: "UPGrad: the mean of the projections on the dual cone",
  },
  dualProj: {
    make: dualProj,
    options: dualProjOptions,
    summary: "DualProj: the mean gradient projected on the dual cone",
  },
  nashMtl: { make: nashMtl, options: nashMtlOptions, summary: "Nash-MTL: the bargaining solution" },
  fairgrad: { make: fairgrad, options: fairgradOptions, summary: "FairGrad: alpha-fair decreases" },
  sdmgrad: {
    make: sdmgrad,
    options: sdmgradOptions,
    summary: "SDMGrad: stochastic conflict-averse directions",
  },
  modo: {
    make: modo,
    options: modoOptions,
    summary: "MoDo: weights from products of gradients of independent batches",
  },
  moco: { make: moco, options: mocoOptions, summary: "MoCo: weights from tracked gradients" },
  conFig: { make: config, options: configOptions, summary: "ConFIG: equal cosines with all gradients" },
} satisfies Record<string, Choice<(options: never) => MultiTaskMethod<unknown>>>;

/**
 * A multi-task method by name, with the options of its function, for configurations.
 *
 * @throws OptionError for an unknown name, with the known ones, and for options that the method does not take
 *
 * @example
 * createMethod("cagrad", { c: 0.2 }).name; // cagrad
 */
export function createMethod(name: string, options: Readonly<Record<string, unknown>> = {}): AnyMethod {
  if (!Object.hasOwn(methods, name)) {
    throw new OptionError(`The method must be one of ${Object.keys(methods).join(", ")}; got "${name}".`);
  }
  const { make } = methods[name as keyof typeof methods];
  return (make as (options: unknown) => unknown)(options) as AnyMethod;
}
