import { type Command, Option } from "commander";
import { quietOption } from "../model/command-progress.js";
import { dataHelp, withDataOptions } from "../model/data-options.js";
import { sizeOption } from "../model/size-option.js";
import { finiteNumber, positiveNumber } from "../parse.js";

/** Adds `model quantize`. */
export function addQuantizeCommand(model: Command): void {
  const command = model
    .command("quantize <file>")
    .description("integers of 8 bits in the place of floats, by the choice with the least measured error")
    .requiredOption("-o, --out <file>", "the new file; never the one that is read")
    .option(
      "--calibration <path>",
      "examples: a .npy or .npz file, or a folder of images or of such folders; only --weights-only does without",
    )
    .option(
      "--held-out <path>",
      "other examples: half of them choose, the others judge; default a quarter of the calibration, which is then not used for it; random inputs without",
    )
    .addOption(
      new Option(
        "--per <what>",
        "what has a scale of weights; default: channel and tensor are tried (of 4 bits: block and channel)",
      ).choices(["tensor", "channel", "block"]),
    )
    .option("--weights-only", "activations stay float: a smaller file, not a faster one", false)
    .addOption(
      new Option("--bits <n>", "of weights; 4 with --weights-only alone").choices(["8", "4"]).default("8"),
    )
    .addOption(
      new Option("--activations <type>", "of activations")
        .choices(["uint8", "int8"])
        .default("uint8")
        .conflicts("weightsOnly"),
    )
    .option("--reduce-range", "weights of 7 bits, for processors without 8-bit dot products", false)
    .addOption(
      new Option("--method <name>", "how ranges of activations are found")
        .choices(["minMax", "percentile", "entropy", "mse"])
        .default("minMax")
        .conflicts("weightsOnly"),
    )
    .option("--no-equalize", "only the weights as they are: faster")
    .addOption(
      new Option(
        "--bias-correction <how>",
        "means that corrected biases keep: measured, or analytic, from batch norms and normal numbers; none: not tried",
      )
        .choices(["measured", "analytic", "none"])
        .default("measured"),
    )
    .option("--absorb-biases", "try the weights with high biases absorbed behind ReLUs, too", false)
    .option("--rotate", "try the weights with rotated attention heads and residual streams, too", false)
    .option("--limit-error <dB>", "least SQNR in decibels: layers stay float until it is kept", finiteNumber)
    .option(
      "--budget <seconds>",
      "time after which no further choice is tried; default no limit",
      positiveNumber,
    );
  withDataOptions(command)
    .addOption(sizeOption())
    .option("--report <page>", "one HTML page about the choices, the layers and their weights")
    .addOption(quietOption())
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
Each choice is a file that is run and measured on half of the held-out examples: SQNR, 10 log10 of the sum of squared outputs by
that of squared errors, and how often the largest output stays at its place. Choices are scales per channel or tensor; weights
as they are, with equal ranges of units, or with the least predicted noise; biases corrected or not. Other weights compute
the same, but for bounds such as that of ReLU6: what scaling their units changes is part of the measured error. The file
with the largest SQNR is written, or the smallest within 0.1 dB of it, and judged on the other half. Batch normalizations are folded.

With --weights-only and without --calibration the weights are rounded as they are, and measured on --held-out or random inputs.

With --limit-error those layers stay float whose quantization costs most, the fewest that are enough; if no file
with a quantized layer keeps the limit, or none is found in the budget, nothing is written, and out is null. Where the
examples that chose the file keep the limit, and the others do not, the file is written, held is false, and the exit code is 1.

${dataHelp}

The document of --json: file, out, bytes {before, after}, examples {calibration, heldOut, choosing, split, random}, judged, held, recommended and table
[{candidate, per, corrected, left, widened, bytes, integerNodes, sqnr, sqnrInterval, broken, agreement, agreementInterval, largest}],
floatOperandsSqnr, skipped, sensitivities [{layer, sqnr}], nodes [{node, opType, runs, bits, note}].

Examples:
  isoloss model quantize model.onnx --calibration photos --out int8.onnx
  isoloss model quantize model.onnx --calibration photos --out int8.onnx --per channel --limit-error 30 --json`,
    )
    .action(async (file: string, options) => (await import("./model-quantize.js")).quantize(file, options));
}
