import { type Command, Option } from "commander";
import { quietOption } from "../model/command-progress.js";
import { dataHelp, withDataOptions } from "../model/data-options.js";
import { sizeOption } from "../model/size-option.js";
import { shareNumber } from "../parse.js";

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
    .option("--no-balance", "rank the weights as they are, without balancing them")
    .option("--held-out <path>", "inputs to measure on; default random numbers");
  withDataOptions(command)
    .addOption(sizeOption())
    .option("--report <page>", "one HTML page about the choices, the units and their weights")
    .addOption(quietOption())
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
The least weights depend on how layers and units are scaled, which the model does not: so they are ranked after balancing
the scales (isoloss model balance), and the table has the weights as they are beside it. Batch normalizations stop
scalings: fold them first. Pruning changes what the model computes: the table says how much on the held-out inputs. Train
the new model further.

With --units the file gets smaller: units that can be permuted are a group, through residual sums and depthwise
convolutions, and those with the least sum of squared weights go. The new file must compute what the old one does
with zeros in their place; groups that do not pass stay, with the reason.

${dataHelp}

The document of --json: file, out, bytes {before, after}, by, fraction, balanced, measured, table [{ranked, zeros, numbers,
bytes, sqnr, broken, agreement, largest}], groups [{parameters, size, removed, reason}].

Examples:
  isoloss model prune model.onnx --fraction 0.8 --by lamp --out sparse.onnx
  isoloss model prune model.onnx --fraction 0.25 --units --held-out photos --out smaller.onnx`,
    )
    .action(async (file: string, options) => (await import("./model-prune.js")).prune(file, options));
}
