import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeNpy } from "isoloss/data";
import { convnet, exported, images } from "isoloss-test-support/fine-tune/support";
import { beforeAll, expect, it } from "vitest";
import type { FineTuning } from "../../src/commands/model/finetune.js";
import { workbench } from "./support.js";

const bench = workbench();
const at = (name: string) => join(bench.folder, name);

beforeAll(() => {
  const { inputs, labels } = images({ to: 400 });
  writeFileSync(at("model.onnx"), exported(convnet({ channels: 4 })));
  writeFileSync(at("x.npy"), encodeNpy(inputs));
  writeFileSync(at("y.npy"), encodeNpy(labels));
});

it.each(["SIGINT", "SIGTERM"] as const)("writes the best epoch so far at %s", async (signal) => {
  const out = `${signal}.onnx`;
  const settings = ["--data", "x.npy", "--labels", "y.npy", "--rate", "0.01", "--epochs", "100000"];
  const args = [bench.cli.script, "model", "finetune", "model.onnx", ...settings, "-o", out, "--json"];
  const child = spawn(process.execPath, args, { cwd: bench.folder });
  const text = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text.stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    const isEarly = !text.stderr.includes("epoch 3 of");
    text.stderr += chunk;
    if (isEarly && text.stderr.includes("epoch 3 of")) child.kill(signal);
  });
  const status = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  expect(status).toBe(130);
  expect(text.stderr).toContain(
    "Stopping: the best epoch so far is written, if it is better than the model as it came.",
  );
  const document: FineTuning = JSON.parse(text.stdout);
  expect(document.ended).toBe("interrupted");
  expect(document.epochs.length).toBeLessThan(100);
  expect(document.best).toBeGreaterThan(0);
  expect(existsSync(at(out))).toBe(true);
});
