import { type Command, InvalidArgumentError } from "commander";
import { withImageOptions } from "../model/data-options.js";
import { lossNames, optimizerNames } from "../model/fine-tune-names.js";
import {
  collect,
  nonNegativeNumber,
  oneName,
  positiveInteger,
  positiveNumber,
  seedNumber,
} from "../parse.js";

/** Adds the command `model finetune`. */
export function addFinetuneCommand(model: Command): void {
  const command = model
    .command("finetune <file>")
    .description("train a model further, with its batch normalizations put back for the training")
    .requiredOption("-o, --out <file>", "the new file; never the one that is read")
    .requiredOption(
      "--data <path>",
      "examples: a .npy or .npz file, or a folder of images or of such folders",
    )
    .requiredOption("--rate <number>", "learning rate", nonNegativeNumber)
    .option("--labels <path>", "a .npy file with the class or the targets of each example")
    .option(
      "--validation <share>",
      "the share of the examples that is held out, or other data",
      shareOrPath,
      0.2,
    )
    .option("--validation-labels <path>", "labels of the other data")
    .option(
      "--test <share>",
      "the share of the examples, or other data, that neither train nor choose the epoch; default none",
      shareOrPath,
    )
    .option("--test-labels <path>", "labels of these other data")
    .option("--loss <name>", `one of ${lossNames.join(", ")}`, oneName(lossNames), "crossEntropy")
    .option("--output <name>", "the result that the loss takes; default the only one")
    .option("--epochs <n>", "passes over the examples", positiveInteger, 10)
    .option(
      "--batch-size <n>",
      "examples of a step; default 32, or as many as the file fixes",
      positiveInteger,
    )
    .option("--optimizer <name>", `one of ${optimizerNames.join(", ")}`, oneName(optimizerNames), "adam")
    .option("--clip-norm <number>", "largest norm of the gradient; default no limit", positiveNumber)
    .option(
      "--freeze <pattern>",
      "weights that stay: a name, * for any characters; may be given several times",
      collect,
      [],
    )
    .option(
      "--restore",
      "put batch normalizations back; default for a file that has none, but not for mse and l1 without convolutions",
    )
    .option("--no-restore", "train the layers as they are; default in all other cases")
    .option("--seed <n>", "of the examples that are held out and of the order of the others", seedNumber, 0)
    .option(
      "--tolerance <number>",
      "largest difference by putting back and folding, relative to an output's largest value; default 0.0001, of weights in float16 0.0049",
      positiveNumber,
    )
    .option("--limit <n>", "read at most so many examples; default all", positiveInteger);
  withImageOptions(command)
    .option("--report <page>", "one HTML page about the epochs, the layers and their weights")
    .option("--quiet", "no lines of progress", false)
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText("after", help)
    .action(async (file: string, options) => (await import("./model-finetune.js")).finetune(file, options));
}

/** A share of the examples, or a path. */
function shareOrPath(text: string): number | string {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) return text;
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError("It must be a share between 0 and 1, or a path.");
}

const help = `
In a file without batch normalizations each layer that an activation follows gets one with the statistics of the examples, so that
the model computes the same; it is trained with them, and then they are folded into the layers again: the new file has
the form of the old one. Layers with frozen weights get none. Normalizations that the file has stay in it, and are trained.
The new file has the weights of the epoch with the smallest validation loss, which looks better on these examples than it is:
--test 0.1 holds others out and reports loss and accuracy on them. If no epoch is better than the model as it
came, nothing is written and the exit code is 1. Ctrl-C ends the training and writes the best epoch so far.

In a folder of folders of images each folder is a class, numbered in the order of their names. Other examples have
--labels: integers for crossEntropy, numbers for mse, l1 and binaryCrossEntropy. A model that ends in a Softmax is trained on
its operand by crossEntropy; so is one that ends in a Sigmoid by binaryCrossEntropy. Images become float32 [N, C, H, W]
with pixels in 0..1.

The document of --json: file, out and bytes (null: nothing was written), ended (complete, interrupted, diverged), problem, best
(epoch), epochs [{epoch, trainingLoss, validationLoss, validationAccuracy, seconds}], test {before, best} of {loss, accuracy} or null,
examples {training, validation, test},
parameters {trained, frozen, zeros}, classes, differences {restored, folded}, report [{node, opType, changed, note}].

Examples:
  isoloss model finetune model.onnx --data photos --rate 0.001 --epochs 5 --out tuned.onnx
  isoloss model finetune model.onnx --data x.npy --labels y.npy --rate 0.01 --freeze "features.*" -o tuned.onnx`;
