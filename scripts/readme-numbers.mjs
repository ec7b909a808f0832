// Writes what documents print of measurements. `node scripts/readme-numbers.mjs [demo] [journals] [sweeps] [picture]`, on a quiet machine; each
// part leaves the others as they are. A test compares README.md with docs/results/readme.json.
//   demo            docs/results/readme.json, and the table of README.md: what five processes of `npm start` found
//   journals        docs/results/readme.json: numbers in the sentences with which the program reports them
//   sweeps          docs/results/sweeps.json: findings of every journal, for the site; minutes
//   picture         docs/results/pruned.json and its picture, pruned.svg; a minute
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { createPredictor, digits, mlp, nested, torchGenerator } from "isoloss";
import { divide } from "isoloss/data";
import { pairedRatio } from "isoloss/internal";
import { modelToOnnx } from "isoloss/onnx";
import { curves, svgText } from "isoloss-figures";
import { fineTune, fromOnnx, pruneWeights } from "isoloss-onnx";
import { parseHTML } from "linkedom";
import { processes, readmeTable } from "./readme-table.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const target = join(root, "docs/results/readme.json");
const folder = mkdtempSync(join(tmpdir(), "isoloss-readme-"));

/** A command's JSON document; one that is interrupted after some seconds prints its own, too. */
async function isoloss(args, interruptAfter) {
  const script = join(root, "packages/cli/dist/bin.js");
  const child = spawn(process.execPath, [script, ...args, "--json"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const timer = interruptAfter && setTimeout(() => child.kill("SIGTERM"), 1000 * interruptAfter);
  const ended = once(child, "close");
  const stdout = await text(child.stdout);
  const [status] = await ended;
  clearTimeout(timer);
  if (status !== 0 && interruptAfter === undefined)
    throw new Error(`isoloss ${args.join(" ")}: exit code ${status}`);
  return JSON.parse(stdout);
}

/** On which the demo ran. */
let machine;

/** What `npm start` reports, and the mean ratio of times of each method over several processes. */
async function demo() {
  const documents = [];
  for (let i = 0; i < processes; i++) documents.push(await isoloss(["demo", "--quiet"]));
  const timesOf = (title, experiment) => {
    const ratios = documents.flatMap(({ experiments }) => {
      const { rates } = experiments.find(({ name }) => name === experiment);
      return Object.values(rates).flatMap(({ tuned }) => tuned[title]?.seconds?.ratio ?? []);
    });
    if (ratios.length < processes) return undefined;
    return pairedRatio(
      ratios,
      ratios.map(() => 1),
    );
  };
  const [{ experiments }] = documents;
  machine = `${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node.js ${process.versions.node}`;
  const found = experiments.flatMap(({ name, findings }) =>
    findings.map((finding) => ({
      source: `npm start: ${name}`,
      ...finding,
      times: timesOf(finding.title, name),
    })),
  );
  const path = join(root, "README.md");
  const [before, , after] = readFileSync(path, "utf8").split(/<!-- (?:measured|end) -->\n/);
  writeFileSync(path, `${before}<!-- measured -->\n${readmeTable(found, machine)}\n<!-- end -->\n${after}`);
  return found;
}

/** What the published sweep found of the least norm on the orbit in mini-batch training, against AdaGrad alone. */
async function journals() {
  const name = "teleport-mlp-adagrad";
  cpSync(join(root, "experiments/full/journals", name), join(folder, name), { recursive: true });
  const { confirmed, trials } = await isoloss(["sweep", "--resume", name, "--quiet"]);
  return confirmed
    .filter(({ trial }) => trials[trial].parameters.teleport?.search?.name === "balance")
    .map(({ judgment, text }) => ({
      source: `experiments/full/journals/${name}`,
      title: "least norm",
      judgment,
      text,
    }));
}

/** What every journal found. One that was stopped before its end would go on: it is interrupted before a run could end. */
async function sweeps() {
  const journals = join(root, "experiments/full/journals");
  const found = {};
  for (const name of readdirSync(journals)) {
    const copy = join(folder, `all-${name}`);
    cpSync(join(journals, name), copy, { recursive: true });
    const entries = gunzipSync(readFileSync(join(copy, "journal.jsonl.gz")))
      .toString()
      .trim()
      .split("\n");
    const isPaused = JSON.parse(entries.at(-1)).entry === "pause";
    const { counts, seconds, confirmed } = await isoloss(
      ["sweep", "--resume", copy, "--quiet"],
      isPaused ? 60 : undefined,
    );
    const findings = confirmed.map(({ judgment, text }) => ({ judgment, text }));
    found[name] = { counts, minutes: Math.round(seconds / 60), confirmed: findings };
  }
  writeJson("docs/results/sweeps.json", found);
}

/** Accuracy of perceptrons on held-out digits against the share of their weights that is set to zero: the example of README.md, ten seeds. */
async function picture() {
  const { images: inputs, labels } = digits();
  const arms = {
    "as they are": { balance: false },
    "balanced first": { balance: true },
    LAMP: { balance: false, by: "lamp" },
  };
  const shares = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
  const series = Object.keys(arms).map((name) => ({ name, runs: [] }));
  for (let seed = 0; seed < 10; seed++) {
    const { train, validation } = divide({ inputs, labels }, { validation: 0.2, splitSeed: seed });
    const model = mlp({ sizes: [64, 32, 32, 10] });
    const start = modelToOnnx(model, model.init(torchGenerator(seed)), { example: [64] });
    const { bytes } = await fineTune(start, {
      data: train,
      epochs: 10,
      learningRate: 0.01,
      batchSize: 50,
      seed,
      runtime: "javascript",
    });
    for (const { name, runs } of series) {
      const values = [];
      for (const fraction of shares) {
        const { bytes: sparse } = await pruneWeights(bytes, { fraction, ...arms[name] });
        const predictor = await createPredictor(fromOnnx(sparse), undefined, { runtime: "javascript" });
        const { output } = await predictor.predict({ input: validation.inputs });
        await predictor.dispose();
        const hits = nested(output).filter(
          (row, i) => row.indexOf(Math.max(...row)) === Number(validation.labels.data[i]),
        );
        values.push((100 * hits.length) / validation.labels.data.length);
      }
      runs.push({ steps: shares.map((share) => 100 * share), values });
    }
  }
  writeJson("docs/results/pruned.json", series);
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = curves(
    {
      series,
      xLabel: "weights set to zero (%)",
      yLabel: "held-out digits right (%)",
      spread: "interval",
      logY: false,
    },
    {
      document,
      title: "Weights of a trained network set to zero",
      theme: "light",
    },
  );
  writeFileSync(join(root, "docs/results/pruned.svg"), svgText(svg));
}

const writeJson = (path, value) => writeFileSync(join(root, path), `${JSON.stringify(value, null, 1)}\n`);

const sentences = { demo, journals };
const parts = { ...sentences, sweeps, picture };
try {
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts);
  const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) throw new Error(`Expected ${Object.keys(parts).join(", ")}; got ${unknown}.`);
  for (const name of wanted) {
    const result = await parts[name]();
    if (!Object.hasOwn(sentences, name)) continue;
    const before = JSON.parse(readFileSync(target, { encoding: "utf8", flag: "a+" }) || "{}");
    writeFileSync(
      target,
      `${JSON.stringify({ ...before, ...(machine ? { machine } : {}), [name]: result }, null, 2)}\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
