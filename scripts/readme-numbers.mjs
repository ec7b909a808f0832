// Writes docs/results/readme.json: the numbers that README.md prints, each in the sentence with which the program reports it. A test
// compares both. `node scripts/readme-numbers.mjs [demo] [journals]`, on a quiet machine; each part leaves the other as it is.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

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

/** What the published sweep found of the least norm on the orbit in mini-batch training, against AdaGrad alone. */
function journals() {
  const name = "teleport-mlp-adagrad";
  cpSync(join(root, "experiments/full/journals", name), join(folder, name), { recursive: true });
  const { confirmed, trials } = isoloss("sweep", "--resume", name, "--quiet");
  return confirmed
    .filter(({ trial }) => trials[trial].parameters.teleport?.search?.name === "balance")
    .map(({ judgment, text }) => ({
      source: `experiments/full/journals/${name}`,
      title: "least norm",
      judgment,
      text,
    }));
}

const parts = { demo, journals };
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
