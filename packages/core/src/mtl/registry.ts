import { describeValue } from "../describe.js";
import { OptionError } from "../errors.js";
import { isObject } from "../option-kinds.js";
import { optionTable } from "../options.js";
import type { Choice } from "../registry.js";
import type { MultiTaskMethod } from "./method.js";
import { alignedMtl, alignedMtlOptions } from "./methods/aligned-mtl.js";
import { autoLambda, autoLambdaOptions } from "./methods/auto-lambda.js";
import { caGrad, caGradOptions } from "./methods/ca-grad.js";
import { config, configOptions } from "./methods/config.js";
import { consMtl, consMtlOptions } from "./methods/cons-mtl.js";
import { constant, constantOptions } from "./methods/constant.js";
import { cosmos, cosmosOptions } from "./methods/cosmos.js";
import { dbMtl, dbMtlOptions } from "./methods/db-mtl.js";
import { dibsMtl, dibsMtlOptions } from "./methods/dibs-mtl.js";
import { dualProj, dualProjOptions } from "./methods/dual-proj.js";
import { dwa, dwaOptions } from "./methods/dwa.js";
import { excessMtl, excessMtlOptions } from "./methods/excess-mtl.js";
import { fairGrad, fairGradOptions } from "./methods/fair-grad.js";
import { famo, famoOptions } from "./methods/famo.js";
import { forum, forumOptions } from "./methods/forum.js";
import { geometricLoss } from "./methods/geometric-loss.js";
import { go4Align, go4AlignOptions } from "./methods/go4-align.js";
import { gradDrop, gradDropOptions } from "./methods/grad-drop.js";
import { gradNorm, gradNormOptions } from "./methods/grad-norm.js";
import { gradVac, gradVacOptions } from "./methods/grad-vac.js";
import { igb } from "./methods/igb.js";
import { imGrad, imGradOptions } from "./methods/im-grad.js";
import { imtlG, imtlGOptions } from "./methods/imtl-g.js";
import { imtlHybrid, imtlHybridOptions } from "./methods/imtl-hybrid.js";
import { imtlL, imtlLOptions } from "./methods/imtl-l.js";
import { krum, krumOptions } from "./methods/krum.js";
import { ldcMtl, ldcMtlOptions } from "./methods/ldc-mtl.js";
import { linearScalarization, linearScalarizationOptions } from "./methods/linear-scalarization.js";
import { mgda, mgdaOptions } from "./methods/mgda.js";
import { moco, mocoOptions } from "./methods/moco.js";
import { modo, modoOptions } from "./methods/modo.js";
import { moml, momlOptions } from "./methods/moml.js";
import { nashMtl, nashMtlOptions } from "./methods/nash-mtl.js";
import { pbi, pbiOptions } from "./methods/pbi.js";
import { pcGrad, pcGradOptions } from "./methods/pc-grad.js";
import { pcd, pcdOptions } from "./methods/pcd.js";
import { randomLossWeighting, randomLossWeightingOptions } from "./methods/random-loss-weighting.js";
import { scaleInvariant } from "./methods/scale-invariant.js";
import { sdmGrad, sdmGradOptions } from "./methods/sdm-grad.js";
import { stch, stchOptions } from "./methods/stch.js";
import { trimmedMean, trimmedMeanOptions } from "./methods/trimmed-mean.js";
import { uncertaintyWeighting, uncertaintyWeightingOptions } from "./methods/uncertainty-weighting.js";
import { upGrad, upGradOptions } from "./methods/up-grad.js";
import { uwSo, uwSoOptions } from "./methods/uw-so.js";
import { crMogm, crMogmOptions } from "./wrappers/cr-mogm.js";
import { everySteps, everyStepsOptions } from "./wrappers/every-steps.js";
import { normalized } from "./wrappers/normalized.js";

/** A method with any type of state. */
type AnyMethod = MultiTaskMethod<unknown>;

/** Every multi-task method by name. */
export const methods = {
  linearScalarization: {
    make: linearScalarization,
    options: linearScalarizationOptions,
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
  dwa: { make: dwa, options: dwaOptions, summary: "DWA: more weight for losses that fall slowly" },
  uncertaintyWeighting: {
    make: uncertaintyWeighting,
    options: uncertaintyWeightingOptions,
    summary: "UW: trained uncertainties of the tasks",
  },
  imtlL: { make: imtlL, options: imtlLOptions, summary: "IMTL-L: trained scales that make the losses alike" },
  famo: {
    make: famo,
    options: famoOptions,
    summary: "FAMO: losses that fall at the same relative rate, from losses alone",
  },
  uwSo: { make: uwSo, options: uwSoOptions, summary: "UW-SO: softmax of the inverse losses" },
  igb: {
    make: igb,
    options: optionTable("igb", {}),
    summary: "IGBv1: logarithms of losses, more weight for those that fell little since the first epoch",
  },
  go4Align: {
    make: go4Align,
    options: go4AlignOptions,
    summary: "GO4Align: groups of tasks with similar risks, from losses alone",
  },
  autoLambda: {
    make: autoLambda,
    options: autoLambdaOptions,
    summary: "Auto-Lambda: weights trained so that a step lowers the losses on another batch",
  },
  moml: {
    make: moml,
    options: momlOptions,
    summary: "MOML: weights trained so that a step lowers every loss on another batch",
  },
  forum: {
    make: forum,
    options: forumOptions,
    summary: "FORUM: all losses on one batch near the minimum of trained weights on another",
  },
  ldcMtl: {
    make: ldcMtl,
    options: ldcMtlOptions,
    summary: "LDC-MTL: trained weights that keep weighted losses near each other, from losses alone",
  },
  cosmos: {
    make: cosmos,
    options: cosmosOptions,
    summary: "COSMOS: weighted losses that point along the weights",
  },
  pbi: {
    make: pbi,
    options: pbiOptions,
    summary: "PBI: losses along a ray, with a penalty on the distance from it",
  },
  stch: { make: stch, options: stchOptions, summary: "STCH: smooth Tchebycheff scalarization" },
  gradNorm: {
    make: gradNorm,
    options: gradNormOptions,
    summary: "GradNorm: gradient norms balanced by the tasks' training rates",
  },
  dbMtl: {
    make: dbMtl,
    options: dbMtlOptions,
    summary: "DB-MTL: logarithms of losses, gradients of equal norm",
  },
  excessMtl: { make: excessMtl, options: excessMtlOptions, summary: "ExcessMTL: weights by excess risks" },
  mgda: { make: mgda, options: mgdaOptions, summary: "MGDA: the least norm in the hull of the gradients" },
  pcGrad: {
    make: pcGrad,
    options: pcGradOptions,
    summary: "PCGrad: gradients projected off those that they conflict with",
  },
  pcd: {
    make: pcd,
    options: pcdOptions,
    summary: "PCD: the first task's gradient, with a share of progress for each other task",
  },
  gradVac: {
    make: gradVac,
    options: gradVacOptions,
    summary: "GradVac: gradients turned toward running cosines",
  },
  gradDrop: {
    make: gradDrop,
    options: gradDropOptions,
    summary: "GradDrop: elements of one sign, drawn at random",
  },
  caGrad: {
    make: caGrad,
    options: caGradOptions,
    summary: "CAGrad: the best worst decrease in a ball around the mean gradient",
  },
  imGrad: {
    make: imGrad,
    options: imGradOptions,
    summary: "IMGrad: CAGrad that counts its ball by how far tasks agree",
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
  upGrad: {
    make: upGrad,
    options: upGradOptions,
    summary: "UPGrad: the mean of the projections on the dual cone",
  },
  dualProj: {
    make: dualProj,
    options: dualProjOptions,
    summary: "DualProj: the mean gradient projected on the dual cone",
  },
  nashMtl: { make: nashMtl, options: nashMtlOptions, summary: "Nash-MTL: the bargaining solution" },
  fairGrad: { make: fairGrad, options: fairGradOptions, summary: "FairGrad: alpha-fair decreases" },
  consMtl: {
    make: consMtl,
    options: consMtlOptions,
    summary: "ConsMTL: FairGrad with heads whose gradients agree in the representation",
  },
  sdmGrad: {
    make: sdmGrad,
    options: sdmGradOptions,
    summary: "SDMGrad: stochastic conflict-averse directions",
  },
  modo: {
    make: modo,
    options: modoOptions,
    summary: "MoDo: weights from products of gradients of independent batches",
  },
  moco: { make: moco, options: mocoOptions, summary: "MoCo: weights from tracked gradients" },
  dibsMtl: {
    make: dibsMtl,
    options: dibsMtlOptions,
    summary: "DiBS-MTL: the sum of the gradients' directions",
  },
  krum: { make: krum, options: krumOptions, summary: "Krum: the gradients nearest to most others" },
  trimmedMean: {
    make: trimmedMean,
    options: trimmedMeanOptions,
    summary: "Trimmed mean: in each parameter, without the extremes",
  },
  conFig: { make: config, options: configOptions, summary: "ConFIG: equal cosines with all gradients" },
} satisfies Record<string, Choice<(options: never) => MultiTaskMethod<unknown>>>;

/** Every method around another one by name. */
export const methodWrappers = {
  normalized: {
    make: normalized,
    options: optionTable("normalized", {}),
    summary: "any method on gradients of length 1",
  },
  crMogm: {
    make: crMogm,
    options: crMogmOptions,
    summary: "CR-MOGM: any method with its weights averaged over the steps",
  },
  everySteps: {
    make: everySteps,
    options: everyStepsOptions,
    summary: "any method with its weights kept for some steps",
  },
} satisfies Record<string, Choice<(method: AnyMethod, options: never) => { readonly name: string }>>;

/**
 * A multi-task method by name, with the options of its function, for configurations. A method around another one has that as
 * its option `method`: a name, or an object of a name and options.
 *
 * @throws OptionError for an unknown name, listing the known ones, and for unknown options of the method
 *
 * @example
 * createMethod("caGrad", { c: 0.2 }).name; // caGrad
 * createMethod("crMogm", { method: { name: "caGrad", c: 0.2 }, alpha: 0.5 }).name; // crMogm(caGrad)
 */
export function createMethod(name: string, options: Readonly<Record<string, unknown>> = {}): AnyMethod {
  if (Object.hasOwn(methodWrappers, name)) {
    const { make } = methodWrappers[name as keyof typeof methodWrappers];
    const { method, ...own } = options;
    return (make as (method: AnyMethod, options: unknown) => unknown)(
      innerMethod(name, method),
      own,
    ) as AnyMethod;
  }
  if (!Object.hasOwn(methods, name)) {
    const known = [...Object.keys(methods), ...Object.keys(methodWrappers)];
    throw new OptionError(`The method must be one of ${known.join(", ")}; got "${name}".`);
  }
  const { make } = methods[name as keyof typeof methods];
  return (make as (options: unknown) => unknown)(options) as AnyMethod;
}

function innerMethod(wrapper: string, given: unknown): AnyMethod {
  if (typeof given === "string") return createMethod(given);
  if (isObject(given) && "name" in given && typeof given.name === "string") {
    const { name, ...options } = given;
    return createMethod(name, options);
  }
  throw new OptionError(
    `${wrapper}: method must be a name, or { name, ...options }, such as "caGrad"; got ${describeValue(given)}.`,
  );
}
