import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsdown";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createRng } from "../../src/math/rng.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

let script: string;
let folder: string;

beforeAll(async () => {
  // Inside the checkout: from there Node finds the dependencies.
  const cache = path("../../../../node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "isoloss-stream-"));
  await build({
    config: false,
    cwd: path("../.."),
    entry: { child: fileURLToPath(new URL("./stream-child.ts", import.meta.url)) },
    outDir: folder,
    format: "esm",
    platform: "node",
    fixedExtension: false,
    dts: false,
    logLevel: "error",
    alias: { "#ort": path("../../src/runtime/onnx/ort-node.ts") },
    deps: { neverBundle: [/^(onnxruntime-|ml-matrix)/] },
  });
  script = join(folder, "child.js");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the child, and kills it a while after its first checkpoint. */
function run(
  arguments_: readonly string[],
  { killAfter, flags = [] }: { readonly killAfter?: number; readonly flags?: readonly string[] } = {},
): Promise<{ readonly output: string; readonly killed: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, script, ...arguments_]);
    let [output, errors] = ["", ""];
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    child.stdout.on("data", (chunk) => {
      if (output === "" && killAfter !== undefined) setTimeout(() => child.kill("SIGKILL"), killAfter);
      output += chunk;
    });
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL" || code === 0) resolve({ output, killed: signal === "SIGKILL" });
      else reject(new Error(errors));
    });
  });
}

it("a run on a stream that is killed at twenty moments has the bits of one that is not", async () => {
  const [killed, whole] = ["a", "b"].map((name) => mkdtempSync(join(tmpdir(), `isoloss-kill-${name}-`)));
  const random = createRng(4);
  let count = 0;
  for (let i = 0; i < 20; i++) {
    // No computer is so fast that it would end before.
    const one = await run(["run", killed, "1e9"], { killAfter: 5 + 80 * random.next() });
    count += one.killed ? 1 : 0;
  }
  expect(count).toBe(20);
  // How far the runs got is only known now.
  const at = JSON.parse((await run(["run", killed, "1"])).output).current.step;
  expect(at).toBeGreaterThanOrEqual(20 * 7);
  const steps = `${at + 50}`;
  const [resumed, straight] = [await run(["run", killed, steps]), await run(["run", whole, steps])];
  const state = ({ output }: typeof resumed) => JSON.parse(output.slice("saved\n".length));
  expect(state(resumed)).toEqual(state(straight));
  for (const place of [killed, whole]) rmSync(place, { recursive: true });
});

it.each(["large", "file"])("a run on a stream (%s) needs memory for a part of it", async (mode) => {
  const [allowed, megabytes] = [48, 480];
  const place = mkdtempSync(join(tmpdir(), "isoloss-large-"));
  const args = mode === "file" ? [mode, place, `${megabytes}`] : [mode, `${megabytes}`];
  const { output } = await run(args, { flags: [`--max-old-space-size=${allowed}`] });
  rmSync(place, { recursive: true });
  const found = JSON.parse(output) as { steps: number; megabytes: number };
  expect(found.steps).toBe(2 * megabytes);
  // All of the process, of which Node itself is some 60 MB.
  expect(found.megabytes).toBeLessThan(megabytes / 2);
  console.log(`${megabytes} MiB of data in ${Math.round(found.megabytes)} MiB`);
});
