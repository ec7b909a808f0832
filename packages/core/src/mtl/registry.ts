import { describeValue, OptionError } from "../errors.js";
import { isObject, optionTable } from "../options.js";
import { type Choice, choice } from "../registry.js";
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
  linearScalarization: choice(linearScalarization, linearScalarizationOptions, "LS: the sum of the losses"),
  scaleInvariant: choice(
    scaleInvariant,
    optionTable("scaleInvariant", {}),
    "SI: the sum of the losses' logarithms",
  ),
  geometricLoss: choice(
    geometricLoss,
    optionTable("geometricLoss", {}),
    "GLS: the geometric mean of the losses",
  ),
  randomLossWeighting: choice(
    randomLossWeighting,
    randomLossWeightingOptions,
    "RLW: random weights in every step",
  ),
  constantWeights: choice(constant, constantOptions, "given weights, of any sign"),
  dwa: choice(dwa, dwaOptions, "DWA: more weight for losses that fall slowly"),
  uncertaintyWeighting: choice(
    uncertaintyWeighting,
    uncertaintyWeightingOptions,
    "UW: trained uncertainties of the tasks",
  ),
  imtlL: choice(imtlL, imtlLOptions, "IMTL-L: trained scales that make the losses alike"),
  famo: choice(famo, famoOptions, "FAMO: losses that fall at the same relative rate, from losses alone"),
  uwSo: choice(uwSo, uwSoOptions, "UW-SO: softmax of the inverse losses"),
  igb: choice(
    igb,
    optionTable("igb", {}),
    "IGBv1: logarithms of losses, more weight for those that fell little since the first epoch",
  ),
  go4Align: choice(
    go4Align,
    go4AlignOptions,
    "GO4Align: groups of tasks with similar risks, from losses alone",
  ),
  autoLambda: choice(
    autoLambda,
    autoLambdaOptions,
    "Auto-Lambda: weights trained so that a step lowers the losses on another batch",
  ),
  moml: choice(moml, momlOptions, "MOML: weights trained so that a step lowers every loss on another batch"),
  forum: choice(
    forum,
    forumOptions,
    "FORUM: all losses on one batch near the minimum of trained weights on another",
  ),
  ldcMtl: choice(
    ldcMtl,
    ldcMtlOptions,
    "LDC-MTL: trained weights that keep weighted losses near each other, from losses alone",
  ),
  cosmos: choice(cosmos, cosmosOptions, "COSMOS: weighted losses that point along the weights"),
  pbi: choice(pbi, pbiOptions, "PBI: losses along a ray, with a penalty on the distance from it"),
  stch: choice(stch, stchOptions, "STCH: smooth Tchebycheff scalarization"),
  gradNorm: choice(
    gradNorm,
    gradNormOptions,
    "GradNorm: gradient norms balanced by the tasks' training rates",
  ),
  dbMtl: choice(dbMtl, dbMtlOptions, "DB-MTL: logarithms of losses, gradients of equal norm"),
  excessMtl: choice(excessMtl, excessMtlOptions, "ExcessMTL: weights by excess risks"),
  mgda: choice(mgda, mgdaOptions, "MGDA: the least norm in the hull of the gradients"),
  pcGrad: choice(pcGrad, pcGradOptions, "PCGrad: gradients projected off those that they conflict with"),
  pcd: choice(
    pcd,
    pcdOptions,
    "PCD: the first task's gradient, with a share of progress for each other task",
  ),
  gradVac: choice(gradVac, gradVacOptions, "GradVac: gradients turned toward running cosines"),
  gradDrop: choice(gradDrop, gradDropOptions, "GradDrop: elements of one sign, drawn at random"),
  caGrad: choice(caGrad, caGradOptions, "CAGrad: the best worst decrease in a ball around the mean gradient"),
  imGrad: choice(imGrad, imGradOptions, "IMGrad: CAGrad that counts its ball by how far tasks agree"),
  imtlG: choice(imtlG, imtlGOptions, "IMTL-G: equal projections on all gradients"),
  imtlHybrid: choice(
    imtlHybrid,
    imtlHybridOptions,
    "IMTL: IMTL-G in the shared parameters, IMTL-L for the scales",
  ),
  alignedMtl: choice(alignedMtl, alignedMtlOptions, "Aligned-MTL: principal components of equal length"),
  upGrad: choice(upGrad, upGradOptions, "UPGrad: the mean of the projections on the dual cone"),
  dualProj: choice(dualProj, dualProjOptions, "DualProj: the mean gradient projected on the dual cone"),
  nashMtl: choice(nashMtl, nashMtlOptions, "Nash-MTL: the bargaining solution"),
  fairGrad: choice(fairGrad, fairGradOptions, "FairGrad: alpha-fair decreases"),
  consMtl: choice(
    consMtl,
    consMtlOptions,
    "ConsMTL: FairGrad with heads whose gradients agree in the representation",
  ),
  sdmGrad: choice(sdmGrad, sdmGradOptions, "SDMGrad: stochastic conflict-averse directions"),
  modo: choice(modo, modoOptions, "MoDo: weights from products of gradients of independent batches"),
  moco: choice(moco, mocoOptions, "MoCo: weights from tracked gradients"),
  dibsMtl: choice(dibsMtl, dibsMtlOptions, "DiBS-MTL: the sum of the gradients' directions"),
  krum: choice(krum, krumOptions, "Krum: the gradients nearest to most others"),
  trimmedMean: choice(
    trimmedMean,
    trimmedMeanOptions,
    "Trimmed mean: in each parameter, without the extremes",
  ),
  conFig: choice(config, configOptions, "ConFIG: equal cosines with all gradients"),
} satisfies Record<string, Choice<(options: never) => MultiTaskMethod<unknown>>>;

/** Every method around another one by name. */
export const methodWrappers = {
  normalized: choice(normalized, optionTable("normalized", {}), "any method on gradients of length 1"),
  crMogm: choice(crMogm, crMogmOptions, "CR-MOGM: any method with its weights averaged over the steps"),
  everySteps: choice(everySteps, everyStepsOptions, "any method with its weights kept for some steps"),
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
