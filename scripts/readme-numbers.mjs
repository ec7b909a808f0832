// Writes docs/results/readme.json: the numbers that README.md prints, each in the sentence with which the program reports it. A test
// compares both. `node scripts/readme-numbers.mjs [demo] [journals] [int8]`, on a quiet machine; each part leaves the others as they are.
// int8 needs models/mobilenet-v2.onnx and models/data: first fetch-models.mjs, mobilenet-v2.mjs and real-photos.mjs.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { takeRows } from "isoloss";
import { createRng, decodeNpy, encodeNpy } from "isoloss/data";

const root = fileURLToPath(new URL("../", import.meta.url));
const target = join(root, "docs/results/readme.json");
const folder = mkdtempSync(join(tmpdir(), "isoloss-readme-"));

function isoloss(...args) {
  const script = join(root, "packages/cli/dist/bin.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args, "--json"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`isoloss ${args.join(" ")}: exit code ${status}\n${stderr}`);
  return JSON.parse(stdout);
}

/** What `npm start` reports. */
function demo() {
  const { experiments } = isoloss("demo", "--quiet");
  return experiments.flatMap(({ name, findings }) =>
    findings.map(({ title, judgment, text }) => ({ source: `npm start: ${name}`, title, judgment, text })),
  );
}

/** What the published sweeps found of the least norm on the orbit in mini-batch training, against the optimizer alone. */
function journals() {
  return ["teleport-mlp-adagrad", "teleport-convnet-momentum", "teleport-convnet-adam"].flatMap((name) => {
    cpSync(join(root, "experiments/full/journals", name), join(folder, name), { recursive: true });
    const { confirmed, trials } = isoloss("sweep", "--resume", name, "--quiet");
    const isBalance = ({ trial }) => trials[trial].parameters.teleport?.search?.name === "balance";
    return confirmed.filter(isBalance).map(({ judgment, text }) => ({
      source: `experiments/full/journals/${name}`,
      title: "least norm",
      judgment,
      text,
    }));
  });
}

/** MobileNetV2 as integers of 8 bits: five draws of half of the calibration crops; crops of other pictures judge. */
function int8() {
  const model = join(root, "models/mobilenet-v2.onnx");
  const photos = decodeNpy(readFileSync(join(root, "models/data/photos-calibration.npy")));
  const rng = createRng(0);
  const [count] = photos.shape;
  const sqnr = new Map();
  for (let draw = 0; draw < 5; draw++) {
    const order = Array.from({ length: count }, (_, k) => [rng.next(), k]).sort(([a], [b]) => a - b);
    const rows = Int32Array.from(order.slice(0, count / 2), ([, k]) => k);
    writeFileSync(join(folder, "draw.npy"), encodeNpy(takeRows(photos, rows)));
    const heldOut = join(root, "models/data/photos-held-out.npy");
    const data = ["--calibration", "draw.npy", "--held-out", heldOut, "--limit", "96"];
    const { table } = isoloss("model", "quantize", model, ...data, "-o", `int8-${draw}.onnx`, "--quiet");
    for (const { candidate, per, corrected, sqnr: decibels } of table) {
      const key = `${candidate}, a scale for each ${per}${corrected ? ", biases corrected" : ""}`;
      sqnr.set(key, [...(sqnr.get(key) ?? []), decibels]);
    }
  }
  return [...sqnr].map(([title, values]) => {
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const std = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
    // Student's t of 4 degrees of freedom at 97.5 %.
    const half = (2.7764451 * std) / Math.sqrt(values.length);
    const [low, middle, high] = [mean - half, mean, mean + half].map((x) => x.toFixed(1));
    const text = `MobileNetV2 has a signal to noise of ${middle} [${low}, ${high}] dB (${values.length} draws of calibration, 95 % interval).`;
    return { source: "scripts/readme-numbers.mjs", title, judgment: null, text };
  });
}

const parts = { demo, journals, int8 };
try {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts);
  const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) throw new Error(`Expected ${Object.keys(parts).join(", ")}; got ${unknown}.`);
  for (const name of wanted) {
    const before = JSON.parse(readFileSync(target, { encoding: "utf8", flag: "a+" }) || "{}");
    writeFileSync(target, `${JSON.stringify({ ...before, [name]: parts[name]() }, null, 2)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
