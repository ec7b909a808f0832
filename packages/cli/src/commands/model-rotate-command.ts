import { type Command, Option } from "commander";
import { dataHelp, withDataOptions } from "../model/data-options.js";
import { sizeOption } from "../model/size-option.js";
import { seedNumber } from "../parse.js";
import { withOutput } from "./model-output.js";

/** Adds the command `model rotate`. */
export function addRotateCommand(model: Command): void {
  const command = model
    .command("rotate <file>")
    .description(
      "turn spaces that linear maps or lengths alone touch, such as attention heads: the model computes the same",
    )
    .addOption(
      new Option(
        "--by <rotation>",
        "hadamard: all entries of one size; random: any rotation; descended: the former, then lowest peaks",
      )
        .choices(["hadamard", "random", "descended"])
        .default("hadamard"),
    )
    .option("--seed <n>", "of signs and random rotations", seedNumber, 0)
    .option("--held-out <path>", "inputs to compare the models on; default random numbers")
    .option("--report <page>", "one HTML page about the spaces and their weights");
  withOutput(withDataOptions(command).addOption(sizeOption()))
    .addHelpText(
      "after",
      `
A few weights that are much larger than the others set the steps in which all of a tensor are rounded. Rotations spread them over
a whole space. Weights before the space turn by R, those behind it by R', and the model computes the same. Where no weight
stands out, as in small transformers, hadamard and random rotations make rounding worse by about a decibel, and descended ones better by as
much: measure it with isoloss model quantize --rotate, which tries descended rotations beside the weights as they are.

Spaces are those of attention heads, linear bottlenecks, and residual streams that only normalizations of their length without
weights of their own read. Hadamard matrices exist for sizes 1, 12, 20, 28 and others times powers of 2; other sizes get random
rotations. Batch normalizations stand between layers: fold them first. Before the file is written, the new model is compared with
the old one.

${dataHelp}

The document of --json: file, out, bytes, largest (difference), by, seed, spaces [{kind, size, copies, parameters}], weights
[{parameter, before, after}] (largest magnitude relative to the root mean square).

Example:
  isoloss model rotate model.onnx --by descended --out rotated.onnx`,
    )
    .action(async (file: string, options) => (await import("./model-rotate.js")).rotate(file, options));
}
