// S. Liu, E. Johns, A. Davison, "End-to-end multi-task learning with attention", CVPR 2019, section 4.1: CityScapes and NYUv2.
import { div, maximum, mul, sub } from "../../graph/ops/arithmetic.js";
import { equal, logicalNot } from "../../graph/ops/compare.js";
import { sqrt, square } from "../../graph/ops/elementary.js";
import { sum } from "../../graph/ops/reduce.js";
import type { Tensor } from "../../graph/tensor.js";
import { confusion, iou } from "../../metrics/confusion.js";
import { depthErrors } from "../../metrics/depth.js";
import type { MetricSet } from "../../metrics/metric.js";
import { angleStatistics } from "../../metrics/normals.js";
import { pixelAccuracy } from "../../metrics/segmentation.js";
import { crossEntropy } from "../../nn/losses/cross-entropy.js";
import { l1Loss } from "../../nn/losses/l1.js";
import { reduceLoss } from "../../nn/losses/reduction.js";
import { attentionSegnet } from "../../nn/models/attention-segnet.js";
import type { AttentionSegnetParams, AttentionSegnetState } from "../../nn/models/attention-segnet-params.js";
import { flag, integerFrom, listOf } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { meanOverBatches } from "./batch-means.js";
import { type BenchmarkTask, type BenchmarkTasks, benchmarkTasks } from "./benchmark-tasks.js";

export interface DenseTasksOptions {
  /** Classes of a pixel: 7 of CityScapes, 13 of NYUv2; default 7. */
  readonly classes?: number | undefined;
  /** Whether surface normals are a task, too; default false. */
  readonly normals?: boolean | undefined;
  /** Channels of SegNet's stages; default [64, 128, 256, 512, 512]. */
  readonly channels?: readonly number[] | undefined;
  /** Whether each task has an attention network (MTAN), or only a head (split); default true. */
  readonly attention?: boolean | undefined;
}

export const denseTasksOptions = optionTable("denseTasks", {
  classes: integerFrom(2).default(7),
  normals: flag.default(false),
  channels: listOf(integerFrom(1), { least: 2 }).default([64, 128, 256, 512, 512]),
  attention: flag.default(true),
} satisfies OptionRows<DenseTasksOptions>);

/** Vectors along axis 1, divided by their lengths. */
const unit = (p: Tensor): Tensor =>
  div(p, sqrt(maximum(sum(square(p), { axes: [1], keepDims: true }), 1e-24)));

const isNonzero = (x: Tensor): Tensor => logicalNot(equal(x, 0));

const semantic: BenchmarkTask = {
  loss: (logits, batch) => crossEntropy(logits, batch.semantic, { axis: 1, ignoreIndex: -1 }),
  output: (logits, batch) => ({ output: logits, labels: batch.semantic }),
  measures: { iou: iou(), accuracy: accuracyOfPixels() },
};

const depth: BenchmarkTask = {
  loss: (output, batch) => l1Loss(output, batch.depth, { mask: isNonzero(batch.depth) }),
  output: (output, batch) => ({ output, labels: batch.depth }),
  measures: {
    absolute: meanOverBatches(({ output, labels }) => depthErrors(output, labels)?.absolute, "min"),
    relative: meanOverBatches(({ output, labels }) => depthErrors(output, labels)?.relative, "min"),
  },
};

const normal: BenchmarkTask = {
  loss(output, { normal: t }) {
    const cosine = sum(mul(unit(output), t), { axes: [1] });
    return reduceLoss(sub(1, cosine), { mask: isNonzero(sum(square(t), { axes: [1] })) });
  },
  output: (output, batch) => ({ output: unit(output), labels: batch.normal }),
  measures: angles(),
};

/**
 * Class, depth and, with `normals`, surface normal of each pixel by a SegNet with attention networks: the tasks of CityScapes
 * and NYUv2.
 *
 * Batches: `image` [n, 3, H, W]; `semantic` int64 [n, H, W], -1 where there is no class; `depth` [n, 1, H, W], 0 where it is not
 * known; `normal` [n, 3, H, W], 0 there. Losses are means over known pixels of the batch: cross-entropy, |p - t|, and 1 - p . t with
 * p of length 1.
 *
 * Measures: `semantic.iou`, `semantic.accuracy` of all pixels together; `depth.absolute`, `depth.relative`, and `normal.mean`,
 * `normal.median` in degrees, `normal.within11`, `within22`, `within30` as plain means over batches, so that they depend on the batch
 * size of the evaluation.
 *
 * @throws OptionError
 *
 * @example
 * denseTasks({ classes: 13, normals: true }).tasks; // semantic, depth, normal
 */
export function denseTasks(
  options: DenseTasksOptions = {},
): BenchmarkTasks<AttentionSegnetParams, AttentionSegnetState> {
  const { classes, normals, channels, attention } = denseTasksOptions.read(options);
  const outputs: Readonly<Record<string, number>> = { semantic: classes, depth: 1, normal: 3 };
  return benchmarkTasks("dense", {
    tasks: { semantic, depth, ...(normals ? { normal } : {}) },
    make(tasks) {
      const heads = Object.fromEntries(tasks.map((task) => [task, outputs[task]]));
      const model = attentionSegnet({ heads, channels, attention });
      return {
        init: model.init,
        trunk: (shared, batch, { state, training }) => model.trunk(shared, batch.image, { state, training }),
        readOut: model.readOut,
      };
    },
  });
}

function accuracyOfPixels(): MetricSet[string] {
  const counts = confusion();
  return {
    ...counts,
    mode: "max",
    result: (all) => pixelAccuracy(counts.result(all as Parameters<typeof counts.result>[0])),
  } as MetricSet[string];
}

function angles(): MetricSet {
  const of = (pick: (angle: NonNullable<ReturnType<typeof angleStatistics>>) => number, mode: "min" | "max") =>
    meanOverBatches(({ output, labels }) => {
      const found = angleStatistics(output, labels);
      return found && pick(found);
    }, mode);
  return {
    mean: of(({ mean }) => mean, "min"),
    median: of(({ median }) => median, "min"),
    within11: of(({ within }) => within[0], "max"),
    within22: of(({ within }) => within[1], "max"),
    within30: of(({ within }) => within[2], "max"),
  };
}
