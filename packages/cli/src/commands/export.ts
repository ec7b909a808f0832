import { dirname, join, relative, resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
import { encodeSafetensors } from "isoloss/data";
import { saveRun, writeFileAtomic } from "isoloss/node";
import { oneOf } from "../config/nearest.js";
import { loadStored, type StoredResult, storedWeights } from "../experiments/jobs/stored.js";
import { placeOf, recordedOf, sendToMlflow, type TrackedRun } from "../experiments/jobs/tracking.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { fail } from "../fail.js";
import { toCsv } from "../formats/csv.js";
import { flag, json, required, type Values, value } from "../option-rows.js";
import { requireNew } from "../output.js";
import { positiveInteger } from "../parse.js";
import { readRunCheckpoint } from "../run/read.js";
import { readSweepDirectory, sweepPaths } from "../sweep/directory.js";
import { sweepDocument, trialRows } from "../sweep/document.js";
import { hasJournal } from "../sweep/journal.js";
import type { Result } from "./command.js";

const options = {
  to: required(value("<format>", "onnx, safetensors, csv, tensorboard or mlflow")),
  out: value("<path>", "default: a file in the run's directory; for tensorboard a folder of runs"),
  url: value("<url>", "of the MLflow server, or the folder of a file store; default $MLFLOW_TRACKING_URI"),
  batch: value("<n>", "examples of the ONNX model's input; default: any number", positiveInteger),
  force: flag("replace an existing file that --out names"),
  json: json("the path as a JSON document on stdout"),
};

type Settings = Values<typeof options>;

const help = `  onnx         the trained model of a network: input x, output logits of classes or prediction of numbers, of several tasks on
               a table one for each, under its name; any ONNX program reads it
  safetensors  the parameters by their paths
  csv          the records of every step
  tensorboard  an event file: tensorboard --logdir RUN
  mlflow       settings, records, teleports and results, to a tracking server over its REST interface, as a new run of the
               experiment's name, or to a folder such as ./mlruns: mlflow ui --backend-store-uri ./mlruns shows it.
               MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, are a server's
               credentials. isoloss run --mlflow URL sends every run when it ends

Of a sweep's directory, csv is the table of its trials, and mlflow sends each of their runs, with tags for sweep and trial.

The document of --json: file; for mlflow url, experimentId, runId; of a sweep runs [{url, experimentId, runId}].

Examples:
  isoloss export runs/classify-digits-sgd-0-1 --to onnx --out model.onnx
  isoloss export runs/rosenbrock-exact-0-1 --to csv
  isoloss export runs/rosenbrock-exact-0-1 --to mlflow --url http://localhost:5000`;

interface Exported {
  readonly name: string;
  readonly content: Uint8Array | string;
}

/** Writers of a run by format. */
const formats: Readonly<Record<string, (run: StoredResult, batch: number | undefined) => Promise<Exported>>> =
  {
    csv: async ({ stored }) => ({ name: "metrics.csv", content: toCsv(stored.metrics) }),
    safetensors: async (run) => ({
      name: "params.safetensors",
      content: encodeSafetensors((await storedWeights(run)).tensors, { format: "pt" }),
    }),
    onnx: onnxOf,
  };

/** `isoloss export`: a run for other programs. */
async function run(path: string, { to, out, url, batch, force }: Settings): Promise<Result> {
  const names = [...Object.keys(formats), "tensorboard", "mlflow"];
  if (!names.includes(to)) throw new OptionError(`--to must be ${oneOf(to, names)}`);
  if (to !== "mlflow" && url !== undefined) throw new OptionError("--url is for --to mlflow.");
  if (to !== "onnx" && batch !== undefined) throw new OptionError("--batch is for --to onnx.");
  if (to === "mlflow" && out !== undefined) {
    throw new OptionError("--to mlflow has no --out: give --url, an address or a folder such as ./mlruns.");
  }
  // Trackers add a run to a folder.
  if (out !== undefined && to !== "tensorboard") requireNew(out, { force });
  if (hasJournal(sweepPaths(path).journal)) return exportSweep(path, { to, out, url });
  const run = await loadStored(path);
  if (to === "mlflow") {
    const tracked = await sendToMlflow(run, url);
    return { document: tracked, text: [placeOf(tracked)] };
  }
  if (to === "tensorboard") {
    const recorded = recordedOf(run);
    const saved =
      out === undefined
        ? saveRun(dirname(run.stored.path), { ...recorded, experiment: "" }, { to })
        : saveRun(out, recorded, { to });
    return fileResult(await saved);
  }
  const { name, content } = await formats[to](run, batch);
  return write(out === undefined ? join(run.stored.path, name) : resolve(out), content);
}

export const exportCommand = { options, help, run };

async function write(file: string, content: Uint8Array | string): Promise<Result> {
  await writeFileAtomic(file, content);
  return fileResult(file);
}

const fileResult = (file: string): Result => ({
  document: { file },
  text: [relative(process.cwd(), file)],
});

/** The trials of a sweep as a table, or its runs on a tracking server. */
async function exportSweep(
  path: string,
  { to, out, url }: Pick<Settings, "to" | "out" | "url">,
): Promise<Result> {
  if (to === "mlflow") {
    const { runs, unread } = await sendSweepToMlflow(path, url);
    unread.forEach(fail);
    return { document: { runs }, text: runs.length === 0 ? [] : [runs.map(placeOf).join("\n")] };
  }
  if (to !== "csv") {
    throw new OptionError(
      `${path} is a sweep, which goes --to csv or mlflow. Its runs are in ${join(path, "runs")}.`,
    );
  }
  return write(resolve(out ?? sweepPaths(path).trials), await sweepCsv(path));
}

async function onnxOf(
  { stored, config, settings, seed }: StoredResult,
  batch: number | undefined,
): Promise<Exported> {
  const onnx = kinds[config.kind].export?.onnx;
  if (onnx === undefined) {
    throw new DataError(
      `${stored.path} has no model to export: it is a run of kind ${config.kind}. Use --to safetensors.`,
    );
  }
  const { bytes: checkpoint } = await readRunCheckpoint(stored.path);
  return {
    name: "model.onnx",
    content: await onnx({ name: config.name, settings, seed, checkpoint, data: stored.data }, batch),
  };
}

/** The trials of a sweep as a table. */
async function sweepCsv(path: string): Promise<string> {
  return toCsv(trialRows(sweepDocument(await readSweepDirectory(path))));
}

/** The runs of a sweep on a tracking server. */
interface SentSweep {
  readonly runs: readonly TrackedRun[];
  /** Why others are not there, such as one that diverged before its first record. */
  readonly unread: readonly DataError[];
}

/**
 * Sends the runs of a sweep to MLflow, each once, with the tags `isoloss.sweep`, `isoloss.trial` (a number, or `baseline`)
 * and `isoloss.phase` (`search`, or `confirmation` on fresh seeds). What cannot be read does not stop the others.
 *
 * @throws OptionError where no run is on this computer; see {@link sendToMlflow}
 */
async function sendSweepToMlflow(path: string, url: string | undefined): Promise<SentSweep> {
  const { id, engine } = await readSweepDirectory(path);
  const runs: TrackedRun[] = [];
  const unread: DataError[] = [];
  for (const { record, place, isConfirming } of engine.state.runs.values()) {
    if (!record?.directory) continue;
    const tags = {
      "isoloss.sweep": id,
      "isoloss.trial": place.slice(0, place.lastIndexOf("-")),
      "isoloss.phase": isConfirming ? "confirmation" : "search",
    };
    const stored = await loadStored(record.directory).catch((error) => {
      if (!(error instanceof DataError)) throw error;
      unread.push(error);
    });
    if (stored) runs.push(await sendToMlflow(stored, url, tags));
  }
  if (runs.length + unread.length === 0)
    throw new OptionError(`${path} has no run on this computer to send.`);
  return { runs, unread };
}
