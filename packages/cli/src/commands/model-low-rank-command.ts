import type { Command } from "commander";
import { quietOption } from "../model/command-progress.js";
import { dataHelp, withDataOptions } from "../model/data-options.js";
import { sizeOption } from "../model/size-option.js";
import { positiveInteger, positiveShare } from "../parse.js";

/** Adds the command `model low-rank`. */
export function addLowRankCommand(model: Command): void {
  const command = model
    .command("low-rank <file>")
    .description("smaller weights around the spaces that linear maps alone touch, such as attention heads")
    .requiredOption("-o, --out <file>", "the new file; never the one that is read")
    .option("--rank <n>", "largest rank of each space; default what is used", positiveInteger)
    .option(
      "--energy <share>",
      "share of the squared singular values that stays in each space, such as 0.99; default all",
      positiveShare,
    )
    .option("--held-out <path>", "inputs to measure on; default random numbers");
  withDataOptions(command)
    .addOption(sizeOption())
    .option("--report <page>", "one HTML page about the choices, the spaces and their weights")
    .addOption(quietOption())
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
Where no activation stands between two layers, a model sees only the product of their weights: between the two factors of
a layer, at a bottleneck, in the queries and keys of an attention head and in its values and outputs. Rank that this
product does not have goes first: the weights get smaller, and the model computes the same to rounding. With --rank or
--energy the product is replaced by the best one of less rank (a truncated singular value decomposition), which changes
what the model computes: the table says how much on the held-out inputs, and the list how far each product is from the old
one. With both, the smaller rank counts; all heads of a layer get the rank of the one that needs most. Train the new model
further. Batch normalizations stand between layers: fold them first.

A space stays, with the reason, where the file states its size elsewhere, such as in a Reshape into heads, or in the Split
of one product into queries, keys and values.

${dataHelp}

The document of --json: file, out, bytes {before, after}, rank and energy (null: not given), measured, table [{spaces, numbers,
bytes, sqnr, sqnrInterval, broken, agreement, agreementInterval, largest}], groups [{parameters, size,
copies, rank, error, reason}].

Examples:
  isoloss model low-rank model.onnx --out smaller.onnx
  isoloss model low-rank model.onnx --energy 0.99 --held-out photos --out smaller.onnx`,
    )
    .action(async (file: string, options) => (await import("./model-low-rank.js")).lowRank(file, options));
}
