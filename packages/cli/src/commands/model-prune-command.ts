import { type Command, Option } from "commander";
import { quietOption } from "../model/command-progress.js";
import { dataHelp, withDataOptions } from "../model/data-options.js";
import { sizeOption } from "../model/size-option.js";
import { positiveInteger, shareNumber } from "../parse.js";

/** Adds the command `model prune`. */
export function addPruneCommand(model: Command): void {
  const command = model
    .command("prune <file>")
    .description("zeros in the place of the least weights, or a smaller model without the least units")
    .requiredOption("-o, --out <file>", "the new file; never the one that is read")
    .requiredOption(
      "--fraction <share>",
      "of the weights, or of the units of each group, 0 to 1",
      shareNumber,
    )
    .addOption(
      new Option(
        "--by <score>",
        "of weights: magnitude, or lamp, relative to the larger ones of the layer; default magnitude",
      ).choices(["magnitude", "lamp"]),
    )
    .addOption(
      new Option("--units", "whole channels and hidden units, with all that is coupled to them")
        .default(false)
        .conflicts("by"),
    )
    .addOption(
      new Option(
        "--multiple <n>",
        "with --units: a group keeps the multiple of n channels that is nearest to its share; 1: any number",
      )
        .argParser(positiveInteger)
        .default(8),
    )
    .option("--no-balance", "rank the weights as they are alone, without balancing them")
    .option("--held-out <path>", "inputs to measure on; default random numbers");
  withDataOptions(command)
    .addOption(sizeOption())
    .option("--report <page>", "one HTML page about the choices, the units and their weights")
    .addOption(quietOption())
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
The least weights depend on how layers and units are scaled, which what the model computes does not: so they are ranked
after balancing the scales (isoloss model balance), and as they are. A random half of the held-out examples chooses: the file with the
larger SQNR there is written, the weights as they are within 0.1 dB. The others measure both for the table. Pruning changes
what the model computes: train the new model further. Folding batch normalizations first (isoloss model fold) gives other
scales to rank by, for better or worse: prune both files and compare them.

With --units the file gets smaller: units that can be permuted are a group, through residual sums and depthwise
convolutions, and those with the least sum of squared weights go. The new file must compute what the old one does
with zeros in their place; groups that do not pass stay, with the reason. Kernels take channels in blocks, and are slower
where a block is not full: so each group of n units keeps the multiple of 8 channels that is nearest to (1 - share) n, 8 at
least. The table has the time of each new file by that of the old one, run in turns: the median and its quartiles.

${dataHelp}

The document of --json: file, out, bytes {before, after}, by, fraction, multiple, balanced, measured, table [{ranked, zeros,
numbers, bytes, sqnr, sqnrInterval, broken, agreement, agreementInterval, largest, chosenBy {sqnr, broken}, time {before,
after, ratio, quartiles}}], apart, stops [{operator, nodes}], groups [{parameters, size, removed, reason}].

Examples:
  isoloss model prune model.onnx --fraction 0.8 --by lamp --out sparse.onnx
  isoloss model prune model.onnx --fraction 0.25 --units --held-out photos --out smaller.onnx`,
    )
    .action(async (file: string, options) => (await import("./model-prune.js")).prune(file, options));
}
