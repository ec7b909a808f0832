/**
 * What the packages of this repository share: not part of the public interface, and the same in all patches of a minor version.
 *
 * @module isoloss/internal
 * @internal
 */

export { allocate, stridesOf } from "../array.js";
export {
  bfloatToNumber,
  float64Of,
  halfToNumber,
  requireBytes,
  toBfloat16Bits,
  toFloat16Bits,
} from "../bytes.js";
export { keptExamples } from "../data/streams/example-stream.js";
export { joinParts } from "../data/streams/part-reader.js";
export { openThread } from "../data/streams/thread.js";
export { requireClasses } from "../data/tables/columns.js";
export { isNumber } from "../data/tables/encoding.js";
export { describeValue, isPlainObject } from "../errors.js";
export { loopWhile } from "../graph/control/while.js";
export { nodesOf, topologicalOrder } from "../graph/graph.js";
export { checkClasses, type LabelUse, labelUses } from "../graph/labels.js";
export { broadcastShapes } from "../graph/ops/broadcast.js";
export { windowLength } from "../graph/ops/conv-attributes.js";
export { cosh } from "../graph/ops/elementary.js";
export { constantValue } from "../graph/ops/leaf.js";
export * as reduce from "../graph/ops/reduce.js";
export { resolveAxis } from "../graph/ops/reshape.js";
export { formatShape, formatType, isFloat, isTensor, sameShape } from "../graph/tensor.js";
export { isTracing } from "../graph/tracing.js";
export { groupBy } from "../group-by.js";
export { betaQuantile, tQuantile } from "../math/distributions.js";
export { halfCounts, noCounts } from "../math/half-counts.js";
export { erf } from "../math/special.js";
export type { DifferenceSummary, RatioSummary, Summary } from "../math/statistics.js";
export {
  extremes,
  fractionInterval,
  levelOfEach,
  pairedDifference,
  pairedRatio,
  ratioOfMeans,
  summarize,
} from "../math/statistics.js";
export { differenceOf, measureDifference, noiseRatio } from "../metrics/output-difference.js";
export { scaledParams } from "../moves/balance/scales.js";
export { lowRankOptions, reduced, unusedUnits } from "../moves/low-rank/low-rank.js";
export { type Cuts, isUncuttable, type Uncuttable, withoutCuts, zeroedCuts } from "../moves/prune/cut.js";
export { type PrunedBy, product } from "../moves/prune/pruned.js";
export { cutsOf, leastUnits, stepOf, type UnitCut, unitNorms, whyUncuttable } from "../moves/prune/units.js";
export { type OrbitPoints, orbitPoints } from "../moves/quantization-noise/minimize-quantization-noise.js";
export { namesMatching } from "../name-patterns.js";
export { ratioOf } from "../nn/fake-quantize.js";
export type { Reduction } from "../nn/losses/reduction.js";
export { resolveInit } from "../nn/model.js";
export { headSizes } from "../nn/models/multi-head.js";
export { turnPairs } from "../nn/rotary.js";
export {
  abortSignal,
  anyOf,
  type DefaultRow,
  finite,
  flag,
  inCode,
  integerFrom,
  isFunction,
  isObject,
  listOf,
  nonNegative,
  number,
  type OptionalRow,
  type OptionsOf,
  type OptionTable,
  oneOf,
  optionTable,
  positive,
  type RequiredRow,
  requireFlags,
  requireKnown,
  share,
  smoothing,
  text,
  withoutUndefined,
} from "../options.js";
export { taskAlone } from "../problems/multi-task.js";
export { compiledAnew, keepExecutables, usedExecutables } from "../runtime/kept-executables.js";
export { Lifetime } from "../runtime/lifetime.js";
export { readNode, readValueInfo } from "../runtime/onnx/decode.js";
export { externalPlace, type ReadExternal, readTensor } from "../runtime/onnx/decode-tensor.js";
export { codeOfSchemaName, dtypeCode, dtypeOfCode } from "../runtime/onnx/dtypes.js";
export { writeNode, writeShape, writeTensor, writeValueInfo } from "../runtime/onnx/encode.js";
export { externalReader } from "../runtime/onnx/external-data.js";
export type { FileSession, FileSessionOptions } from "../runtime/onnx/file-session.js";
export { isNative, openFileSession } from "../runtime/onnx/file-session.js";
export { ProtoReader } from "../runtime/onnx/protobuf.js";
export type { FieldChanges, RawField } from "../runtime/onnx/raw-fields.js";
export { contentOf, mapFields, rawField, rawFields, rawMessage, textOf } from "../runtime/onnx/raw-fields.js";
export type { TensorHeader } from "../runtime/onnx/raw-tensor.js";
export {
  externalEntries,
  isRaw,
  mapMessages,
  tensorHeader,
  withData,
  withRawData,
  withRemarks,
} from "../runtime/onnx/raw-tensor.js";
export type {
  AttributeValue,
  OnnxDType,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
  OnnxValueInfo,
} from "../runtime/onnx/schema.js";
export { allNodesOf, float, graphsIn, int, operandsOf, string, tensor } from "../runtime/onnx/schema.js";
export { groupsOf } from "../symmetry/discovery/descriptors.js";
export { noLinks } from "../symmetry/discovery/graph/links.js";
export { type Response, ruleOf } from "../symmetry/discovery/graph/rules.js";
export { changeAlong, elementsAlong, unitsOf } from "../symmetry/parameter-axes.js";
export { prepareDataset } from "../train/dataset.js";
export { ownEntry } from "../tree.js";
