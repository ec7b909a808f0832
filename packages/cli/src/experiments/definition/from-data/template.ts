import { basename, dirname, relative, resolve } from "node:path";
import { Document, isMap } from "yaml";
import type { Guess } from "./arrays.js";

/** Steps that a run is to have at least, within bounds of its epochs. */
const steps = 600;

/**
 * A commented experiment on data.
 *
 * @param file where it is to be: paths in it are relative to that
 */
export function experimentOn(
  guess: Guess,
  { name, file }: { readonly name: string; readonly file: string },
): string {
  const { examples, format, classes, inputs, outputs, isImages = false, found } = guess;
  const validation = examples >= 10 ? 0.2 : 0;
  const test = examples >= 50 ? 0.2 : 0;
  const training = examples - Math.round((validation + test) * examples);
  const batchSize = Math.max(1, Math.min(32, Math.floor(training / 4)));
  const epochs = Math.max(5, Math.min(60, Math.ceil(steps / Math.floor(training / batchSize))));
  const model = isImages
    ? { name: "convnet", stages: [[8], [16]], classes: outputs }
    : { name: "mlp", sizes: [inputs, 32, outputs], activation: "leakyRelu" };
  const symmetry = isImages ? "scaling" : "positiveScaling";
  const { label, labels } = guess.options;
  const target = format === "images" ? "the class" : basename(String(label ?? labels ?? "labels"));
  // Both need validation data.
  const chosen = validation > 0 ? "" : "# ";
  const figures = ["loss", ...(validation > 0 ? ["validation", ...(classes ? ["accuracy"] : [])] : [])];
  return `# An experiment of isoloss on ${basename(guess.path)}, guessed from the data: run it with  isoloss run NAME_OF_THIS_FILE
# All names that may stand here:  isoloss list; the options of data:  isoloss list ${format}
${found.map((line) => `# - ${line}`).join("\n")}

name: ${flow(name)}
title: ${flow(`${basename(guess.path)}: predict ${target}`)}
kind: train # ${classes ? "a classifier: the loss is the cross-entropy" : "numbers: the loss is the mean squared error, where 1 is that of the mean, and rmse is in the target's unit"}

# Paths are relative to this file. A run records the SHA-256 of the data, and is resumed with no others.
data: ${flow({ ...dataOf(guess, file), validation, test })}
# validation: the fraction that is held out${validation === 0 ? "; none, as there are so few examples" : ", at random by splitSeed, the same for all runs"}
# test: the fraction that no choice sees, and that judges what is chosen${test === 0 ? "; none, as there are so few examples" : ""}
${isImages ? "# standardize: true # each channel to mean 0 and standard deviation 1 over the training images" : `# standardize: false # default true: columns of numbers${classes ? "" : ", and the target,"} to mean 0 and standard deviation 1 over the training examples`}
model: ${flow(model)} # ${isImages ? "" : "inputs, hidden units, outputs; "}isoloss list models
# model: { module: "mine.mjs#model" } # one of yours: an export { init, apply }
optimizer: adam # or with options: { name: sgd, momentum: 0.9 }; isoloss list optimizers
learningRate: ${isImages ? "3.0e-3" : "1.0e-2"} # or a schedule: { name: cosine, rate: 1.0e-2 }; isoloss list rates
batchSize: ${batchSize}
epochs: ${epochs} # or steps: 1000
${chosen}earlyStopping: { patience: 10 } # ends a run after so many epochs without a better validation loss
${chosen}best: restore # a run ends with its best epoch by the validation data; ${test > 0 ? "the test data judge it" : "data.test: 0.2 then judges it"}
seeds: 0..2 # or a list: [0, 1, 2]

# Variants are compared. Each replaces the settings above that it names; remove "# " to try another, such as a teleport.
variants:
  plain: {}
  # momentum:
  #   optimizer: { name: sgd, momentum: 0.9 }
  # scaling:
  #   teleport:
  #     when: { inEpochs: [2], batches: 4 } # isoloss list when
  #     search: { name: gradientAscent, symmetry: ${symmetry}, steps: 10 } # isoloss list searches, symmetries
  #     guard: { race: true } # keeps a teleport only where ten steps from there lead further

figures: [${figures.join(", ")}]

# What a comparison needs: the same rates for all, seeds that choose apart from seeds that judge.
# With it,  isoloss reproduce NAME_OF_THIS_FILE  says whether a variant helps at its own tuned rate.
# rates: { grid: [3.0e-3, 1.0e-2, 3.0e-2], tune: 100..102, confirm: 1000..1007 }
# roles: { plain: { momentum: control } } # a method has to beat each control; roles are control, alternative and ceiling
`;
}

function dataOf(
  { path, format, options, files = [] }: Guess,
  file: string,
): Readonly<Record<string, unknown>> {
  const from = (to: string) => relative(dirname(resolve(file)), resolve(to)).replaceAll("\\", "/");
  return {
    [format]: from(path),
    ...options,
    ...Object.fromEntries(files.map((key) => [key, from(options[key] as string)])),
  };
}

/** A value in one line of YAML. */
function flow(value: unknown): string {
  const document = new Document(value, { flow: true });
  if (isMap(document.contents)) document.contents.flow = true;
  return document.toString({ lineWidth: 0, flowCollectionPadding: true }).trim();
}
