import { join, relative, resolve } from "node:path";
import {
  DataError,
  decodeCheckpoint,
  encodeSafetensors,
  namedArrays,
  OptionError,
  resume,
  spec,
  toOnnx,
  trace,
} from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import { oneOf } from "../config/nearest.js";
import { loadStored, type StoredResult, storedWeights } from "../experiments/stored.js";
import { pageOf, sendToMlflow, trackedRecords } from "../experiments/tracking.js";
import { trainerOf } from "../experiments/train.js";
import { toCsv } from "../formats/csv.js";
import { encodeEvents, eventFileName, eventsOf } from "../formats/tensorboard.js";
import { readRunCheckpoint } from "../run/read.js";

export interface ExportOptions {
  readonly to: string;
  readonly out?: string;
  /** Of MLflow. */
  readonly url?: string;
  /** Examples of the ONNX model's input. */
  readonly batch: number;
  readonly json: boolean;
}

interface Exported {
  readonly name: string;
  readonly content: Uint8Array | string;
}

/** How a run is written in each format. */
const formats: Readonly<Record<string, (run: StoredResult, batch: number) => Promise<Exported>>> = {
  csv: async ({ stored }) => ({ name: "metrics.csv", content: toCsv(stored.metrics) }),
  tensorboard: async (run) => {
    const startedAt = new Date(run.stored.environment.startedAt);
    const events = eventsOf(trackedRecords(run), startedAt);
    return { name: eventFileName(startedAt), content: encodeEvents(events) };
  },
  safetensors: async (run) => ({
    name: "params.safetensors",
    content: encodeSafetensors((await storedWeights(run)).tensors, { format: "pt" }),
  }),
  onnx: onnxOf,
};

/** `isoloss export`: a run for other programs. */
export async function exportRun(path: string, { to, out, url, batch, json }: ExportOptions): Promise<void> {
  const names = [...Object.keys(formats), "mlflow"];
  if (!names.includes(to)) throw new OptionError(`--to must be ${oneOf(to, names)}`);
  if (to !== "mlflow" && url !== undefined) throw new OptionError("--url is for --to mlflow.");
  if (to === "mlflow" && out !== undefined) {
    throw new OptionError("--to mlflow writes no file: leave --out out, and give --url.");
  }
  const run = await loadStored(path);
  if (to === "mlflow") {
    const tracked = await sendToMlflow(run, url);
    process.stdout.write(json ? `${JSON.stringify(tracked)}\n` : `${pageOf(tracked)}\n`);
    return;
  }
  const { name, content } = await formats[to](run, batch);
  const file = out === undefined ? join(run.stored.path, name) : resolve(out);
  await writeFileAtomic(file, content);
  process.stdout.write(json ? `${JSON.stringify({ file })}\n` : `${relative(process.cwd(), file)}\n`);
}

/** The trained model, in evaluation mode. */
async function onnxOf({ stored, config, settings, seed }: StoredResult, batch: number): Promise<Exported> {
  if (config.kind !== "train") {
    throw new DataError(
      `${stored.path} has no model to export: it is a run of kind ${config.kind}. Use --to safetensors.`,
    );
  }
  const { bytes } = await readRunCheckpoint(stored.path);
  const { trainer, data, model } = await trainerOf({ ...settings, teleport: null }, seed);
  try {
    const checkpoint = decodeCheckpoint(bytes);
    resume(trainer, checkpoint, { allowChanges: ["teleport"] });
    const { params, state } = trainer.current;
    const shape = [batch, ...data.train.inputs.shape.slice(1)];
    const { graph } = trace(
      ({ params: p, state: s, x }) => ({ logits: model.apply(p, x, { state: s }).output }),
      { params, state, x: spec(shape, "float32") },
    );
    const constants = namedArrays({ params, state });
    const used = new Set(graph.inputs.map(({ name }) => name));
    const content = toOnnx(graph, {
      constants: Object.fromEntries(Object.entries(constants).filter(([name]) => used.has(name))),
      metadata: { run: config.name, step: String(checkpoint.rest.step) },
    });
    return { name: "model.onnx", content };
  } finally {
    await trainer.dispose();
  }
}
