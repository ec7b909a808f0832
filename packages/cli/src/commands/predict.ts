import { extname, relative, resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { writeFileAtomic } from "isoloss/node";
import { oneOf } from "../config/nearest.js";
import { loadStored } from "../experiments/jobs/stored.js";
import type { Predictions } from "../experiments/kind.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { countText } from "../experiments/results/format-number.js";
import { toCsv } from "../formats/csv.js";
import { flag, json, required, type Values, value } from "../option-rows.js";
import { requireNew } from "../output.js";
import { readRunCheckpoint } from "../run/read.js";
import type { Result } from "./command.js";

const options = {
  data: required(
    value("<file>", "new examples: a table, .csv or .parquet, .npy, .npz, an image, or a folder of images"),
  ),
  out: required(value("<file>", "predictions: .csv, .json or .npy")),
  allowUnknown: flag("values of text that the training did not have count as missing"),
  force: flag("replace an existing file"),
  json: json("what was written, as a JSON document on stdout"),
};

type Settings = Values<typeof options>;

const help = `The examples are like those of the run's data, without labels. A table needs the columns of the inputs, in any order, and may
have others. Of arrays an example has as many numbers as one of the run, and an .npz file has the inputs under the name of the run's
data. A value of text that the training did not have is an error; with --allow-unknown none of its column's inputs is set, and a
warning counts them. Images lie in the folder or in folders below it. Numbers are scaled, and missing ones are filled in, as in the training: the
folder of the run has what that needs. Only runs of earlier versions read their data again.

The model is that of the run's last checkpoint; with best: restore a complete run has ended with its best epoch.

  .csv   a column for each output, under the name of the label: a class, and NAME.probability; a number in the unit of
         the label. Of images the first column has their files
  .json  a list of the same records
  .npy   the outputs as the model gives them, [n, outputs]: logits of classes, numbers in the units of the labels

The document of --json: file, examples, step, bestEpoch (null unless the run ended with its best epoch).

Examples:
  isoloss predict runs/rents-0-1 --data new-rooms.csv --out predicted.csv
  isoloss predict runs/rents-0-1 --data new-rooms.csv --out outputs.npy --json`;

/** What is written, by the end of the file's name. */
const formats: Readonly<Record<string, (predictions: Predictions) => Uint8Array | string>> = {
  ".csv": ({ records }) => toCsv(records()),
  ".json": ({ records }) => `${JSON.stringify(records())}\n`,
  ".npy": ({ outputs }) => encodeNpy(outputs),
};

/** `isoloss predict`: outputs of a run's model for new examples. */
async function run(path: string, { data, out, force, allowUnknown }: Settings): Promise<Result> {
  const format = extname(out).toLowerCase();
  if (!Object.hasOwn(formats, format)) {
    throw new OptionError(`--out must end in ${oneOf(format, Object.keys(formats))}`);
  }
  const file = resolve(out);
  if (file === resolve(data)) throw new OptionError("--out would overwrite the data: name another file.");
  requireNew(file, { force });
  const { config, settings, seed, document, stored } = await loadStored(path);
  const trained = kinds[config.kind].export;
  if (trained === undefined) {
    throw new DataError(`${path} has no model that predicts: it is a run of kind ${config.kind}.`);
  }
  const { bytes: checkpoint } = await readRunCheckpoint(path);
  const run = { name: config.name, settings, seed, checkpoint, data: stored.data };
  const predictions = await trained.predict(run, { path: data, allowUnknown });
  await writeFileAtomic(file, formats[format](predictions));
  const { step, outputs, unknown = [] } = predictions;
  const examples = outputs.shape[0];
  const bestEpoch = document.metrics["best.epoch"] ?? null;
  const warnings = unknown.map(
    ({ column, cells, value }) =>
      `${data}: ${cells} cell${cells === 1 ? " has a value" : "s have values"} of "${column}" that the training did not know, such as ${JSON.stringify(value)}: none of its inputs is set there.`,
  );
  if (document.status !== "completed") {
    const end = settings.best === "restore" ? ": best: restore was not applied" : "";
    warnings.push(
      `${path}: these are of step ${step} of a run that is not completed, but ${document.status}${end}.`,
    );
  }
  for (const warning of warnings) process.stderr.write(`isoloss: ${warning}\n`);
  const place = bestEpoch === null ? `of step ${step}` : `of epoch ${bestEpoch}, the best one`;
  return {
    document: { file, examples, step, bestEpoch, unknown },
    text: [`${relative(process.cwd(), file)}: ${countText(examples, "prediction")} of the model ${place}`],
  };
}

export const predict = { options, help, run };
