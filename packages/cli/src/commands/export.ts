import { dirname, join, relative, resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
import { encodeSafetensors } from "isoloss/data";
import { saveRun, writeFileAtomic } from "isoloss/node";
import { oneOf } from "../config/nearest.js";
import { loadStored, type StoredResult, storedWeights } from "../experiments/jobs/stored.js";
import { placeOf, recordedOf, sendToMlflow } from "../experiments/jobs/tracking.js";
import { kinds } from "../experiments/kinds/kinds.js";
import { fail } from "../fail.js";
import { toCsv } from "../formats/csv.js";
import { requireNew } from "../output.js";
import { readRunCheckpoint } from "../run/read.js";
import { sweepPaths } from "../sweep/directory.js";
import { sendSweepToMlflow, sweepCsv } from "../sweep/export-sweep.js";
import { hasJournal } from "../sweep/journal.js";

export interface ExportOptions {
  readonly to: string;
  readonly out?: string;
  /** Of MLflow. */
  readonly url?: string;
  /** Examples of the ONNX model's input; default: any number. */
  readonly batch?: number | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

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
export async function exportRun(
  path: string,
  { to, out, url, batch, force, json }: ExportOptions,
): Promise<void> {
  const names = [...Object.keys(formats), "tensorboard", "mlflow"];
  if (!names.includes(to)) throw new OptionError(`--to must be ${oneOf(to, names)}`);
  if (to !== "mlflow" && url !== undefined) throw new OptionError("--url is for --to mlflow.");
  if (to !== "onnx" && batch !== undefined) throw new OptionError("--batch is for --to onnx.");
  if (to === "mlflow" && out !== undefined) {
    throw new OptionError("--to mlflow has no --out: give --url, an address or a folder such as ./mlruns.");
  }
  // Trackers add a run to a folder.
  if (out !== undefined && to !== "tensorboard") requireNew(out, { force });
  if (hasJournal(sweepPaths(path).journal)) return exportSweep(path, { to, out, url, json });
  const run = await loadStored(path);
  if (to === "mlflow") {
    const tracked = await sendToMlflow(run, url);
    process.stdout.write(json ? `${JSON.stringify(tracked)}\n` : `${placeOf(tracked)}\n`);
    return;
  }
  if (to === "tensorboard") {
    const recorded = recordedOf(run);
    const saved =
      out === undefined
        ? saveRun(dirname(run.stored.path), { ...recorded, experiment: "" }, { to })
        : saveRun(out, recorded, { to });
    report(await saved, json);
    return;
  }
  const { name, content } = await formats[to](run, batch);
  await write(out === undefined ? join(run.stored.path, name) : resolve(out), content, json);
}

async function write(file: string, content: Uint8Array | string, json: boolean): Promise<void> {
  await writeFileAtomic(file, content);
  report(file, json);
}

function report(file: string, json: boolean): void {
  process.stdout.write(json ? `${JSON.stringify({ file })}\n` : `${relative(process.cwd(), file)}\n`);
}

/** The trials of a sweep as a table, or its runs on a tracking server. */
async function exportSweep(
  path: string,
  { to, out, url, json }: Pick<ExportOptions, "to" | "out" | "url" | "json">,
): Promise<void> {
  if (to === "mlflow") {
    const { runs, unread } = await sendSweepToMlflow(path, url);
    const lines = runs.map((tracked) => `${placeOf(tracked)}\n`).join("");
    process.stdout.write(json ? `${JSON.stringify({ runs })}\n` : lines);
    unread.forEach(fail);
    return;
  }
  if (to !== "csv") {
    throw new OptionError(
      `${path} is a sweep, which goes --to csv or mlflow. Its runs are in ${join(path, "runs")}.`,
    );
  }
  await write(resolve(out ?? sweepPaths(path).trials), await sweepCsv(path), json);
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
