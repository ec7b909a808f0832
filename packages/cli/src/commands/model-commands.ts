import { type Command, Option } from "commander";
import { dataHelp, withDataOptions } from "../model/data-options.js";
import { sizeOption } from "../model/size-option.js";
import { collect, nonNegativeNumber, positiveInteger, seedNumber } from "../parse.js";
import { addFinetuneCommand } from "./model-finetune-command.js";
import { addHalfCommand } from "./model-half-command.js";
import { addLowRankCommand } from "./model-low-rank-command.js";
import { withOutput } from "./model-output.js";
import { addPruneCommand } from "./model-prune-command.js";
import { addQuantizeCommand } from "./model-quantize-command.js";
import { addRotateCommand } from "./model-rotate-command.js";

/** Adds the command `model`: ONNX files of any origin. */
export function addModelCommands(program: Command): void {
  const model = program
    .command("model")
    .description("ONNX files: what they hold, and which changes of their weights keep what they compute")
    .addHelpText(
      "after",
      `
Every command takes an .onnx file as PyTorch, Paddle or any other exporter writes it; isoloss model COMMAND --help has
the options, an example and the document of --json.

Example:
  isoloss model inspect model.onnx`,
    );

  model
    .command("inspect <file>")
    .description("inputs, outputs, parameters and operators, and which operators stop symmetries")
    .addOption(sizeOption())
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
An operator that is not read must be left out of the model before isoloss can work with it. "keeps" says which changes of
hidden units pass an operator: positive factors (scaling), signs, linear maps, another order (permutation). Each operator
is judged by itself; isoloss model symmetries judges the whole model.

The document of --json: file, bytes, producer, irVersion, opsets, inputs and outputs [{name, dtype, shape}], parameters
{tensors, numbers}, stored {tensors, numbers, bytes}, largest [{name, dtype, shape, bytes}], operators [{name, count,
supported, keeps}], sizes, problem (why it could not be traced, or null).

Examples:
  isoloss model inspect model.onnx
  isoloss model inspect model.onnx --size height=224 --size width=224`,
    )
    .action(async (file: string, options) => (await import("./model-inspect.js")).inspect(file, options));

  model
    .command("summary <file>")
    .description("layers, shapes, parameters, operations, and the memory of a training step")
    .addOption(sizeOption())
    .option("--json", "one JSON document on stdout instead of the table", false)
    .addHelpText(
      "after",
      `
A line is what is computed with the weights of one path, and what follows it without weights. Multiply-adds are those of
matrix products and convolutions; FLOPs are two a multiply-add, and those of all other operations. The memory of a step is
that of weights, results and gradients if each result is freed after its last use; an optimizer's state comes on top.

The document of --json: file, sizes, layers [{name, operations, output, parameters, multiplyAdds, flops}], outputs {name:
shape}, parameters, state, multiplyAdds, flops, memory {parameters, results} in bytes.

Examples:
  isoloss model summary model.onnx
  isoloss model summary model.onnx --size batch=32 --json`,
    )
    .action(async (file: string, options) => (await import("./model-summary.js")).summary(file, options));

  model
    .command("symmetries <file>")
    .description("which changes of the weights keep what the model computes, on all inputs")
    .option(
      "--output <name>",
      "a result that must be kept; may be given several times (default all)",
      collect,
      [],
    )
    .addOption(sizeOption())
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
Each line is a group: which units, and what happens to which axes of which weights. Every symmetry that is printed is
valid; others may exist. Kinds overlap: linear maps include scalings, signs and permutations, which are listed, too.
The bounds of Clip, such as that of ReLU6, count as weights, one for each channel. Operators at which scalings end are named, such
as a batch normalization with running statistics.

The document of --json: file, outputs, sizes, parameters {tensors, numbers}, symmetries [{kind, size, copies,
degreesOfFreedom (null: discrete), exact, activation, axes [{parameter, shape, part, view, axis, attributes}]}],
discreteOnly, unreached (names of parameters), stops [{operator, nodes}].

Examples:
  isoloss model symmetries model.onnx
  isoloss model symmetries model.onnx --output logits --size batch=2 --json`,
    )
    .action(async (file: string, options) =>
      (await import("./model-symmetries.js")).symmetries(file, options),
    );

  withDataOptions(
    model
      .command("verify <first> <second>")
      .description("whether two files compute the same: on random inputs, or on data")
      .option(
        "--data <path>",
        "inputs: a .npy or .npz file, an image or a folder of images; default random numbers",
      )
      .option(
        "--tolerance <number>",
        "largest difference, relative to an output's largest value; default 0.0001, of weights in float16 0.0049",
        nonNegativeNumber,
      )
      .option("--examples <n>", "random examples", positiveInteger, 4)
      .option("--seed <n>", "of the random inputs", seedNumber, 0)
      .addOption(sizeOption()),
  )
    .option("--json", "one JSON document on stdout instead of the table", false)
    .addHelpText(
      "after",
      `
${dataHelp}

The exit code is 1 where an output differs by more. Inputs for which there are no data are random: normal numbers; for
integers rows of the table that they number, such as tokens, or 0 and 1 where none is found. Rounding to float32 explains differences of 1e-6 in small models and of 1e-4 in deep ones.

The document of --json: first, second, same, tolerance, outputs [{name, shape, absolute, relative}].

Examples:
  isoloss model verify before.onnx after.onnx
  isoloss model verify before.onnx after.onnx --data photos --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225`,
    )
    .action(async (first: string, second: string, options) =>
      (await import("./model-verify.js")).verify(first, second, options),
    );

  withOutput(
    model
      .command("fold <file>")
      .description("move batch normalizations into the layers before them, which then have all scalings")
      .option("--drop-metadata", "leave out what the exporter noted in nodes, values and tensors", false)
      .addOption(sizeOption()),
  )
    .addHelpText(
      "after",
      `
W <- f W and b <- beta + (b - mean) f with f = gamma / sqrt(var + eps): the model computes the same. A batch normalization is
left where its input has other readers, or is no result of a layer with weights of its own: the report says why. Before
the file is written, the new model is compared with the old one on random inputs. Data that the model keeps in other
files are put into the new one. With --drop-metadata the texts and properties go that an exporter leaves in nodes, such as the
lines of Python that they come from; those of the model itself stay.

The document of --json: file, out, bytes, changed, left, largest (difference), report [{node, opType, changed, note}].

Example:
  isoloss model fold model.onnx --out folded.onnx`,
    )
    .action(async (file: string, options) => (await import("./model-fold.js")).fold(file, options));

  model
    .command("imbalance <file>")
    .description(
      "how unevenly the weights are scaled, and whether that matters for training, int8 and float16",
    )
    .addOption(sizeOption())
    .option("--json", "one JSON document on stdout instead of text", false)
    .addHelpText(
      "after",
      `
Each line is a group of units whose weights can be scaled without changing what the model computes: "factor" is by how much
the weights on one side would shrink and those on the other grow where their norms are balanced, "sigma" the standard
deviation of its logarithm over the units. isoloss model balance does it.

The bounds of Clip count as weights, one for each channel: what passes them is scaled with them. Operators at which scalings end
are named.

The document of --json: file, sizes, stops [{operator, nodes}], groups [{size, factor, sigma, parameters}], factor and sigma
(the largest), lostBits {now, balanced}, float16 {now, balanced {numbers, overflows, subnormals}}, settled,
advice.

Example:
  isoloss model imbalance model.onnx`,
    )
    .action(async (file: string, options) => (await import("./model-imbalance.js")).imbalance(file, options));

  withOutput(
    withDataOptions(
      model
        .command("balance <file>")
        .description(
          "scale units so that the weights on both sides are equally large: the model computes the same",
        )
        .addOption(
          new Option(
            "--by <measure>",
            "norm: the least sum of squares; range: equal largest weights, for int8",
          )
            .choices(["norm", "range"])
            .default("norm"),
        )
        .option(
          "--powers-of-two",
          "round factors to powers of 2: the results stay the same, bit for bit",
          false,
        )
        .option("--held-out <path>", "inputs to compare the models on; default random numbers")
        .option("--report <page>", "one HTML page about the groups of units and their weights"),
    ).addOption(sizeOption()),
  )
    .addHelpText(
      "after",
      `
It pays before what is not invariant under scalings: training from a start that is badly scaled, int8 with one scale for a
tensor, pruning by magnitude. By norm, linear maps such as those of attention heads are balanced, too. With --powers-of-two,
scalings alone, and results are the same in every bit where nothing over- or underflows. The bounds of Clip move with the
weights: where they do, a Relu and a Min with a bound for each channel take the place of the Clip. Operators at which scalings
end are named. Before the file is written, the new model is compared with the old one.

${dataHelp}

The document of --json: file, out, bytes, largest (difference), by, powersOfTwo, changed (tensors), lifted (whether bounds
moved), stops [{operator, nodes}], before and after (as of isoloss model imbalance), ranges [{parameter, before, after}].

Example:
  isoloss model balance model.onnx --by range --out balanced.onnx`,
    )
    .action(async (file: string, options) => (await import("./model-balance.js")).balance(file, options));

  withOutput(
    withDataOptions(
      model
        .command("restore <file>")
        .description(
          "put batch normalizations back into a model that was exported without, for training it further",
        )
        .requiredOption(
          "--calibration <path>",
          "examples: a .npy or .npz file, or a folder of images or of such folders",
        )
        .option("--epsilon <number>", "of the batch normalizations", nonNegativeNumber, 1e-5),
    ).addOption(sizeOption()),
  )
    .addHelpText(
      "after",
      `
Each layer that an activation follows gets a batch normalization whose statistics are those of the examples, so that the
model computes the same; the report says which, and why not the others. Some hundred examples are good: --limit 500.
Before the file is written, the new model is compared with the old one on random inputs.

${dataHelp}

The document of --json: file, out, bytes, changed, left, largest (difference), report [{node, opType, changed, note}].

Example:
  isoloss model restore model.onnx --calibration photos --out restored.onnx --limit 500`,
    )
    .action(async (file: string, options) => (await import("./model-restore.js")).restore(file, options));

  addRotateCommand(model);
  addQuantizeCommand(model);
  addPruneCommand(model);
  addHalfCommand(model);
  addLowRankCommand(model);
  addFinetuneCommand(model);
}
