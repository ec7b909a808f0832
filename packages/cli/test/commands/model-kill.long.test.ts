import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRng } from "isoloss/data";
import { beforeAll, expect, it } from "vitest";
import { normalized } from "../model/model-files.js";
import { workbench } from "./support.js";

const bench = workbench();
const at = (name: string) => join(bench.folder, name);
/** Parts of the file that were being written when the program was killed. */
const parts = () => readdirSync(bench.folder).filter((name) => name.endsWith(".tmp"));

let whole: Buffer;

beforeAll(async () => {
  // 40 MB, of which a disk needs a while.
  writeFileSync(at("model.onnx"), normalized({ channels: 2000, wide: 5000 }));
  const { status } = await bench.run("model", "fold", "model.onnx", "-o", "folded.onnx", "--no-verify");
  expect(status).toBe(0);
  whole = readFileSync(at("folded.onnx"));
});

/** Folds the model, and kills the program a while after it has begun to write. */
function foldAndKill(out: string, killAfter: number): Promise<void> {
  return new Promise((done, reject) => {
    const child = spawn(
      process.execPath,
      [bench.cli.script, "model", "fold", "model.onnx", "--force", "-o", out, "--no-verify"],
      {
        cwd: bench.folder,
        stdio: "ignore",
      },
    );
    const watcher = watch(bench.folder, (_, name) => {
      if (!name?.endsWith(".tmp")) return;
      watcher.close();
      setTimeout(() => child.kill("SIGKILL"), killAfter);
    });
    child.on("error", reject).on("close", () => {
      watcher.close();
      done();
    });
  });
}

it("leaves the old file or the new one when it is killed while it writes", async () => {
  const random = createRng(4);
  let [cut, oldLeft] = [0, 0];
  for (let kills = 0; kills < 12; kills++) {
    writeFileSync(at("out.onnx"), "old");
    await foldAndKill("out.onnx", 60 * random.next());
    const left = readFileSync(at("out.onnx"));
    const isOld = left.equals(Buffer.from("old"));
    expect(isOld || left.equals(whole)).toBe(true);
    if (isOld) oldLeft++;
    cut += parts().filter((name) => statSync(at(name)).size < whole.length).length;
    for (const name of parts()) rmSync(at(name));
    rmSync(at("out.onnx"));
    await foldAndKill("none.onnx", 20 * random.next());
    if (existsSync(at("none.onnx"))) expect(readFileSync(at("none.onnx")).equals(whole)).toBe(true);
    for (const name of [...parts(), "none.onnx"]) rmSync(at(name), { force: true });
  }
  // Some of them came in the middle of the file.
  expect([oldLeft, cut].every((n) => n > 0)).toBe(true);
});
