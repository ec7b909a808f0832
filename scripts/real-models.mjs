// Runs the commands of `isoloss model` on trained models, and prints what they come to as tables:
// `node scripts/real-models.mjs [PART ...]`, a part being one of those below; default all.
// First: fetch-models.mjs, mobilenet-v2.mjs, real-photos.mjs and real-lines.mjs.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { takeRows } from "isoloss";
import { decodeNpy } from "isoloss/data";
import { quantizeModel } from "isoloss/onnx";

const root = fileURLToPath(new URL("../", import.meta.url));
const models = join(root, "models");
const data = (name) => join(models, "data", `${name}.npy`);
const work = mkdtempSync(join(tmpdir(), "isoloss-real-"));
const out = join(work, "out.onnx");

const mobilenet = { name: "MobileNetV2", file: join(models, "mobilenet-v2.onnx"), of: "photos", limit: 32 };
const classifier = {
  name: "PP-OCR classifier",
  file: join(models, "ch_ppocr_mobile_v2.0_cls_infer.onnx"),
  of: "lines",
  sizes: ["--size", "p2o.DynamicDimension.1=48", "--size", "p2o.DynamicDimension.2=192"],
  limit: 200,
};
const others = [
  "ch_PP-OCRv4_rec_infer",
  "ch_PP-OCRv4_det_infer",
  "silero_vad_v5",
  "silero_vad_legacy",
  "embedding_model",
  "melspectrogram",
].map((name) => ({ name, file: join(models, `${name}.onnx`) }));

const parts = {
  "quantize-mobilenet": () => quantizations(mobilenet, 40, 96),
  "quantize-classifier": () => quantizations(classifier, 96, 1000),
  mobilenet: () => commands(mobilenet),
  classifier: () => commands(classifier),
  finetune,
  others: () => others.forEach(overview),
};
const asked = process.argv.slice(2);
try {
  for (const part of asked.length > 0 ? asked : Object.keys(parts)) {
    console.log(`\n## ${part}\n`);
    await parts[part]();
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Every choice of a quantization; of the classifier its accuracy, too. */
async function quantizations({ file, of }, count, heldOutCount) {
  const heldOut = batches(of, `${of}-held-out`, heldOutCount);
  const labels = of === "lines" ? decodeNpy(readFileSync(data("lines-held-out-labels"))).data : undefined;
  const before = process.cpuUsage();
  const { table, recommended, skipped } = await quantizeModel(readFileSync(file), {
    calibration: batches(of, `${of}-calibration`, count),
    heldOut,
    ...(labels === undefined ? {} : { metric: (outputs) => accuracy(outputs, labels) }),
  });
  row("weights", "per", "biases corrected", "SQNR, dB", "agreement, %", "accuracy, %", "bytes");
  for (const choice of table) {
    const { candidate, granularity, isBiasCorrected, sqnr, agreement, metric, bytes } = choice;
    const mark = choice === recommended ? " (recommended)" : "";
    row(
      `${candidate}${mark}`,
      granularity,
      isBiasCorrected ? "yes" : "no",
      sqnr.toFixed(1),
      percent(agreement),
      percent(metric),
      bytes,
    );
  }
  const { user, system } = process.cpuUsage(before);
  console.log(`\n${skipped.join("; ")}\nprocessor seconds: ${((user + system) / 1e6).toFixed(0)}`);
}

/** Examples that are spread evenly over a file, as a picture's crops follow each other there. */
function batches(of, name, count) {
  const array = decodeNpy(readFileSync(data(name)));
  const [size, input] = of === "lines" ? [50, "x"] : [16, "images"];
  const rows = Array.from({ length: count }, (_, i) => Math.floor((i * array.shape[0]) / count));
  return Array.from({ length: Math.ceil(count / size) }, (_, k) => ({
    [input]: takeRows(array, rows.slice(k * size, (k + 1) * size)),
  }));
}

function accuracy(outputs, labels) {
  const guesses = outputs.flatMap((batch) => {
    const [{ data }] = Object.values(batch);
    return Array.from({ length: data.length / 2 }, (_, i) => (data[2 * i + 1] > data[2 * i] ? 1 : 0));
  });
  return guesses.filter((guess, i) => guess === Number(labels[i])).length / guesses.length;
}

/** All that changes no numbers' kind, and what the pruned and halved files compute. */
function commands({ file, of, limit, sizes = [] }) {
  const calibration = ["--calibration", data(`${of}-calibration`)];
  const heldOut = ["--held-out", data(`${of}-held-out`), "--limit", limit];
  const folded = join(work, "folded.onnx");
  run("fold", [file, ...sizes, "--out", folded]);
  run("imbalance", [folded, ...sizes]);
  for (const by of ["norm", "range"])
    run("balance", [folded, ...sizes, "--by", by, ...heldOut, "--out", out]);
  run("balance", [folded, ...sizes, "--powers-of-two", ...heldOut, "--out", out]);
  for (const fraction of [0.2, 0.5]) {
    for (const by of ["magnitude", "lamp"]) {
      run("prune", [folded, ...sizes, "--fraction", fraction, "--by", by, ...heldOut, "--out", out]);
    }
  }
  run("prune", [folded, ...sizes, "--units", "--fraction", 0.1, ...heldOut, "--out", out]);
  run("half", [folded, ...sizes, ...calibration, ...heldOut, "--out", out]);
}

/** From the file as it came: its validation is the held-out lines. */
function finetune() {
  run("finetune", [
    classifier.file,
    "--data",
    data("lines-training"),
    "--labels",
    data("lines-training-labels"),
    "--validation",
    data("lines-held-out"),
    "--validation-labels",
    data("lines-held-out-labels"),
    "--epochs",
    3,
    "--rate",
    0.0003,
    "--out",
    out,
  ]);
}

/** The commands that need no examples of the right kind. */
function overview({ name, file }) {
  console.log(`\n${name}`);
  const folded = join(work, "folded.onnx");
  rmSync(folded, { force: true });
  const source = run("fold", [file, "--out", folded]) ? folded : file;
  run("imbalance", [source]);
  run("balance", [source, "--by", "range", "--out", out]);
  run("prune", [source, "--fraction", 0.2, "--out", out]);
  run("prune", [source, "--units", "--fraction", 0.1, "--out", out]);
  run("half", [source, "--out", out]);
}

/** Runs a command and prints what it says at its end; whether it succeeded. */
function run(command, args) {
  rmSync(out, { force: true });
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [join(root, "packages/cli/dist/bin.js"), "model", command, ...args.map(String)],
    { encoding: "utf8", timeout: 900_000 },
  );
  const options = args.slice(1).filter((arg) => arg !== "--out" && !String(arg).startsWith("/"));
  console.log(
    `\n$ isoloss model ${[command, ...options].join(" ")}: ${status === 0 ? "done" : `exit ${status ?? error}`}`,
  );
  console.log(status === 0 ? stdout.trim().split("\n").slice(-14).join("\n") : stderr.trim());
  return status === 0;
}

function percent(share) {
  return share === undefined ? "-" : (100 * share).toFixed(1);
}

function row(...cells) {
  console.log(`| ${cells.join(" | ")} |`);
}
