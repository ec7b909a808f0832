import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { requireOutputs } from "../../src/output.js";
import { booth, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });

beforeAll(async () => {
  bench.write("small.yaml", booth);
  await bench.run("run", "small.yaml", "--quiet");
});

it.each([
  ["init made/by/init.yaml", "made/by/init.yaml"],
  ["init --schema made/too/schema.json", "made/too/schema.json"],
  ["export runs/small-exact-0-1 --to csv --out exported/here/run.csv", "exported/here/run.csv"],
  ["export runs/small-exact-0-1 --to safetensors --out exported/too/run.bin", "exported/too/run.bin"],
  ["plot runs/small-exact-0-1 --figure loss --out drawn/here", "drawn/here/loss.svg"],
  ["compare runs/small-plain-0-1 runs/small-exact-0-1 --out compared/here", "compared/here/loss.svg"],
])("%s makes its folder", async (line, file) => {
  const { status, stderr } = await bench.run(...line.split(" "));
  expect([status, stderr]).toEqual([0, ""]);
  expect(existsSync(join(bench.folder, file))).toBe(true);
});

it.each(["reproduce booth", "demo booth"])(
  "%s finds out before any run that it cannot make the folder of its figures",
  async (line) => {
    const out = join(bench.folder, line.replace(" ", "-"));
    mkdirSync(out);
    writeFileSync(join(out, "figures"), "a file");
    const { status, stderr } = await bench.run(...line.split(" "), "--out", out, "--quiet");
    expect(stderr).toBe(
      `isoloss: Cannot write to the folder ${join(out, "figures")}: it is a file. Choose another one with --out.\n`,
    );
    expect(status).toBe(1);
    expect(readdirSync(join(out, "runs"))).toEqual([]);
  },
);

it.runIf(process.platform === "linux").each([
  ["run small.yaml --quiet --variant plain --out", "Cannot make a directory for the run in /proc/nope/deep"],
  ["init", "Cannot write /proc/nope/deep"],
])("%s fails at once where no folder can be made", async (line, message) => {
  const { status, stderr } = await bench.run(...line.split(" "), "/proc/nope/deep/new");
  expect([status, stderr]).toEqual([1, expect.stringContaining(message)]);
});

it.runIf(process.platform === "linux")(
  "a command about a model finds out before its work that no folder can be made for its report",
  async () => {
    const paths = { out: join(bench.folder, "new.onnx"), report: "/proc/nope/deep/r.html", force: false };
    await expect(requireOutputs({ files: [] } as never, paths)).rejects.toThrow(
      /^Cannot write to the folder \/proc\/nope\/deep: .+\. Choose another one with --report\.$/,
    );
  },
);
