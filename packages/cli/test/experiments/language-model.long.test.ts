// The experiment of the study on a language model and its script, on a small network.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { workbench } from "../commands/support.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const bench = workbench({ isInProcess: true });

it.skipIf(!existsSync("/usr/share/common-licenses/MPL-2.0"))(
  "scales that are planted in a language model keep its bits per byte, and quantize undoes them",
  async () => {
    await bench.run("run", "language-model", "--quick", "--quiet", "--out", "runs");
    const [run] = bench.runs();
    const exported = await bench.run("export", join("runs", run), "--to", "onnx", "--out", "model.onnx");
    expect(exported.status, exported.stderr).toBe(0);
    const script = join(root, "scripts/language-model.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [script, "model.onnx", "--quick"], {
      cwd: bench.folder,
    });
    const bits = (start: string) => {
      const line = stdout.split("\n").find((own) => own.startsWith(start)) ?? "";
      return Number(line.slice(line.lastIndexOf(" ")));
    };
    const trained = bits("as trained: float32");
    expect(trained).toBeLessThan(8);
    for (const name of ["gauges, sigma 1.5", "stream x 30", "stream x 50"]) {
      expect(bits(`${name}: float32`)).toBeCloseTo(trained, 3);
      expect(bits(`${name}: 8 bits per tensor, `)).toBeCloseTo(trained, 2);
    }
    expect(bits("gauges, sigma 1.5: 8 bits per tensor as it is")).toBeGreaterThan(trained + 0.03);
  },
);
