// What every command prints on small inputs, the curves of the demo, and files of an earlier version, as they were recorded:
// a change of structure must change none of it. `RECORD=1 npx vitest run --mode long packages/cli/test/recorded` records anew;
// the difference in git is then the list of what has changed.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { array } from "isoloss";
import { createRng, encodeNpy } from "isoloss/data";
import { beforeAll, describe, expect, it } from "vitest";
import { booth, workbench } from "../commands/support.js";
import { normalized, unusedRank } from "../model/model-files.js";
import { both } from "./commands.js";
import { documentDifferences, textDifferences, varies } from "./same.js";

const isRecording = Boolean(process.env.RECORD);
/** Kernels of ONNX Runtime round otherwise on other processors, which training and choices among files enlarge: CI has any. */
const isElsewhere = Boolean(process.env.CI);
const recorded = (...path: string[]): string => join(fileURLToPath(new URL("./", import.meta.url)), ...path);

const digits = `name: digits
kind: train
data: { name: digits, validation: 0.2 }
model: { name: mlp, sizes: [64, 8, 10], activation: leakyRelu }
optimizer: sgd
learningRate: 0.1
batchSize: 64
epochs: 2
teleport:
  when: { atSteps: [5] }
  search: { name: gradientAscent, symmetry: positiveScaling, steps: 2 }
`;
const tasks = `name: tasks
kind: multi-task
problem: { name: toy, scale: 1 }
method: caGrad
optimizer: adam
learningRate: 5.0e-3
steps: 300
recordEvery: 50
variants:
  plain: {}
  COST:
    cost:
      schedule: { every: 100 }
      adapter: { kind: dense }
      improve: { kind: sharpness, weight: 0.1, samples: 5, radius: 0.01 }
      inner: { learningRate: 0.1, steps: 10 }
      trust: { kind: absolute, value: 1 }
      guard: { kind: absolute, drift: 2 }
`;
// Without a clock: rates are judged by the final loss.
const tuned = `${booth}expected:
  - { path: "loss.history[0]", value: 144, source: by hand }
  - { path: "teleports[0].drift", variant: exact, atMost: 1.0e-9, source: the level set is kept }
`;
const rates = `name: rates
experiment: digits.yaml
metric: { name: validation.loss }
method: grid
seeds: [100]
parameters:
  learningRate: { values: [0.05, 0.2] }
  teleport: { value: null }
confirm: { seeds: 1000..1002, best: 1 }
`;

/** A folder with the inputs of all commands. */
function writeInputs(folder: string): void {
  for (const [name, text] of Object.entries({ small: booth, digits, tasks, tuned, rates })) {
    writeFileSync(join(folder, `${name}.yaml`), text);
  }
  writeFileSync(join(folder, "normalized.onnx"), normalized());
  writeFileSync(join(folder, "unused.onnx"), unusedRank());
  const rng = createRng(3);
  const images = Float32Array.from({ length: 64 * 192 }, () => rng.normal());
  writeFileSync(join(folder, "x.npy"), encodeNpy({ shape: [64, 3, 8, 8], data: images }));
  // What a network can learn: the sign of an image's mean.
  const mean = (k: number) => images.slice(192 * k, 192 * (k + 1)).reduce((sum, x) => sum + x, 0);
  const labels = Array.from({ length: 64 }, (_, k) => (mean(k) > 0 ? 1 : 0));
  writeFileSync(join(folder, "y.npy"), encodeNpy(array(labels, "int64")));
}

/** Compares with a file, or writes it. */
function held(path: string, content: string, differences: (before: string) => string[]): void {
  if (isRecording) {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
  } else {
    expect(differences(readFileSync(path, "utf8"))).toEqual([]);
  }
}

describe.each(["text", "json"] as const)("what a command prints as %s", (form) => {
  const bench = workbench({ isInProcess: true });
  beforeAll(() => writeInputs(bench.folder));

  const here = both.filter(({ name }) => !(isElsewhere && name.startsWith("model-")));
  it.each(here.map((command) => [command.name, command] as const))("%s", async (name, { args, code = 0 }) => {
    const { status, stdout, stderr } = await bench.run(...args, ...(form === "json" ? ["--json"] : []));
    expect(status, stderr).toBe(code);
    const text = stdout.replaceAll(bench.folder, "FOLDER");
    if (form === "text") {
      held(recorded("text", `${name}.txt`), text, (before) => textDifferences(before, text));
    } else {
      const document: unknown = JSON.parse(text);
      held(recorded("json", `${name}.json`), `${JSON.stringify(document, null, 1)}\n`, (before) =>
        documentDifferences(JSON.parse(before), document),
      );
    }
  });
});

describe("the demo's experiments", () => {
  const bench = workbench({ isInProcess: true });
  const names = readdirSync(recorded("../../../../experiments/demo")).map((file) =>
    file.replace(".yaml", ""),
  );

  it.skipIf(isElsewhere).each(names)("%s: the losses of each variant", async (name) => {
    const file = recorded("../../../../experiments/demo", `${name}.yaml`);
    const document = await bench.json<unknown>("run", file, "--quiet", "--seed", "0", "--json");
    const losses = thinned(document);
    held(recorded("curves", `${name}.json`), `${JSON.stringify(losses, null, 1)}\n`, (before) =>
      documentDifferences(JSON.parse(before), losses),
    );
  });
});

/** A document of runs without times and paths, whose histories have at most 50 numbers. */
function thinned(value: unknown): unknown {
  if (Array.isArray(value)) {
    const every = Math.ceil(value.length / 50);
    return value.filter((_, k) => k % every === 0 || k === value.length - 1).map(thinned);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (varies(key) ? [] : [[key, thinned(inner)]])),
  );
}

describe("files of an earlier version", () => {
  const bench = workbench();
  const files = recorded("files");
  beforeAll(async () => {
    if (isRecording) await recordFiles(bench.folder, bench.cli.script);
    cpSync(files, bench.folder, { recursive: true });
  });

  /** Makes a run of each state, a sweep, and a trained network's files. */
  async function recordFiles(folder: string, script: string): Promise<void> {
    rmSync(files, { recursive: true, force: true });
    writeInputs(folder);
    await bench.json("run", "small.yaml", "--variant", "exact", "--quiet", "--json");
    await bench.json("run", "digits.yaml", "--seed", "2", "--quiet", "--json");
    await bench.json("run", "tasks.yaml", "--variant", "COST", "--quiet", "--json");
    for (const name of ["digits", "tasks"]) {
      await interrupted(script, folder, name);
    }
    await bench.json("export", "runs/digits-2-1", "--to", "onnx", "--out", "digits.onnx", "--json");
    await bench.json(
      "export",
      "runs/digits-2-1",
      "--to",
      "safetensors",
      "--out",
      "digits.safetensors",
      "--json",
    );
    await bench.json("sweep", "rates.yaml", "--quiet", "--jobs", "1", "--json");
    mkdirSync(files, { recursive: true });
    for (const name of ["runs", "sweeps", "digits.onnx", "digits.safetensors"]) {
      cpSync(join(folder, name), join(files, name), {
        recursive: true,
        filter: (path) => !/\.(svg|png|html)$/.test(path),
      });
    }
  }

  /** A run that Ctrl-C stopped at a checkpoint. */
  function interrupted(script: string, folder: string, name: string): Promise<void> {
    const long = name === "digits" ? "epochs=60" : "steps=20000";
    const out = ["--out", join(folder, "runs"), "--set", long, "--set", `name=${name}-interrupted`];
    const last = name === "tasks" ? ["--variant", "COST"] : [];
    return new Promise((resolve) => {
      const args = [script, "run", `${name}.yaml`, "--checkpoint-every", "20", ...out, ...last];
      const child = spawn(process.execPath, args, { cwd: folder, stdio: "ignore" });
      const poll = setInterval(() => {
        const run = readdirSync(join(folder, "runs")).find((entry) =>
          entry.startsWith(`${name}-interrupted`),
        );
        if (!run || !readdirSync(join(folder, "runs", run)).some((file) => file.startsWith("checkpoint")))
          return;
        clearInterval(poll);
        child.kill("SIGINT");
      }, 20);
      child.on("close", () => resolve());
    });
  }

  it("resumes runs of that version, which end with the numbers recorded here", async () => {
    for (const run of readdirSync(join(files, "runs")).filter((name) => name.includes("interrupted"))) {
      const document = await bench.json<unknown>("run", "--resume", `runs/${run}`, "--quiet", "--json");
      const ended = thinned(document);
      held(recorded("resumed", `${run}.json`), `${JSON.stringify(ended, null, 1)}\n`, (before) =>
        documentDifferences(JSON.parse(before), ended),
      );
    }
  });

  it("reads ended runs: tables, figures, exports, diagnoses", async () => {
    for (const run of readdirSync(join(files, "runs")).filter((name) => !name.includes("interrupted"))) {
      const path = `runs/${run}`;
      for (const args of [
        ["compare", path],
        ["plot", path],
        ["diagnose", path],
        ["export", path, "--to", "csv"],
      ]) {
        expect((await bench.run(...args)).status, `${args}`).toBe(0);
      }
    }
  });

  it("verifies and resumes a sweep of that version", async () => {
    expect((await bench.run("sweep", "--verify", "sweeps/rates-1")).status).toBe(0);
    expect((await bench.run("sweep", "--resume", "sweeps/rates-1", "--quiet")).status).toBe(0);
    expect(existsSync(join(bench.folder, "sweeps/rates-1/report.html"))).toBe(true);
  });

  it("reads its ONNX and safetensors files", async () => {
    expect((await bench.run("model", "inspect", "digits.onnx")).status).toBe(0);
    const again = ["export", "runs/digits-2-1", "--to", "safetensors", "--out", "again.safetensors"];
    expect((await bench.run(...again)).status).toBe(0);
    const [old, now] = ["digits", "again"].map((name) =>
      readFileSync(join(bench.folder, `${name}.safetensors`)),
    );
    expect(now.equals(old)).toBe(true);
  });
});
