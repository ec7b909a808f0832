// K. Saenko et al., "Adapting visual category models to new domains", ECCV 2010 (Office-31), and H. Venkateswara et al., CVPR 2017
// (Office-Home), as LibMTL (B. Lin, Y. Zhang, JMLR 24, 2023) trains on them: a task for each domain, with images of its own.
import { type BatchTensors, crossEntropy, type NdArray } from "isoloss";
import {
  inCode,
  integerFrom,
  isObject,
  listOf,
  type OptionsOf,
  oneOf,
  optionTable,
  smoothing,
  text,
} from "isoloss/internal";
import { topK } from "isoloss/metrics";
import type { LinearParams, MultiHeadParams } from "isoloss/nn";
import {
  fromStateDict,
  type MultiResnet18State,
  type MultiResnet18TrunkParams,
  multiResnet18,
} from "isoloss/nn";
import { type BenchmarkTask, type BenchmarkTasks, benchmarkTasks } from "./benchmark-tasks.js";

export interface OwnImageTasksOptions extends OptionsOf<typeof ownImageTasksOptions> {}

const ownImageTasksOptions = optionTable("ownImageTasks", {
  /** Names of the tasks. */
  tasks: listOf(text("the name of a task"), { least: 1 }).required(),
  /** Classes, the same of all tasks. */
  classes: integerFrom(2).required(),
  /** Channels of the first stage; default 64. */
  width: integerFrom(1).default(64),
  /** Units of the hidden layer; default 512. */
  hidden: integerFrom(1).default(512),
  /** Dropout rate behind it; default 0.5. */
  dropout: smoothing.default(0.5),
  /** As of `resnet18`: `imagenet` (default) or `cifar`. */
  stem: oneOf(["cifar", "imagenet"]).default("imagenet"),
  /**
   * Where the trunk starts from: tensors under torchvision's names, as `fromStateDict` takes them, such as those of ImageNet;
   * default drawn by chance.
   */
  weights: inCode<Readonly<Record<string, NdArray>>>("arrays by torchvision's names", isObject).otherwise(
    "drawn by chance",
  ),
});

/** Names of a task's arrays in batches. */
const ownArrays = (task: string) => ({ image: `${task}Images`, label: `${task}Labels` });

const classification = (name: string): BenchmarkTask => {
  const { label } = ownArrays(name);
  return {
    loss: (logits, batch) => crossEntropy(logits, batch[label]),
    output: (logits, batch) => ({ output: logits, labels: batch[label] }),
    measures: { accuracy: topK({ k: 1 }) },
  };
};

/**
 * Classes of images, each task with images of its own, by a ResNet-18: the tasks of Office-31 and Office-Home.
 *
 * Batches: `TASKImages` [n, 3, H, W] and `TASKLabels` int64 [n], of each task; data are a list of these, a record for each task.
 * Losses are cross-entropies; measures `TASK.accuracy`.
 *
 * @throws OptionError; DataError where `weights` do not fit
 *
 * @example
 * ownImageTasks({ tasks: ["amazon", "dslr", "webcam"], classes: 31 }).tasks; // amazon, dslr, webcam
 */
export function ownImageTasks(
  options: OwnImageTasksOptions,
): BenchmarkTasks<MultiHeadParams<MultiResnet18TrunkParams, LinearParams>, MultiResnet18State> {
  const { tasks: names, classes, weights, ...model } = ownImageTasksOptions.read(options);
  return benchmarkTasks("own images", {
    tasks: Object.fromEntries(names.map((name) => [name, classification(name)])),
    make(tasks) {
      const network = multiResnet18({
        heads: Object.fromEntries(tasks.map((task) => [task, classes])),
        ...model,
      });
      const imagesOf = (batch: BatchTensors) =>
        Object.fromEntries(tasks.map((task) => [task, batch[ownArrays(task).image]]));
      return {
        init(rng, initOptions) {
          const drawn = network.init(rng, initOptions);
          if (!weights) return drawn;
          const {
            params: { shared, heads },
            state,
          } = drawn;
          return {
            params: { shared: { ...shared, trunk: fromStateDict(shared.trunk, weights) }, heads },
            state: { ...state, trunk: fromStateDict(state.trunk, weights) },
          };
        },
        trunk: (shared, batch, { state, training, seed }) =>
          network.trunk(shared, imagesOf(batch), { state, training, seed }),
        readOut: network.readOut,
      };
    },
  });
}
