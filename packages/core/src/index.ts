export type { DType, NdArray, Shape, TypedArray } from "./array.js";
export {
  array,
  astype,
  copyArray,
  dtypeOf,
  full,
  isNdArray,
  item,
  ndarray,
  ones,
  sizeOf,
  zeros,
} from "./array.js";
export type { Batch, BatchLoss, BatchSpec, BatchTensors, MergedBatch, NoBatch } from "./batch.js";
export type { DigitAttribute } from "./data/attributes.js";
export { attributesOf, digitAttributes } from "./data/attributes.js";
export { batches, split, takeRows } from "./data/batches.js";
export { digits } from "./data/digits.js";
export { parseIdx, readIdx } from "./data/idx.js";
export type { LabelledImages } from "./data/labelled-images.js";
export type { OverlaidImages, OverlayOptions } from "./data/overlay.js";
export { overlayImages } from "./data/overlay.js";
export { resizeImages } from "./data/resize.js";
export { decodeSafetensors, encodeSafetensors } from "./data/safetensors.js";
export type { OptionDescription } from "./describe-options.js";
export { describeOptions } from "./describe-options.js";
export {
  DataError,
  DTypeError,
  IsolossError,
  NumericalError,
  OptionError,
  RuntimeError,
  ShapeError,
} from "./errors.js";
export { backward, dot, grad, hvp, jacobian, jvp, mapTree, valueAndGrad, vjp } from "./graph/autodiff.js";
export type { Cost, Graph, Port } from "./graph/graph.js";
export { costOf, printGraph } from "./graph/graph.js";
export { elu, gelu, leakyRelu, relu, sigmoid, softplus } from "./graph/ops/activation.js";
export { add, cast, div, maximum, minimum, mul, neg, pow, sub } from "./graph/ops/arithmetic.js";
export { broadcastTo } from "./graph/ops/broadcast.js";
export {
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  where,
} from "./graph/ops/compare.js";
export type { WindowOptions } from "./graph/ops/conv.js";
export { conv2d, convTranspose2d } from "./graph/ops/conv.js";
export {
  abs,
  asinh,
  cos,
  erf,
  exp,
  floor,
  log,
  reciprocal,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  tanh,
} from "./graph/ops/elementary.js";
export { cumsum, gather, oneHot, scatterAdd } from "./graph/ops/gather.js";
export type { Operand } from "./graph/ops/leaf.js";
export { constant, fill, fillLike, input } from "./graph/ops/leaf.js";
export { matmul } from "./graph/ops/matmul.js";
export type { PoolOptions } from "./graph/ops/pool.js";
export {
  avgPool2d,
  maxPool2d,
  maxPoolIndices2d,
  maxPoolWithIndices2d,
  maxUnpool2d,
} from "./graph/ops/pool.js";
export { randomUniform } from "./graph/ops/random.js";
export type { ReduceOptions } from "./graph/ops/reduce.js";
export { argmax, max, mean, min, sum, variance } from "./graph/ops/reduce.js";
export { expandDims, flattenFrom, reshape, transpose } from "./graph/ops/reshape.js";
export { concat, pad, slice } from "./graph/ops/slice.js";
export { logSoftmax, softmax } from "./graph/ops/softmax.js";
export { stopGradient } from "./graph/ops/stop-gradient.js";
export { retype } from "./graph/retype.js";
export { simplify } from "./graph/simplify.js";
export type { Attributes } from "./graph/tensor.js";
export { Tensor } from "./graph/tensor.js";
export type { NamedArguments, Spec, SpecLeaf, TensorsOf, Traced } from "./graph/trace.js";
export { spec, trace } from "./graph/trace.js";
export type { Correlation } from "./math/correlation.js";
export { correlation } from "./math/correlation.js";
export { eigenSymmetric, inverse, pinv, qr, solve, svd } from "./math/linalg.js";
export { Mt19937, torchRand, torchRandn, torchUniform } from "./math/mt19937.js";
export type { Rng } from "./math/rng.js";
export { createRng, permutation } from "./math/rng.js";
export type { MultiTaskCheckpoint } from "./mtl/checkpoint.js";
export { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "./mtl/checkpoint.js";
export type { Conflict, ConflictTrigger } from "./mtl/conflict.js";
export { balanceWeights, conflictOf, isTriggered } from "./mtl/conflict.js";
export type { AdapterOptions } from "./mtl/cost/adapter.js";
export type { Cost as CostHook } from "./mtl/cost/cost.js";
export { cost } from "./mtl/cost/cost.js";
export type { Drift, DriftGuardOptions, Judged } from "./mtl/cost/drift-guard.js";
export type {
  ImproveByCosine,
  ImproveBySharpness,
  ImproveNothing,
  ImproveOptions,
} from "./mtl/cost/improve.js";
export type { CostMove, SharedProblem } from "./mtl/cost/move.js";
export type { CostSettings, InnerOptions, PreserveOptions, StateOptions } from "./mtl/cost/presets.js";
export { costPresets } from "./mtl/cost/presets.js";
export type { ConflictFigures, CostReport } from "./mtl/cost/report.js";
export type { ScheduleOptions } from "./mtl/cost/schedule.js";
export type { CostOptions } from "./mtl/cost/settings.js";
export { costOptions } from "./mtl/cost/settings.js";
export type { SharedParams } from "./mtl/cost/shared-losses.js";
export type { BalancedSharpnessOptions } from "./mtl/cost/sharpness.js";
export type { MultiTaskEvaluation, TaskMetrics, WeightedMean } from "./mtl/evaluate.js";
export { accuracy } from "./mtl/evaluate.js";
export type { Representation } from "./mtl/gradients/forward.js";
export type { TaskOf } from "./mtl/gradients/parameter-split.js";
export type { MultiTaskHistory, StepEvent } from "./mtl/history.js";
export type { Combination, MultiTaskMethod, Need, TaskInput } from "./mtl/method.js";
export type { AlignedMtlOptions } from "./mtl/methods/aligned-mtl.js";
export { alignedMtl } from "./mtl/methods/aligned-mtl.js";
export type { CagradOptions } from "./mtl/methods/cagrad.js";
export { cagrad } from "./mtl/methods/cagrad.js";
export type { ConfigOptions } from "./mtl/methods/config.js";
export { config as conFig } from "./mtl/methods/config.js";
export type { ConstantOptions } from "./mtl/methods/constant.js";
export { constant as constantWeights } from "./mtl/methods/constant.js";
export type { DbMtlOptions, DbMtlState } from "./mtl/methods/db-mtl.js";
export { dbMtl } from "./mtl/methods/db-mtl.js";
export type { DualProjOptions } from "./mtl/methods/dual-proj.js";
export { dualProj } from "./mtl/methods/dual-proj.js";
export type { DwaOptions, DwaState } from "./mtl/methods/dwa.js";
export { dwa } from "./mtl/methods/dwa.js";
export type { ExcessMtlOptions, ExcessMtlState } from "./mtl/methods/excess-mtl.js";
export { excessMtl } from "./mtl/methods/excess-mtl.js";
export type { FairgradOptions } from "./mtl/methods/fairgrad.js";
export { fairgrad } from "./mtl/methods/fairgrad.js";
export type { FamoOptions, FamoState } from "./mtl/methods/famo.js";
export { famo } from "./mtl/methods/famo.js";
export { geometricLoss } from "./mtl/methods/geometric-loss.js";
export type { GradDropOptions } from "./mtl/methods/graddrop.js";
export { gradDrop } from "./mtl/methods/graddrop.js";
export type { GradNormOptions, GradNormState } from "./mtl/methods/gradnorm.js";
export { gradNorm } from "./mtl/methods/gradnorm.js";
export type { GradVacOptions, GradVacState } from "./mtl/methods/gradvac.js";
export { gradVac } from "./mtl/methods/gradvac.js";
export type { ImtlGOptions } from "./mtl/methods/imtl-g.js";
export { imtlG } from "./mtl/methods/imtl-g.js";
export { imtlHybrid } from "./mtl/methods/imtl-hybrid.js";
export type { ImtlLOptions, ImtlLState } from "./mtl/methods/imtl-l.js";
export { imtlL } from "./mtl/methods/imtl-l.js";
export type { LinearScalarisationOptions } from "./mtl/methods/linear-scalarisation.js";
export { linearScalarisation } from "./mtl/methods/linear-scalarisation.js";
export type { MgdaOptions } from "./mtl/methods/mgda.js";
export { mgda } from "./mtl/methods/mgda.js";
export type { MocoOptions, MocoState } from "./mtl/methods/moco.js";
export { moco } from "./mtl/methods/moco.js";
export type { ModoOptions, ModoState } from "./mtl/methods/modo.js";
export { modo } from "./mtl/methods/modo.js";
export type { NashMtlOptions, NashMtlState } from "./mtl/methods/nash-mtl.js";
export { nashMtl } from "./mtl/methods/nash-mtl.js";
export type { PcgradOptions } from "./mtl/methods/pcgrad.js";
export { pcgrad } from "./mtl/methods/pcgrad.js";
export type { RandomLossWeightingOptions } from "./mtl/methods/random-loss-weighting.js";
export { randomLossWeighting } from "./mtl/methods/random-loss-weighting.js";
export { scaleInvariant } from "./mtl/methods/scale-invariant.js";
export type { SdmgradOptions, SdmgradState } from "./mtl/methods/sdmgrad.js";
export { sdmgrad } from "./mtl/methods/sdmgrad.js";
export type { StchOptions, StchState } from "./mtl/methods/stch.js";
export { stch } from "./mtl/methods/stch.js";
export type {
  UncertaintyWeightingOptions,
  UncertaintyWeightingState,
} from "./mtl/methods/uncertainty-weighting.js";
export { uncertaintyWeighting } from "./mtl/methods/uncertainty-weighting.js";
export type { UpgradOptions } from "./mtl/methods/upgrad.js";
export { upgrad } from "./mtl/methods/upgrad.js";
export type { BinaryCounts, BinaryCountsOptions } from "./mtl/metrics/classification.js";
export { accuracyOf, binaryCounts, f1Score } from "./mtl/metrics/classification.js";
export { deltaM } from "./mtl/metrics/delta-m.js";
export type { DepthErrors } from "./mtl/metrics/depth.js";
export { depthErrors } from "./mtl/metrics/depth.js";
export type { MeanRankOptions } from "./mtl/metrics/mean-rank.js";
export { meanRank } from "./mtl/metrics/mean-rank.js";
export type { AngleStatistics } from "./mtl/metrics/normals.js";
export { angleStatistics } from "./mtl/metrics/normals.js";
export { meanAbsoluteError } from "./mtl/metrics/regression.js";
export type { ConfusionMatrix, ConfusionOptions } from "./mtl/metrics/segmentation.js";
export { confusionMatrix, meanIoU, pixelAccuracy } from "./mtl/metrics/segmentation.js";
export { createMethod, methods } from "./mtl/registry.js";
export type { PlainData } from "./mtl/step-hook.js";
export type { LossContext, TaskLosses } from "./mtl/task-losses.js";
export type { MultiTaskState } from "./mtl/train-state.js";
export type {
  BeforeStep,
  MultiTaskProgress,
  MultiTaskTrainer,
  MultiTaskTrainerOptions,
  RunMultiTaskOptions,
  RunSetup,
  StepChange,
  StepContext,
} from "./mtl/trainer.js";
export { createMultiTaskTrainer } from "./mtl/trainer.js";
export type { MultiTaskData } from "./mtl/trainer-options.js";
export { namedArrays } from "./named-arrays.js";
export type { Activation } from "./nn/activation.js";
export { activation } from "./nn/activation.js";
export type { AttentionOptions, AttentionParams } from "./nn/attention.js";
export { initMultiHeadAttention, multiHeadAttention } from "./nn/attention.js";
export type { ConvParams } from "./nn/conv.js";
export { convLayer, convTransposeLayer, initConv2d, initConvTranspose2d } from "./nn/conv.js";
export { dropout } from "./nn/dropout.js";
export type { EmbeddingParams } from "./nn/embedding.js";
export { embedding, initEmbedding } from "./nn/embedding.js";
export {
  kaimingNormal,
  kaimingUniform,
  normal,
  uniform,
  xavierNormal,
  xavierUniform,
} from "./nn/initialisers.js";
export type { LinearParams } from "./nn/linear.js";
export { initLinear, linear } from "./nn/linear.js";
export { binaryCrossEntropyWithLogits } from "./nn/losses/binary-cross-entropy.js";
export { cosineEmbeddingLoss, cosineSimilarity } from "./nn/losses/cosine.js";
export { crossEntropy } from "./nn/losses/cross-entropy.js";
export { l1Loss } from "./nn/losses/l1.js";
export { mseLoss } from "./nn/losses/mse.js";
export { nllLoss } from "./nn/losses/nll.js";
export type { LossOptions } from "./nn/losses/reduction.js";
export type {
  Context,
  FloatDType,
  InitOptions,
  Model,
  Output,
  Stateless,
  StatelessModel,
  WeightAndBias,
} from "./nn/model.js";
export type { ConvnetOptions, ConvnetParams } from "./nn/models/convnet.js";
export { convnet } from "./nn/models/convnet.js";
export type { LenetOptions, LenetParams } from "./nn/models/lenet.js";
export { lenet } from "./nn/models/lenet.js";
export type { MlpOptions, MlpParams } from "./nn/models/mlp.js";
export { mlp } from "./nn/models/mlp.js";
export type { MultiHeadModel, MultiHeadParams } from "./nn/models/multi-head.js";
export type { MultiLenetOptions } from "./nn/models/multi-lenet.js";
export { multiLenet } from "./nn/models/multi-lenet.js";
export type { MultiMlpOptions } from "./nn/models/multi-mlp.js";
export { multiMlp } from "./nn/models/multi-mlp.js";
export type {
  PatchTransformerOptions,
  PatchTransformerParams,
  TransformerBlockParams,
} from "./nn/models/patch-transformer.js";
export { patchTransformer } from "./nn/models/patch-transformer.js";
export { models } from "./nn/models/registry.js";
export type { Resnet18Options, Resnet18Params, Resnet18State } from "./nn/models/resnet18.js";
export { resnet18 } from "./nn/models/resnet18.js";
export type { SegnetOptions, SegnetOutput, SegnetParams } from "./nn/models/segnet.js";
export { segnet } from "./nn/models/segnet.js";
export type { Vgg6Options } from "./nn/models/vgg6.js";
export { vgg6 } from "./nn/models/vgg6.js";
export type { BatchNormState, NormParams } from "./nn/norm.js";
export { batchNorm, groupNorm, initBatchNorm, initGroupNorm, initLayerNorm, layerNorm } from "./nn/norm.js";
export type { FromOnnxOptions, ImportedInput, ImportedModel } from "./nn/onnx/from-onnx.js";
export { fromOnnx } from "./nn/onnx/from-onnx.js";
export type { AdagradOptions } from "./optim/adagrad.js";
export { adagrad } from "./optim/adagrad.js";
export type { AdamOptions } from "./optim/adam.js";
export { adam } from "./optim/adam.js";
export { adamw } from "./optim/adamw.js";
export type { NormOptions } from "./optim/clip.js";
export { clipByGlobalNorm, clipByValue, globalNorm } from "./optim/clip.js";
export type { Moment, Optimizer, OptimizerState } from "./optim/optimizer.js";
export type { Plateau, PlateauOptions, PlateauState } from "./optim/plateau.js";
export { reduceOnPlateau } from "./optim/plateau.js";
export { createOptimizer, optimizers } from "./optim/registry.js";
export type { RmspropOptions } from "./optim/rmsprop.js";
export { rmsprop } from "./optim/rmsprop.js";
export type { RateOption } from "./optim/schedule-registry.js";
export { schedules } from "./optim/schedule-registry.js";
export type {
  CosineScheduleOptions,
  ExponentialScheduleOptions,
  PiecewiseScheduleOptions,
  Schedule,
  StepScheduleOptions,
  WarmUpOptions,
} from "./optim/schedules.js";
export {
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  piecewiseSchedule,
  stepSchedule,
  warmUp,
  warmUpOptions,
} from "./optim/schedules.js";
export type { GdOptions, SgdOptions } from "./optim/sgd.js";
export { gd, sgd } from "./optim/sgd.js";
export type { Kind, KindSpec, OptionTableData, Row } from "./option-kinds.js";
export type { BoothOptions } from "./problems/booth.js";
export { booth } from "./problems/booth.js";
export type {
  DigitQuestionsOptions,
  ImageTasksOptions,
  MultiFashionOptions,
  SplitImages,
} from "./problems/image-tasks.js";
export { digitQuestions, fashionDigits, multiFashion } from "./problems/image-tasks.js";
export type { MlpRegressionOptions } from "./problems/mlp-regression.js";
export { mlpRegression, mlpRegressionSeeds } from "./problems/mlp-regression.js";
export type { MultiTaskProblem, TaskKind } from "./problems/multi-task.js";
export { classification } from "./problems/multi-task.js";
export type { Problem } from "./problems/problem.js";
export { vector } from "./problems/problem.js";
export type { QuadraticOptions } from "./problems/quadratic.js";
export { quadratic } from "./problems/quadratic.js";
export { multiTaskProblems, problems } from "./problems/registry.js";
export type { RosenbrockOptions } from "./problems/rosenbrock.js";
export { rosenbrock } from "./problems/rosenbrock.js";
export type { Rosenbrock2nOptions } from "./problems/rosenbrock-2n.js";
export { rosenbrock2n } from "./problems/rosenbrock-2n.js";
export type { ToyParams, TwoTaskToy, TwoTaskToyOptions } from "./problems/toy.js";
export { twoTaskToy } from "./problems/toy.js";
export type { Choice } from "./registry.js";
export type { CompileOptions, RuntimeName } from "./runtime/compile.js";
export { chooseRuntime, compile, estimate } from "./runtime/compile.js";
export type { Executable, RunOptions, Scan, Values } from "./runtime/executable.js";
export { compileJavaScript } from "./runtime/javascript/executable.js";
export type { ArraysOf, CallOf, Compiled } from "./runtime/jit.js";
export { jit } from "./runtime/jit.js";
export type { OnnxModel } from "./runtime/onnx/codec.js";
export { decodeModel, encodeModel } from "./runtime/onnx/codec.js";
export { emitModel } from "./runtime/onnx/emit.js";
export { compileOnnx } from "./runtime/onnx/executable.js";
export type { ToOnnxOptions } from "./runtime/onnx/export.js";
export { toOnnx } from "./runtime/onnx/export.js";
export type { Bijection } from "./symmetry/bijection.js";
export type {
  BijectionSite,
  Discovery,
  GroupGenerator,
  Leg,
  LinearSpace,
  PermutationSpace,
  ScalingGenerator,
  SignGenerator,
} from "./symmetry/discovery/descriptors.js";
export { analyse } from "./symmetry/discovery/discovery.js";
export type { DiscreteElement, DiscreteSymmetry } from "./symmetry/discrete.js";
export type { UnitSpace } from "./symmetry/discrete-legs.js";
export type { GeneralLinearOptions } from "./symmetry/general-linear.js";
export { generalLinear } from "./symmetry/general-linear.js";
export type { HiddenActionOptions } from "./symmetry/hidden-action.js";
export { hiddenAction } from "./symmetry/hidden-action.js";
export { permutations } from "./symmetry/permutations.js";
export type { PositiveScalingOptions } from "./symmetry/positive-scaling.js";
export { positiveScaling } from "./symmetry/positive-scaling.js";
export type { ProductOptions } from "./symmetry/product.js";
export { product } from "./symmetry/product.js";
export type { PseudoInverseActionOptions } from "./symmetry/pseudo-inverse-action.js";
export { pseudoInverseAction } from "./symmetry/pseudo-inverse-action.js";
export type { VectorParams } from "./symmetry/quadratic-rotation.js";
export { quadraticRotation } from "./symmetry/quadratic-rotation.js";
export { discreteSymmetries, foundSymmetries, mlpSymmetries } from "./symmetry/registry.js";
export type { ResidualMap } from "./symmetry/residual-rotation.js";
export { residualRotation } from "./symmetry/residual-rotation.js";
export type { ScalingOptions } from "./symmetry/scaling.js";
export { scaling } from "./symmetry/scaling.js";
export { signFlips } from "./symmetry/sign-flips.js";
export type { SiteActionOptions } from "./symmetry/site-action.js";
export type { Symmetries } from "./symmetry/symmetries-of.js";
export { symmetriesOf } from "./symmetry/symmetries-of.js";
export type { BlocksOf, Refusal, Symmetry } from "./symmetry/symmetry.js";
export { isRefusal } from "./symmetry/symmetry.js";
export type { ConjugateGradientOptions, ConjugateGradientResult } from "./teleport/conjugate-gradient.js";
export { conjugateGradient } from "./teleport/conjugate-gradient.js";
export type { DiagnoseOptions } from "./teleport/diagnose.js";
export { diagnose } from "./teleport/diagnose.js";
export type { Diagnosis, Figure, Missing } from "./teleport/diagnosis.js";
export { isMissing } from "./teleport/diagnosis.js";
export type { GuardOptions, Limits } from "./teleport/guard.js";
export { guardOptions } from "./teleport/guard.js";
export type { Hessian } from "./teleport/hessian.js";
export { createHessian, lanczos } from "./teleport/hessian.js";
export type { Minimum, MinimumMeter, MinimumMeterOptions, MinimumSettings } from "./teleport/minima.js";
export { createMinimumMeter, measureMinimum, minimumSettings } from "./teleport/minima.js";
export type { DecreaseOptions } from "./teleport/objective/decrease.js";
export { decrease } from "./teleport/objective/decrease.js";
export { gradNormSqOf } from "./teleport/objective/grad-norm-sq-of.js";
export { modelDecrease } from "./teleport/objective/model-decrease.js";
export type {
  Memory,
  Objective,
  ObjectiveFor,
  PointValue,
} from "./teleport/objective/objective.js";
export { gradNormSq, minimised } from "./teleport/objective/objective.js";
export type { OrbitCurvatureOptions } from "./teleport/objective/orbit-curvature.js";
export { orbitCurvature } from "./teleport/objective/orbit-curvature.js";
export type { LayersOption } from "./teleport/objective/registry.js";
export { objectives, orbitObjectives } from "./teleport/objective/registry.js";
export type { SharpnessOptions } from "./teleport/objective/sharpness.js";
export { sharpness } from "./teleport/objective/sharpness.js";
export type { Point } from "./teleport/point.js";
export type { GainPredictor, GainPredictorOptions } from "./teleport/predicted-gain.js";
export { createGainPredictor } from "./teleport/predicted-gain.js";
export type { RaceOptions, RaceStart } from "./teleport/race.js";
export type { ReferenceMlpOptions } from "./teleport/reference.js";
export { referenceMlpTeleport } from "./teleport/reference.js";
export type { ReferenceAngleOptions } from "./teleport/reference-angle.js";
export { referenceAngleTeleport } from "./teleport/reference-angle.js";
export type { TeleportReport } from "./teleport/report.js";
export { reusedState } from "./teleport/reused-state.js";
export type { BestAngleOptions } from "./teleport/search/best-angle.js";
export { bestAngle } from "./teleport/search/best-angle.js";
export type { Claim } from "./teleport/search/claim.js";
export type { DiscreteSearchOptions } from "./teleport/search/discrete.js";
export { discreteSearch } from "./teleport/search/discrete.js";
export type { GradientAscentOptions } from "./teleport/search/gradient-ascent.js";
export { gradientAscent } from "./teleport/search/gradient-ascent.js";
export type { LevelSetOptions } from "./teleport/search/level-set.js";
export { levelSet } from "./teleport/search/level-set.js";
export type { LineSearchOptions } from "./teleport/search/line-search.js";
export { lineSearch } from "./teleport/search/line-search.js";
export type { NullSpaceOptions } from "./teleport/search/null-space.js";
export { nullSpace } from "./teleport/search/null-space.js";
export { ownMove } from "./teleport/search/own-move.js";
export { quadraticOptimum } from "./teleport/search/quadratic-optimum.js";
export type { RandomSearchOptions } from "./teleport/search/random.js";
export { randomSearch } from "./teleport/search/random.js";
export { orbitSearches, searches } from "./teleport/search/registry.js";
export type { ScalingCornerOptions } from "./teleport/search/scaling-corner.js";
export { scalingCorner } from "./teleport/search/scaling-corner.js";
export type {
  Leap,
  MemoryArrays,
  Search,
  SearchFactory,
  SearchProblem,
  Setting,
  Stop,
  Walk,
} from "./teleport/search/search.js";
export { isStop } from "./teleport/search/search.js";
export type {
  SingleTeleportOptions,
  Teleported,
  Teleporter,
  TeleporterOptions,
  TeleportOptions,
} from "./teleport/teleporter.js";
export { createTeleporter, teleport } from "./teleport/teleporter.js";
export type { BlendMomentOptions, TrajectorySimilarityOptions } from "./teleport/trajectory-reuse.js";
export { blendMoment, trajectorySimilarity } from "./teleport/trajectory-reuse.js";
export type { Carried, Passage, Transport, TransportPolicy } from "./teleport/transport.js";
export { createTransport, transportPolicies } from "./teleport/transport.js";
export type {
  EveryOptions,
  InEpochsOptions,
  Occasion,
  OnPlateauOptions,
  OnPlateauState,
  OnPredictedGainOptions,
  When,
  WhenOptions,
} from "./teleport/when.js";
export { atSteps, every, inEpochs, occasionAt, onPlateau, onPredictedGain, when } from "./teleport/when.js";
export { whens } from "./teleport/when-registry.js";
export type { Checkpoint, CheckpointSource, Resumable, StoredRun } from "./train/checkpoint.js";
export { decodeCheckpoint, encodeCheckpoint, resume } from "./train/checkpoint.js";
export type { Dataset } from "./train/dataset.js";
export type { History, Metrics } from "./train/history.js";
export type { DirectionRule, Directions, LbfgsOptions } from "./train/line-search/directions.js";
export { conjugateDirections, lbfgs, steepestDescent } from "./train/line-search/directions.js";
export { lineSearches } from "./train/line-search/registry.js";
export type { LinePoint, WolfeOptions } from "./train/line-search/wolfe.js";
export { wolfeSearch } from "./train/line-search/wolfe.js";
export type {
  MinimaStudy,
  MinimaStudyOptions,
  MinimaStudyProgress,
  MinimumRow,
} from "./train/minima-study.js";
export { minimaStudy } from "./train/minima-study.js";
export { createMinimizer, minimize } from "./train/minimize.js";
export type { LineSearchMinimization, LineSearchMinimizeOptions } from "./train/minimize-by-line-search.js";
export { createLineSearchMinimizer, minimizeByLineSearch } from "./train/minimize-by-line-search.js";
export type {
  Jump,
  Minimization,
  MinimizationProblem,
  MinimizationProgress,
  MinimizeOptions,
  MinimizeRunOptions,
  Minimizer,
} from "./train/minimize-options.js";
export type { ResumeOptions, RunSettings } from "./train/run-settings.js";
export type { LearningRate, RunStepsOptions, StepsProgress } from "./train/run-steps.js";
export type { TrainState } from "./train/state.js";
export type { Loss } from "./train/step.js";
export type { TeleportBatch } from "./train/teleport-batches.js";
export type { ScheduleState, TeleportEvent, TeleportPlan } from "./train/teleports.js";
export type { Trainer } from "./train/trainer.js";
export { createTrainer } from "./train/trainer.js";
export type {
  Progress,
  RunTrainerOptions,
  TrainerOptions,
  TrainerTeleportPlan,
} from "./train/trainer-options.js";
export type { MapLeaves, Tree, TreeDef } from "./tree.js";
export { flatten as flattenTree, unflatten as unflattenTree } from "./tree.js";
