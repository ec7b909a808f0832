// Z. Liu et al., "Deep learning face attributes in the wild", ICCV 2015 (CelebA), as O. Sener, V. Koltun, NeurIPS 2018, use it.

import { integerFrom, listOf, type OptionsOf, optionTable, text } from "isoloss/internal";
import { f1 } from "isoloss/metrics";
import type { LinearParams, MultiHeadParams } from "isoloss/nn";
import {
  binaryCrossEntropyWithLogits,
  type MultiConvnetState,
  type MultiConvnetTrunkParams,
  multiConvnet,
} from "isoloss/nn";
import { reshape } from "isoloss/ops";
import { type BenchmarkTask, type BenchmarkTasks, benchmarkTasks } from "./benchmark-tasks.js";

export interface AttributeTasksOptions extends OptionsOf<typeof attributeTasksOptions> {}

const attributeTasksOptions = optionTable("attributeTasks", {
  /** Names of the attributes, which are those of their labels in batches. */
  attributes: listOf(text("the name of an attribute"), { least: 1 }).required(),
  /** Channels of the convolutions of each stage; default [[64], [128, 128], [256, 256], [512, 512]]. */
  stages: listOf(listOf(integerFrom(1), { least: 1 }), { least: 1 }).default([
    [64],
    [128, 128],
    [256, 256],
    [512, 512],
  ]),
  /** Widths of the linear layers behind them; default [512, 512]. */
  hidden: listOf(integerFrom(1)).default([512, 512]),
});

/** A question about an image, whose answers are 1 and 0. */
const question = (name: string): BenchmarkTask => ({
  loss: (output, { [name]: labels }) => binaryCrossEntropyWithLogits(reshape(output, labels.shape), labels),
  output: (output, { [name]: labels }) => ({ output, labels }),
  measures: { f1: f1() },
});

/**
 * Yes-or-no attributes of an image by a network of nine layers: the tasks of CelebA.
 *
 * Batches: `image` [n, 3, H, W], and 0 or 1 [n] under the name of each attribute. Losses are binary cross-entropies; measures
 * `NAME.f1`, where the answer is yes if the logit is positive.
 *
 * @throws OptionError
 *
 * @example
 * attributeTasks({ attributes: ["Smiling", "Young"] }).tasks; // Smiling, Young
 */
export function attributeTasks(
  options: AttributeTasksOptions,
): BenchmarkTasks<MultiHeadParams<MultiConvnetTrunkParams, LinearParams>, MultiConvnetState> {
  const { attributes, stages, hidden } = attributeTasksOptions.read(options);
  return benchmarkTasks("attributes", {
    tasks: Object.fromEntries(attributes.map((name) => [name, question(name)])),
    make(tasks) {
      const heads = Object.fromEntries(tasks.map((task) => [task, 1]));
      const model = multiConvnet({ heads, stages, hidden });
      return {
        init: model.init,
        trunk: (shared, batch, { state, training }) => model.trunk(shared, batch.image, { state, training }),
        readOut: model.readOut,
      };
    },
  });
}
