// Runs each command of `isoloss model` on each trained model of models/, one after another, which takes long:
// `nice node scripts/real-models.mjs [--only COMMAND ...] [--budget SECONDS] [--again] [--show] [MODEL ...]`.
// First: fetch-models.mjs, mobilenet-v2.mjs, real-photos.mjs, real-lines.mjs and real-speech.mjs.
// Each result is appended to models/results.jsonl as it comes. What is there is not run again, so that a run that was ended
// goes on where it was; --again runs the named models anew, --show only prints what is there. After --budget no command is
// begun.
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { summaryOf } from "./real-summaries.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const models = join(root, "models");
const results = join(models, "results.jsonl");
/** Seconds after which a command is ended. */
const LONGEST = 1800;

const paddle = (name) => `p2o.DynamicDimension.${name}`;
/** Files, examples of the kind that they take, and sizes of open axes for the commands that have no data. */
const all = {
  mobilenet: { file: "mobilenet-v2", data: "photos-*.npy", limit: 16 },
  classifier: {
    file: "ch_ppocr_mobile_v2.0_cls_infer",
    data: "lines-*.npy",
    limit: 200,
    sizes: { [paddle(1)]: 48, [paddle(2)]: 192 },
    labels: true,
  },
  recognizer: {
    file: "ch_PP-OCRv4_rec_infer",
    data: "upright-*.npy",
    limit: 32,
    sizes: { [paddle(1)]: 192 },
  },
  detector: {
    file: "ch_PP-OCRv4_det_infer",
    data: "pages-*.npy",
    limit: 32,
    sizes: { [paddle(1)]: 192, [paddle(2)]: 192 },
  },
  embedding: { file: "embedding_model", data: "spectra-*.npy", limit: 64 },
  spectrogram: { file: "melspectrogram", data: "samples-*.npy", limit: 64, sizes: { samples: 12_512 } },
  "silero-v5": {
    file: "silero_vad_v5",
    data: "frames-v5-*.npz",
    limit: 100,
    sizes: { "input[1]": 288, "state[1]": 4 },
  },
  "silero-legacy": {
    file: "silero_vad_legacy",
    data: "frames-legacy-*.npz",
    limit: 100,
    sizes: { sequence: 512 },
  },
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", multiple: true },
    budget: { type: "string" },
    again: { type: "boolean" },
    show: { type: "boolean" },
  },
});
const unknown = positionals.find((name) => !Object.hasOwn(all, name));
if (unknown !== undefined) throw new Error(`MODEL is one of ${Object.keys(all).join(", ")}; got ${unknown}.`);
const budget = options.budget === undefined ? Number.POSITIVE_INFINITY : Number(options.budget);
if (!(budget > 0)) throw new Error(`--budget is a number of seconds; got ${options.budget}.`);
const asked = positionals.length > 0 ? positionals : Object.keys(all);

const before = existsSync(results)
  ? readFileSync(results, "utf8")
      .split("\n")
      .filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line))
  : [];
const known = new Map(before.map((row) => [`${row.model}: ${row.command}`, row]));
const isWanted = (command) => options.only === undefined || options.only.includes(command);
for (const [key, { model, command }] of known)
  if (options.again && asked.includes(model) && isWanted(command.split(" ")[0])) known.delete(key);

const work = mkdtempSync(join(tmpdir(), "isoloss-real-"));
const start = performance.now();
let isOver = false;
try {
  for (const name of asked) {
    console.log(`\n${name}`);
    await everyCommand(name, all[name]);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Folds the model's batch normalizations, and runs the other commands on what comes out. */
async function everyCommand(name, { file, data, limit, sizes = {}, labels = false }) {
  const path = join(models, `${file}.onnx`);
  const at = (part) => join(models, "data", data.replace("*", part));
  const size = Object.entries(sizes).flatMap(([axis, n]) => ["--size", `${axis}=${n}`]);
  const heldOut = ["--held-out", at("held-out"), "--limit", `${limit}`];
  const calibration = ["--calibration", at("calibration")];
  const folded = join(work, `${name}.onnx`);
  const step = (command, source, args, out = join(work, "out.onnx")) =>
    run(name, [command, source, ...args, ...(command === "imbalance" ? [] : ["--out", out])]);
  await step("fold", path, size, folded);
  if (!options.show && !existsSync(folded)) await fold(path, size, folded);
  const source = existsSync(folded) ? folded : path;
  await step("imbalance", source, size);
  for (const by of ["norm", "range"]) await step("balance", source, ["--by", by, ...heldOut]);
  for (const fraction of ["0.2", "0.5"]) await step("prune", source, ["--fraction", fraction, ...heldOut]);
  await step("prune", source, ["--fraction", "0.5", "--by", "lamp", ...heldOut]);
  await step("prune", source, ["--fraction", "0.1", "--units", ...heldOut]);
  await step("half", source, [...calibration, ...heldOut]);
  await step("low-rank", source, heldOut);
  await step("low-rank", source, ["--energy", "0.99", ...heldOut]);
  await step("quantize", source, [...calibration, ...heldOut, "--weights-only", "--no-equalize"]);
  await step("quantize", source, [...calibration, ...heldOut, "--budget", "120"]);
  if (!labels) return;
  const of = (what, part) => join(models, "data", data.replace("*.npy", `${part}${what}.npy`));
  await step("finetune", path, [
    ...["--data", of("", "training"), "--labels", of("-labels", "training")],
    ...["--validation", of("", "held-out"), "--validation-labels", of("-labels", "held-out")],
    ...["--epochs", "1", "--rate", "0.0003", "--quiet"],
  ]);
}

/** Folds again what an earlier run has a result of. */
function fold(path, size, out) {
  return finished(["model", "fold", path, ...size, "--out", out]);
}

/** Runs a command, unless there is a result of it, appends the result and prints it. */
async function run(model, [command, file, ...args]) {
  if (!isWanted(command)) return;
  const shown = args.filter((arg, i) => arg !== "--out" && args[i - 1] !== "--out");
  const line = [command, ...shown.map((arg) => arg.replace(join(models, "data/"), ""))].join(" ");
  const key = `${model}: ${line}`;
  let row = known.get(key);
  if (row === undefined) {
    if (options.show) return;
    isOver ||= (performance.now() - start) / 1000 > budget;
    if (isOver) {
      console.log(`  ${line}: not begun, the budget is over`);
      return;
    }
    rmSync(join(work, "out.onnx"), { force: true });
    console.log(`  ${line} ...`);
    const began = performance.now();
    const { code, stdout, stderr } = await finished(["model", command, file, ...args, "--json"]);
    const said = stderr.trim().split("\n").at(-1);
    const seconds = Math.round((performance.now() - began) / 1000);
    const summary = stdout === "" ? said : summaryOf(command, JSON.parse(stdout));
    row = { model, command: line, code, seconds, summary };
    appendFileSync(results, `${JSON.stringify(row)}\n`);
  }
  const end = row.code === 0 ? "" : ` (exit code ${row.code})`;
  console.log(`  ${line}: ${row.seconds} s${end}\n    ${row.summary.replaceAll("\n", "\n    ")}`);
}

/** What `isoloss` prints, and its exit code. */
function finished(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, "packages/cli/dist/bin.js"), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: LONGEST * 1000,
    });
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8");
      child[name].on("data", (chunk) => {
        text[name] += chunk;
      });
    }
    child.on("close", (code, signal) => {
      if (signal !== null) text.stderr += `\nended after ${LONGEST} seconds`;
      resolve({ code: code ?? signal, ...text });
    });
  });
}
