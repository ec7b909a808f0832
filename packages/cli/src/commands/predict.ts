import { extname, relative, resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { writeFileAtomic } from "isoloss/node";
import { oneOf } from "../config/nearest.js";
import { loadStored } from "../experiments/jobs/stored.js";
import type { Predictions } from "../experiments/kind.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { toCsv } from "../formats/csv.js";
import { requireNew } from "../output.js";
import { readRunCheckpoint } from "../run/read.js";

export interface PredictOptions {
  readonly data: string;
  readonly out: string;
  readonly force: boolean;
  readonly json: boolean;
}

/** What is written, by the end of the file's name. */
const formats: Readonly<Record<string, (predictions: Predictions) => Uint8Array | string>> = {
  ".csv": ({ records }) => toCsv(records()),
  ".json": ({ records }) => `${JSON.stringify(records())}\n`,
  ".npy": ({ outputs }) => encodeNpy(outputs),
};

/** `isoloss predict`: outputs of a run's model for new examples. */
export async function predict(path: string, { data, out, force, json }: PredictOptions): Promise<void> {
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
  const predictions = await trained.predict(run, data);
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
  if (json) {
    process.stdout.write(`${JSON.stringify({ file, examples, step, bestEpoch, unknown })}\n`);
    return;
  }
  const place = bestEpoch === null ? `of step ${step}` : `of epoch ${bestEpoch}, the best one`;
  process.stdout.write(
    `${relative(process.cwd(), file)}: ${examples} prediction${examples === 1 ? "" : "s"} of the model ${place}\n`,
  );
}
