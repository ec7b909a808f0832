// Quantizes the same files by ONNX Runtime's own quantizer in Python and by Isoloss, with the same calibration, and judges all of
// them on the same other examples in onnxruntime-node on one thread: `node experiments/onnx/peers/run.mjs [MODEL ...]`.
// First: scripts/fetch-models.mjs, mobilenet-v2.mjs, real-photos.mjs, real-lines.mjs and real-speech.mjs; and isoloss run language-model, whose
// run isoloss export RUN --to onnx --out models/language-model.onnx writes.
// Files and results are kept in models/peers, and what is there is not made again: a run that was ended goes on where it was;
// after --budget SECONDS nothing more is begun. results.json and results.md there have a row for each file.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { takeRows } from "isoloss";
import { decodeNpy, encodeNpy } from "isoloss/data";
import { profiledKernels } from "isoloss/internal-node";
import { fromOnnx, quantizeModel } from "isoloss-onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    models: { type: "string", default: fileURLToPath(new URL("../../../models/", import.meta.url)) },
    budget: { type: "string", default: "Infinity" },
    row: { type: "string" },
    judge: { type: "boolean", default: false },
  },
});
const out = join(given.models, "peers");
/** Examples that calibrate, of which a quarter chooses Isoloss's file, and others that judge. */
const COUNTS = { calibration: 32, "held-out": 64 };
const python = "/usr/bin/python3";

const all = {
  MobileNetV2: { file: "mobilenet-v2", data: "photos" },
  detector: { file: "ch_PP-OCRv4_det_infer", data: "pages" },
  classifier: { file: "ch_ppocr_mobile_v2.0_cls_infer", data: "lines", labels: true },
  recognizer: { file: "ch_PP-OCRv4_rec_infer", data: "upright", products: true },
  embedding: { file: "embedding_model", data: "spectra" },
  "language-model": { file: "language-model", data: "licenses", labels: true, products: true },
};

const layers = ["Conv", "Gemm", "MatMul"];
const statics = [true, false].flatMap((perChannel) => {
  const per = perChannel ? "channel" : "tensor";
  const own = ["MinMax", "Entropy", "Percentile"].map((method) => [
    `ONNX Runtime, ${method}, per ${per}`,
    { mode: "static", method, perChannel },
  ]);
  const bare = { mode: "static", method: "MinMax", perChannel, operators: layers };
  return [
    [`Isoloss, per ${per}`, { options: { granularity: per, activations: "uint8" } }],
    ...own,
    [`ONNX Runtime, MinMax, per ${per}, layers alone`, bare],
  ].map(([name, row]) => ({ name, kind: `8 bits per ${per}`, ...row }));
});
/** All rows; those of a `kind` are compared. */
const rows = [
  ...statics,
  {
    name: "Isoloss, dynamic",
    kind: "dynamic",
    options: { activations: "dynamic", granularity: "channel" },
    needsProducts: true,
  },
  { name: "ONNX Runtime, dynamic, per tensor", kind: "dynamic", mode: "dynamic", perChannel: false },
  { name: "ONNX Runtime, dynamic, per channel", kind: "dynamic", mode: "dynamic", perChannel: true },
  ...[
    {
      name: "Isoloss, weights of 4 bits",
      options: { activations: "none", weightBits: 4, granularity: "block" },
    },
    { name: "ONNX Runtime, MatMulNBits", mode: "nbits", block: 32 },
    { name: "ONNX Runtime, HQQ", mode: "hqq", block: 32 },
  ].map((row) => ({ ...row, kind: "4 bits in blocks of 32", needsProducts: true })),
];

const rowsOf = ({ products = false }) =>
  rows.filter(({ needsProducts = false }) => products || !needsProducts);
const slug = (name) => name.replaceAll(/[ ,]+/g, "-").toLowerCase();
const at = (model, row, extension) => join(out, model, `${slug(row.name)}.${extension}`);
const read = (path) => new Uint8Array(readFileSync(path));
const dataPath = (name, part) => join(given.models, "data", `${name}-${part}.npy`);

async function everything() {
  const unknown = positionals.find((name) => !Object.hasOwn(all, name));
  if (unknown !== undefined)
    throw new Error(`MODEL is one of ${Object.keys(all).join(", ")}; got ${unknown}.`);
  requirePython();
  writeLicenses();
  const start = performance.now();
  const isOver = () => (performance.now() - start) / 1000 > Number(given.budget);
  for (const model of positionals.length > 0 ? positionals : Object.keys(all)) {
    const { file, data } = all[model];
    const missing = [join(given.models, `${file}.onnx`), dataPath(data, "calibration")].find(
      (path) => !existsSync(path),
    );
    if (missing !== undefined) {
      console.log(
        `${model}: skipped, as ${missing} is missing; the head of run.mjs says which scripts make it.`,
      );
      continue;
    }
    mkdirSync(join(out, model), { recursive: true });
    for (const row of rowsOf(all[model])) {
      if (isDone(model, row)) continue;
      if (isOver()) break;
      console.log(`${model}: ${row.name} ...`);
      rmSync(join(out, `${model}.json`), { force: true });
      writeFileSync(
        at(model, row, "json"),
        JSON.stringify(row.mode ? inPython(model, row) : again(model, "--row", row.name)),
      );
    }
    const isMade = rowsOf(all[model]).every((row) => existsSync(at(model, row, "json")));
    if (!isMade || isOver()) console.log(`${model}: not judged, the budget is over.`);
    else if (!existsSync(join(out, `${model}.json`))) again(model, "--judge");
  }
  writeTables();
}

/** Whether a row was made: one that failed is made again. */
const isDone = (model, row) => {
  const path = at(model, row, "json");
  return existsSync(path) && JSON.parse(readFileSync(path, "utf8")).error === undefined;
};

function requirePython() {
  const { status } = spawnSync(python, ["-c", "import onnx, onnxruntime, torch"]);
  if (status === 0) return;
  throw new Error(
    `${python} must have onnx, onnxruntime and torch (for HQQ). On Debian: apt install python3-onnx python3-onnxruntime python3-torch.`,
  );
}

/** Runs one step of this script in a process of its own, so that its memory is given back; what it prints last is its result. */
function again(model, ...args) {
  return finished(process.execPath, [
    fileURLToPath(import.meta.url),
    "--models",
    given.models,
    ...args,
    model,
  ]);
}

function inPython(model, row) {
  const { file, data } = all[model];
  const source = join(given.models, `${file}.onnx`);
  const settings = {
    ...row,
    model: source,
    out: at(model, row, "onnx"),
    data: dataPath(data, "calibration"),
    examples: COUNTS.calibration,
    input: fromOnnx(read(source)).inputs[0].name,
  };
  return finished(python, [fileURLToPath(new URL("quantize.py", import.meta.url)), JSON.stringify(settings)]);
}

function finished(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 30 });
  const last = (text) => text.trim().split("\n").at(-1);
  if (status === 0) return JSON.parse(last(stdout) || "{}");
  const lines = stderr.trim().split("\n");
  const error = lines.findLast((line) => /Error|Exception/.test(line)) ?? lines.at(-1);
  console.log(`  failed: ${error}`);
  return { error };
}

/** Windows of 128 bytes of licenses, with the byte behind each: those of training calibrate, MPL-2.0 judges. */
function writeLicenses() {
  const length = 128;
  const parts = { calibration: ["Apache-2.0", "GPL-3", "LGPL-2.1"], "held-out": ["MPL-2.0"] };
  for (const [part, names] of Object.entries(parts)) {
    const paths = names.map((name) => `/usr/share/common-licenses/${name}`);
    if (existsSync(dataPath("licenses", part)) || !paths.every(existsSync)) continue;
    const text = Buffer.concat(paths.map((path) => readFileSync(path)));
    const count = COUNTS[part];
    const stride = Math.floor((text.length - length - 1) / count);
    const windows = (shift) => ({
      shape: [count, length],
      data: BigInt64Array.from({ length: count * length }, (_, k) =>
        BigInt(text[Math.floor(k / length) * stride + (k % length) + shift]),
      ),
    });
    mkdirSync(join(given.models, "data"), { recursive: true });
    writeFileSync(dataPath("licenses", part), encodeNpy(windows(0)));
    writeFileSync(dataPath("licenses", `${part}-labels`), encodeNpy(windows(1)));
  }
}

/** The first examples of a part of the data. */
function examples(name, part, suffix = "") {
  const array = decodeNpy(readFileSync(dataPath(name, part + suffix)));
  const count = Math.min(COUNTS[part], array.shape[0]);
  return takeRows(
    array,
    Array.from({ length: count }, (_, i) => i),
  );
}

async function quantizeRow(model, row) {
  const { file, data } = all[model];
  const bytes = read(join(given.models, `${file}.onnx`));
  const calibration = [{ [fromOnnx(bytes).inputs[0].name]: examples(data, "calibration") }];
  const start = performance.now();
  const { user, system } = process.cpuUsage();
  const result = await quantizeModel(bytes, { calibration, ...row.options });
  const seconds = (performance.now() - start) / 1000;
  const used = process.cpuUsage({ user, system });
  writeFileSync(at(model, row, "onnx"), result.bytes);
  const { candidate, activations, isCompensated, isBiasCorrected } = result.recommended;
  const parts = [
    candidate,
    ...(activations === "dynamic" ? ["dynamic"] : []),
    ...(isCompensated ? ["GPTQ"] : []),
    ...(isBiasCorrected ? ["biases corrected"] : []),
  ];
  console.log(
    JSON.stringify({ seconds, processorSeconds: (used.user + used.system) / 1e6, recipe: parts.join(", ") }),
  );
}

/** Runs all files of a model in turns, example by example, each twice: the faster run counts. */
async function judge(model) {
  const { file, data, labels } = all[model];
  const inputs = examples(data, "held-out");
  const wanted = labels ? examples(data, "held-out", "-labels") : undefined;
  const made = rowsOf(all[model]).map((row) => ({
    ...row,
    ...JSON.parse(readFileSync(at(model, row, "json"), "utf8")),
  }));
  const files = [{ name: "float32", path: join(given.models, `${file}.onnx`) }];
  for (const row of made) if (row.error === undefined) files.push({ ...row, path: at(model, row, "onnx") });
  const failed = made.filter(({ error }) => error !== undefined);
  const one = (i) => takeRows(inputs, [i]);
  for (const own of files) {
    const bytes = read(own.path);
    own.bytes = bytes.length;
    try {
      own.session = await InferenceSession.create(bytes, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
        // ONNX Runtime's files read floats, too.
        extra: { session: { qdq_matmulnbits_accuracy_level: "1" } },
      });
      own.kernels = await profiledKernels(bytes, { [own.session.inputNames[0]]: one(0) });
    } catch (error) {
      failed.push({ ...own, error: error.message });
      own.session = undefined;
    }
    Object.assign(own, { times: [], squares: [], same: 0, right: 0, places: 0 });
  }
  const running = files.filter(({ session }) => session !== undefined);
  const count = inputs.shape[0];
  for (let i = -2; i < count; i++) {
    const x = one(Math.max(i, 0));
    const results = new Map();
    // Each turn begins with another file.
    for (const k of running.keys()) {
      const own = running[(k + i + 2) % running.length];
      const { session } = own;
      const feeds = {
        [session.inputNames[0]]: new Tensor(
          x.data instanceof BigInt64Array ? "int64" : "float32",
          x.data,
          x.shape,
        ),
      };
      const fastest = [];
      let outputs;
      for (let again = 0; again < 2; again++) {
        const start = performance.now();
        outputs = await session.run(feeds);
        fastest.push(performance.now() - start);
      }
      own.times.push(Math.min(...fastest));
      results.set(own, outputs[session.outputNames[0]]);
    }
    if (i < 0) continue;
    const { data: expected, dims } = results.get(running[0]);
    const isClasses = dims.length === 2 || dims.length === 3;
    for (const own of running) {
      const { data: got } = results.get(own);
      let [signal, noise] = [0, 0];
      for (let e = 0; e < expected.length; e++) {
        signal += expected[e] ** 2;
        noise += (expected[e] - got[e]) ** 2;
      }
      own.squares.push([signal, noise]);
      if (!isClasses) continue;
      const classes = dims.at(-1);
      for (let place = 0; place < expected.length / classes; place++) {
        const [y, q] = [expected, got].map((values) =>
          placeOfLargest(values.subarray(place * classes, (place + 1) * classes)),
        );
        own.places++;
        own.same += y === q ? 1 : 0;
        if (wanted !== undefined)
          own.right += q === Number(wanted.data[i * (wanted.data.length / count) + place]) ? 1 : 0;
      }
    }
  }
  const judged = running.map(({ times, squares, same, right, places, session, path, options, ...own }) => ({
    ...own,
    sqnr: decibels(squares),
    agreement: places === 0 ? null : same / places,
    accuracy: wanted === undefined ? null : right / places,
    milliseconds: median(times.slice(2)),
    ahead: aheadOf(own, squares, running),
  }));
  writeFileSync(join(out, `${model}.json`), JSON.stringify([...judged, ...failed], null, 1));
}

const placeOfLargest = (values) => values.reduce((best, value, c) => (value > values[best] ? c : best), 0);
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const sum = (values) => values.reduce((a, b) => a + b, 0);
const decibels = (squares) => 10 * Math.log10(sum(squares.map(([y]) => y)) / sum(squares.map(([, e]) => e)));

/** How many decibels Isoloss's file of the same kind is ahead of another, with the interval of 95 % over examples, by the jackknife. */
function aheadOf({ kind, mode }, squares, running) {
  const ours = running.find((own) => own.kind === kind && own.mode === undefined);
  if (mode === undefined || ours === undefined) return null;
  const gain = (left) => {
    const kept = (own) => own.filter((_, i) => i !== left);
    return decibels(kept(ours.squares)) - decibels(kept(squares));
  };
  const parts = squares.map((_, i) => gain(i));
  const [n, mean] = [parts.length, sum(parts) / parts.length];
  const error = Math.sqrt(((n - 1) / n) * sum(parts.map((part) => (part - mean) ** 2)));
  return [gain(-1), gain(-1) - 2 * error, gain(-1) + 2 * error];
}

/** JSON has null for an infinite ratio: a file that computes what float32 does. */
const sqnrText = (name, sqnr) => (name === "float32" ? "" : (sqnr?.toFixed(1) ?? "nothing rounded"));

/** Kernels that read integers. */
const isInteger = ({ kernel }) =>
  /^(Q(Linear|Gemm|Attention)|MatMul(Integer|NBits)|ConvInteger|DynamicQuantizeMatMul)/.test(kernel);

function writeTables() {
  const results = Object.fromEntries(
    Object.keys(all).flatMap((model) => {
      const path = join(out, `${model}.json`);
      return existsSync(path) ? [[model, JSON.parse(readFileSync(path, "utf8"))]] : [];
    }),
  );
  writeFileSync(join(out, "results.json"), JSON.stringify(results, null, 1));
  const percent = (share) => (share === null ? "" : (100 * share).toFixed(1));
  const tables = Object.entries(results).map(([model, own]) => {
    const lines = own.map(({ name, recipe, error, ahead, kernels = [], ...row }) => {
      const cells =
        error !== undefined
          ? ["fails", "", "", "", "", "", ""]
          : [
              sqnrText(name, row.sqnr),
              percent(row.agreement),
              percent(row.accuracy),
              (row.bytes / 1000).toFixed(0),
              row.milliseconds.toFixed(2),
              `${sum(kernels.filter(isInteger).map(({ count }) => count))}`,
              (ahead?.[0] ?? null) === null
                ? ""
                : `${ahead[0].toFixed(1)} [${ahead[1].toFixed(1)}, ${ahead[2].toFixed(1)}]`,
            ];
      return `| ${recipe === undefined ? name : `${name}: ${recipe}`} | ${cells.join(" | ")} |`;
    });
    const head =
      "| file | SQNR, dB | agreement, % | accuracy, % | kB | ms | kernels on integers | Isoloss ahead, dB |\n| --- | --- | --- | --- | --- | --- | --- | --- |";
    return `## ${model}\n\n${head}\n${lines.join("\n")}\n`;
  });
  writeFileSync(join(out, "results.md"), tables.join("\n"));
  console.log(`\n${tables.join("\n")}`);
}

if (given.row !== undefined)
  await quantizeRow(
    positionals[0],
    rows.find(({ name }) => name === given.row),
  );
else if (given.judge) await judge(positionals[0]);
else await everything();
