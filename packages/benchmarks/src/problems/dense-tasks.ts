// Dense prediction: S. Liu, E. Johns, A. Davison, "End-to-end multi-task learning with attention", CVPR 2019, section 4.1: CityScapes and NYUv2.

import { crossEntropy, type Tensor } from "isoloss";
import { flag, integerFrom, listOf, type OptionsOf, optionTable } from "isoloss/internal";
import { depthError, iou, normalAngle, topK } from "isoloss/metrics";
import { l1Loss, normalLoss } from "isoloss/nn";
import { div, greater, maximum, sqrt, square, sum } from "isoloss/ops";
import { attentionSegnet } from "../networks/attention-segnet.js";
import type { AttentionSegnetParams, AttentionSegnetState } from "../networks/attention-segnet-params.js";
import { type BenchmarkTask, type BenchmarkTasks, benchmarkTasks } from "./benchmark-tasks.js";

export interface DenseTasksOptions extends OptionsOf<typeof denseTasksOptions> {}

const denseTasksOptions = optionTable("denseTasks", {
  /** Classes of a pixel: 7 of CityScapes, 13 of NYUv2; default 7. */
  classes: integerFrom(2).default(7),
  /** Whether surface normals are a task, too; default false. */
  normals: flag.default(false),
  /** Channels of SegNet's stages; default [64, 128, 256, 512, 512]. */
  channels: listOf(integerFrom(1), { least: 2 }).default([64, 128, 256, 512, 512]),
  /** Whether each task has an attention network (MTAN), or only a head (split); default true. */
  attention: flag.default(true),
});

/** Vectors along axis 1, divided by their lengths. */
const unit = (p: Tensor): Tensor =>
  div(p, sqrt(maximum(sum(square(p), { axes: [1], keepDims: true }), 1e-16)));

const semantic: BenchmarkTask = {
  loss: (logits, batch) => crossEntropy(logits, batch.semantic, { axis: 1, ignoreIndex: -1 }),
  output: (logits, batch) => ({ output: logits, labels: batch.semantic }),
  measures: { iou: iou(), accuracy: topK({ k: 1 }) },
};

const depth: BenchmarkTask = {
  loss: (output, batch) => l1Loss(output, batch.depth, { mask: greater(batch.depth, 0) }),
  output: (output, batch) => ({ output, labels: batch.depth }),
  measures: { absolute: depthError(), relative: depthError({ kind: "relative" }) },
};

const normal: BenchmarkTask = {
  loss: (output, batch) => normalLoss(output, batch.normal),
  output: (output, batch) => ({ output: unit(output), labels: batch.normal }),
  measures: {
    mean: normalAngle(),
    median: normalAngle({ statistic: "median" }),
    within11: normalAngle({ statistic: 11.25 }),
    within22: normalAngle({ statistic: 22.5 }),
    within30: normalAngle({ statistic: 30 }),
  },
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
 * `normal.median` in degrees, `normal.within11`, `within22`, `within30`, shares of pixels within 11.25, 22.5 and 30 degrees, as plain means over batches, as in the
 * published programs: they depend on the batch size of the evaluation.
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
