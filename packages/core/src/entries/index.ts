/**
 * Arrays, graphs, gradients, trainers, teleports; the rest is in the entry points by area.
 *
 * @module isoloss
 */
export type { DataOf, DType, FloatArray, NdArray, NestedNumbers, Shape, TypedArray } from "../array.js";
export {
  array,
  astype,
  dtypeOf,
  full,
  isNdArray,
  item,
  ndarray,
  nested,
  numbers,
  ones,
  sizeOf,
  zeros,
} from "../array.js";
export type { Batch, BatchLoss, BatchSpec, BatchTensors, MergedBatch, NoBatch } from "../batch.js";
export { takeRows } from "../data/batches.js";
export type { Dataset } from "../data/dataset.js";
export { digits } from "../data/digits.js";
export { describeOptions, type OptionDescription } from "../describe-options.js";
export {
  DataError,
  DTypeError,
  IsolossError,
  MissingDataError,
  NumericalError,
  OptionError,
  RuntimeError,
  ShapeError,
} from "../errors.js";
export { backward, dot, grad, hvp, jacobian, jvp, mapTree, valueAndGrad, vjp } from "../graph/autodiff.js";
export { type Cost, costOf, type Graph, type Port, printGraph } from "../graph/graph.js";

export { simplify } from "../graph/simplify.js";
export { type Attributes, Tensor } from "../graph/tensor.js";
export type { NamedArguments, Spec, SpecLeaf, TensorsOf, Traced } from "../graph/trace.js";
export { spec, trace } from "../graph/trace.js";
export { type Mt19937, torchGenerator } from "../math/mt19937.js";
export type { MultiTaskMethod } from "../mtl/method.js";
export type {
  MultiTaskProgress,
  MultiTaskTrainer,
  MultiTaskTrainerOptions,
  RunMultiTaskOptions,
} from "../mtl/train/trainer.js";
export { createMultiTaskTrainer } from "../mtl/train/trainer.js";
export type { Activation } from "../nn/activation.js";
export { crossEntropy } from "../nn/losses/cross-entropy.js";
export type {
  Context,
  ImportedInput,
  ImportedModel,
  Model,
  Output,
  Stateless,
  StatelessModel,
} from "../nn/model.js";
export { type MlpOptions, type MlpParams, mlp } from "../nn/models/mlp.js";
export { type AdamOptions, adam } from "../optim/adam.js";
export type { Optimizer, OptimizerState } from "../optim/optimizer.js";
export type { Schedule } from "../optim/schedules.js";
export { type GdOptions, gd, type SgdOptions, sgd } from "../optim/sgd.js";
export type { Kind, KindSpec, OptionTableData, Row } from "../options.js";
export { booth } from "../problems/booth.js";
export type { Problem } from "../problems/problem.js";
export type { Choice } from "../registry.js";
export { type CompileOptions, compile, estimate, type RuntimeName } from "../runtime/compile.js";
export type { Executable, RunOptions, Scan, Values } from "../runtime/executable.js";
export { compileJavaScript } from "../runtime/javascript/executable.js";
export { type ArraysOf, type CallOf, type Compiled, jit, type ValuesOf } from "../runtime/jit.js";
export { toOnnx } from "../runtime/onnx/export.js";
export { defineSymmetry } from "../symmetry/define-symmetry.js";
export { positiveScaling } from "../symmetry/positive-scaling.js";
export { type Symmetries, symmetriesOf } from "../symmetry/symmetries-of.js";
export type { Symmetry, SymmetryDefinition } from "../symmetry/symmetry.js";
export type { GuardOptions } from "../teleport/guard.js";
export { type DecreaseOptions, decrease } from "../teleport/objective/decrease.js";
export type { Objective } from "../teleport/objective/objective.js";
export type { TeleportReport } from "../teleport/report.js";
export { bestAngle } from "../teleport/search/best-angle.js";
export type {
  SingleTeleportOptions,
  Teleported,
  Teleporter,
  TeleporterOptions,
  TeleportOptions,
} from "../teleport/teleporter.js";
export { createTeleporter, teleport } from "../teleport/teleporter.js";
export { atSteps, every, type When } from "../teleport/when.js";
export type { Checkpoint, CheckpointSource, Resumable, StoredRun } from "../train/checkpoint.js";
export { decodeCheckpoint, encodeCheckpoint, resume } from "../train/checkpoint.js";
export { type EarlyStoppingOptions, earlyStoppingOptions } from "../train/early-stopping.js";
export type { BestEpoch, EpochRow, Evaluation, Metrics } from "../train/epoch-row.js";
export type { History } from "../train/history.js";
export { createMinimizer, minimize } from "../train/minimize/minimize.js";
export type {
  Jump,
  Minimization,
  MinimizationProblem,
  MinimizationProgress,
  MinimizeOptions,
  MinimizeRunOptions,
  Minimizer,
  StartOptions,
} from "../train/minimize/minimize-options.js";
export { createPredictor, type Predictor, type PredictorOptions, type Trained } from "../train/predictor.js";
export type { LearningRate, RunStepsOptions, StepsProgress } from "../train/run.js";
export type { ResumeOptions, RunSettings } from "../train/run-settings.js";
export type { RunResult } from "../train/run-steps.js";
export type { TrainState } from "../train/state.js";
export type { Loss } from "../train/step.js";
export type { TeleportBatch } from "../train/teleport-batches.js";
export type { ScheduleState, TeleportEvent } from "../train/teleport-event.js";
export type { TeleportPlan } from "../train/teleports.js";
export { createTrainer } from "../train/trainer.js";
export type {
  EvaluateOptions,
  Progress,
  RunTrainerOptions,
  Trainer,
  TrainerOptions,
  TrainerTeleportPlan,
} from "../train/trainer-options.js";
export {
  flatten as flattenTree,
  type MapLeaves,
  namedArrays,
  type Tree,
  type TreeDef,
  unflatten as unflattenTree,
} from "../tree.js";
