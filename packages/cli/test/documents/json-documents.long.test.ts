// What commands print with --json, held against the tables that the site has of their types.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { array, full } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { describe, expect, it, vi } from "vitest";
import { booth, workbench } from "../commands/support.js";
import { MlflowServer } from "../formats/mlflow-server.js";
import { normalized, perceptron, unusedRank, withShape } from "../model/model-files.js";
import { documentShapes, objections } from "./tables.js";

const shapes = await documentShapes();
const bench = workbench({ isInProcess: true });

/** Runs a command and says how its document differs from a table. */
async function differences(type: string, ...args: string[]): Promise<string[]> {
  return objections(shapes, type, await bench.json(...args, "--json"));
}

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

const tuned = `${booth}rates: { grid: [0.05, 0.08], tune: 0..1, confirm: 2..3, references: [search] }
expected:
  - { path: "loss.history[0]", value: 144, source: by hand }
  - { path: "teleports[0].drift", variant: exact, atMost: 1.0e-9, source: the level set is kept }
`.replace("variants:", "variants:\n  search: { optimizer: steepestDescent }");

describe("the documents of --json", () => {
  it("are tables of keys with types that are known", () => {
    expect(shapes.size).toBeGreaterThan(20);
    const types = [...shapes.values()].flatMap((keys) => keys.flatMap(({ type }) => type.split(" or ")));
    const bare = types.map((type) => type.replaceAll(/[[\]{}]/g, ""));
    const known = new Set(["number", "string", "boolean", "null", "parameter", ...shapes.keys()]);
    expect(bare.filter((type) => !known.has(type))).toEqual([]);
  });

  it("are those of run: one run, several seeds, several variants", async () => {
    bench.write("small.yaml", booth);
    bench.write("digits.yaml", digits);
    expect(await differences("RunDocument", "run", "small.yaml", "--quiet", "--variant", "exact")).toEqual(
      [],
    );
    expect(await differences("RunDocument", "run", "digits.yaml", "--quiet", "--seed", "1")).toEqual([]);
    expect(await differences("RunsDocument", "run", "digits.yaml", "--quiet", "--seeds", "2..3")).toEqual([]);
    expect(await differences("VariantsDocument", "run", "small.yaml", "--quiet")).toEqual([]);
    // Its numbers are not finite, which are null in JSON.
    const far = ["--quiet", "--variant", "plain", "--set", "learningRate=1e99", "--out", "far"];
    const { stdout } = await bench.run("run", "small.yaml", ...far, "--json");
    expect(JSON.parse(stdout).status).toBe("diverged");
    expect(objections(shapes, "RunDocument", JSON.parse(stdout))).toEqual([]);
    const compared = ["compare", "far/small-plain-0-1", "runs/small-exact-0-1", "--target", "3"];
    expect(await differences("CompareDocument", ...compared)).toEqual([]);
  });

  it("are those of compare, plot, diagnose, predict and export", async () => {
    const runs = ["runs/small-plain-0-1", "runs/small-exact-0-1"];
    expect(await differences("CompareDocument", "compare", ...runs, "--target", "3")).toEqual([]);
    expect(await differences("CompareDocument", "compare", runs[0])).toEqual([]);
    expect(await differences("plot", "plot", ...runs)).toEqual([]);
    expect(await differences("diagnose", "diagnose", runs[1])).toEqual([]);
    expect(await differences("diagnose", "diagnose", "toy")).toEqual([]);
    expect(await differences("export", "export", runs[0], "--to", "csv")).toEqual([]);
    writeFileSync(join(bench.folder, "digits.npy"), encodeNpy(full([2, 64], 1)));
    const predicted = ["runs/digits-1-1", "--data", "digits.npy", "--out", "digits.csv"];
    expect(await differences("predict", "predict", ...predicted)).toEqual([]);
    const server = new MlflowServer();
    vi.stubEnv("MLFLOW_TRACKING_URI", await server.start());
    try {
      expect(await differences("TrackedRun", "export", runs[0], "--to", "mlflow")).toEqual([]);
    } finally {
      await server.stop();
      vi.unstubAllEnvs();
    }
  });

  it("are those of reproduce and demo", async () => {
    bench.write("tuned.yaml", tuned);
    expect(await differences("reproduce", "reproduce", "tuned.yaml", "--quiet")).toEqual([]);
    expect(await differences("DemoDocument", "demo", "booth", "--quiet")).toEqual([]);
    expect(await differences("reproduce2", "reproduce", "--list")).toEqual([]);
  });

  it("are those of model", async () => {
    writeFileSync(join(bench.folder, "relu.onnx"), perceptron("relu"));
    writeFileSync(join(bench.folder, "open.onnx"), withShape(perceptron("tanh"), ["batch", 4]));
    for (const file of ["relu.onnx", "open.onnx"]) {
      expect(await differences("model-inspect", "model", "inspect", file)).toEqual([]);
      expect(await differences("ModelSummary", "model", "summary", file)).toEqual([]);
      expect(await differences("SymmetriesOfModel", "model", "symmetries", file)).toEqual([]);
      expect(await differences("Verification", "model", "verify", file, file)).toEqual([]);
    }
    writeFileSync(join(bench.folder, "normalized.onnx"), normalized());
    writeFileSync(join(bench.folder, "x.npy"), encodeNpy(full([8, 3, 8, 8], 0.5)));
    const fold = ["fold", "normalized.onnx", "--force", "-o", "folded.onnx"];
    expect(await differences("Prepared", "model", ...fold)).toEqual([]);
    expect(await differences("Prepared", "model", ...fold, "--no-verify")).toEqual([]);
    for (const file of ["relu.onnx", "open.onnx"]) {
      expect(await differences("ImbalanceOfModel", "model", "imbalance", file)).toEqual([]);
      const balance = ["balance", file, "--force", "-o", "balanced.onnx"];
      expect(await differences("BalancedModel", "model", ...balance)).toEqual([]);
      expect(await differences("BalancedModel", "model", ...balance, "--no-verify")).toEqual([]);
    }
    const restore = ["restore", "folded.onnx", "--calibration", "x.npy", "-o", "restored.onnx"];
    expect(await differences("Prepared", "model", ...restore)).toEqual([]);
    const quantize = ["quantize", "normalized.onnx", "--calibration", "x.npy", "--force", "-o", "int8.onnx"];
    expect(await differences("Quantized", "model", ...quantize)).toEqual([]);
    expect(await differences("Quantized", "model", ...quantize, "--limit-error", "60")).toEqual([]);
    const prune = ["prune", "normalized.onnx", "--fraction", "0.5", "--force", "-o", "pruned.onnx"];
    expect(await differences("PrunedModel", "model", ...prune)).toEqual([]);
    expect(await differences("PrunedModel", "model", ...prune, "--units")).toEqual([]);
    const half = ["half", "normalized.onnx", "--replace", "-o", "half.onnx"];
    expect(await differences("Half", "model", ...half)).toEqual([]);
    expect(await differences("Half", "model", ...half, "--calibration", "x.npy")).toEqual([]);
    writeFileSync(join(bench.folder, "unused.onnx"), unusedRank());
    const lowRank = ["low-rank", "unused.onnx", "--force", "-o", "smaller.onnx"];
    expect(await differences("LowRankModel", "model", ...lowRank)).toEqual([]);
    for (const file of ["unused.onnx", "relu.onnx"])
      expect(
        await differences("RotatedModel", "model", "rotate", file, "--force", "-o", "turned.onnx"),
      ).toEqual([]);
    expect(await differences("LowRankModel", "model", ...lowRank, "--energy", "0.9")).toEqual([]);
    writeFileSync(join(bench.folder, "y.npy"), encodeNpy(array([0, 1, 0, 0, 1, 0, 0, 0], "int64")));
    const tune = ["finetune", "folded.onnx", "--data", "x.npy", "--labels", "y.npy", "--rate", "0.01"];
    expect(
      await differences("FineTuning", "model", ...tune, "--epochs", "2", "--force", "-o", "tuned.onnx"),
    ).toEqual([]);
    const targets = ["--loss", "mse", "--labels", "targets.npy", "--batch-size", "2"];
    writeFileSync(join(bench.folder, "targets.npy"), encodeNpy(full([8, 2], 0.5)));
    expect(
      await differences("FineTuning", "model", ...tune, ...targets, "--force", "-o", "tuned.onnx"),
    ).toEqual([]);
  });

  it("are those of list and data", async () => {
    expect(await differences("{[list]}", "list")).toEqual([]);
    expect(await differences("[list2]", "list", "caGrad")).toEqual([]);
    expect(await differences("[list2]", "list", "constantWeights")).toEqual([]);
    expect(await differences("data", "data", "list", "--directory", ".")).toEqual([]);
    expect(await differences("Shapes", "data", "verify", "digits")).toEqual([]);
    expect(await differences("data3", "data", "sample", "nyuv2", "small", "--examples", "1")).toEqual([]);
    expect(await differences("data2", "data", "verify", "nyuv2", "small", "--part")).toEqual([]);
  });
});
