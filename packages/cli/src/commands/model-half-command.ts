import { type Command, Option } from "commander";
import { quietOption } from "../model/command-progress.js";
import { dataHelp, withDataOptions } from "../model/data-options.js";
import { sizeOption } from "../model/size-option.js";

/** Adds the command `model half`. */
export function addHalfCommand(model: Command): void {
  const command = model
    .command("half <file>")
    .description("float16 in the place of float32, with numbers moved into its range")
    .requiredOption("-o, --out <file>", "the new file; never the one that is read")
    .option(
      "--calibration <path>",
      "examples, so that the ranges of activations count; default weights alone",
    )
    .option("--held-out <path>", "inputs to measure on; default the calibration, else random numbers")
    .option("--no-move", "convert the numbers as they are")
    .addOption(
      new Option("--io <type>", "of inputs and outputs; float32 has a Cast at each")
        .choices(["float32", "float16"])
        .default("float32"),
    )
    .option("--force", "write a file whose outputs are not finite, too", false);
  withDataOptions(command)
    .addOption(sizeOption())
    .option("--report <page>", "one HTML page about the choices, the units and their weights")
    .addOption(quietOption())
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
Numbers above 65504 overflow in float16, those below 6.1e-5 lose bits. Units are scaled by powers of two, which keeps what
the model computes in every bit where nothing over- or underflows in float32, to where the fewest bits are lost. Batch
normalizations stop scalings: fold them first. The table counts the numbers out of range, stored (weights and other constants)
and computed (activations), and measures the error with every result rounded to float16, and as ONNX Runtime runs the file,
which may keep results in float32. A file with outputs that are not finite in one of the two is not written, unless --force
is given, and the exit code is 1.

${dataHelp}

The document of --json: file, out (null: it was not written), bytes {before, after}, io, moved (units), measured, table
[{numbers, weights, activations, rounded, sqnr, sqnrInterval, broken, agreement, agreementInterval, largest}].

Examples:
  isoloss model half model.onnx --out half.onnx
  isoloss model half model.onnx --calibration photos --out half.onnx --json`,
    )
    .action(async (file: string, options) => (await import("./model-half.js")).half(file, options));
}
