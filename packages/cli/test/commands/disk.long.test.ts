// What the system refuses, to the built command line: a process of its own has its own limits, user and disk.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { booth, digits, workbench } from "./support.js";

const bench = workbench();

beforeAll(() => {
  bench.write("small.yaml", booth);
  bench.write("digits.yaml", digits);
  chmodSync(bench.folder, 0o755);
});

/** Runs a script of the shell in the folder, with `isoloss` as a function. */
function shell(script: string, ...wrap: string[]) {
  const whole = `isoloss() { "${process.execPath}" "${bench.cli.script}" "$@"; }\n${script}`;
  const [command, ...args] = [...wrap, "bash", "-c", whole];
  return spawnSync(command, args, { cwd: bench.folder, encoding: "utf8" });
}

const oneLine = (stderr: string, message: RegExp) => {
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^isoloss: [^\n]*\n$/);
};

describe("a disk that is full", () => {
  const canMount = spawnSync("unshare", ["--mount", "true"]).status === 0;

  it.skipIf(!canMount)(
    canMount
      ? "is told of in one line, at whatever file"
      : "is told of (skipped: mounting is not allowed here)",
    () => {
      mkdirSync(join(bench.folder, "disk"));
      for (const size of ["4k", "16k", "64k", "160k"]) {
        const { status, stdout, stderr } = shell(
          `mount -t tmpfs -o size=${size} none disk && isoloss run digits.yaml --variant scaling --quiet --out disk --checkpoint-every 40
           code=$?; find disk -name '*.tmp' -o -name lock; exit $code`,
          "unshare",
          "--mount",
        );
        oneLine(stderr, /no space is left on the disk/);
        // No half file, no lock: what was recorded can be read.
        expect([status, stdout]).toEqual([1, ""]);
      }
    },
  );

  it("is told of in one line where a file may not grow", () => {
    const { status, stdout, stderr } = shell(
      "ulimit -f 8; isoloss run digits.yaml --variant plain --quiet --out limited",
    );
    oneLine(stderr, /Cannot write .*metrics\.jsonl: the file would be larger than the system allows\./);
    expect([status, stdout]).toEqual([1, ""]);
    const records = readFileSync(join(bench.folder, "limited/digits-plain-3-1/metrics.jsonl"), "utf8");
    expect(records).toMatch(/^(\{.*\}\n)+$/);
    expect(existsSync(join(bench.folder, "limited/digits-plain-3-1/lock"))).toBe(false);
  });

  it.skipIf(!existsSync("/dev/full")).each(["list", "run small.yaml --quiet --json"])(
    "is told of in one line where the output of %s goes there",
    (command) => {
      const { status, stderr } = shell(`isoloss ${command} > /dev/full`);
      expect(status).toBe(1);
      oneLine(stderr, /Cannot write to the standard output: no space is left on the disk\./);
    },
  );

  it("is no error where a reader has seen enough", () => {
    const { stdout, stderr } = shell('set -o pipefail; isoloss list | head -1; echo "$?"');
    expect([stdout, stderr]).toEqual(["kinds\n0\n", ""]);
  });
});

describe("a directory that cannot be written to", () => {
  const uid = process.geteuid?.() === 0 ? 65534 : undefined;

  it.each([
    [
      "run small.yaml --quiet --out locked",
      /Cannot make a directory for the run in .*locked: permission denied\./,
    ],
    ["plot runs/small-plain-0-1 --out locked/figures", /Cannot write to the folder .*: permission denied\./],
    ["init locked/x.yaml", /Cannot write locked\/x\.yaml: permission denied\./],
    ["reproduce booth --quiet --out locked/out", /Cannot write to the folder .*: permission denied\./],
    [
      "export runs/small-plain-0-1 --to csv --out locked/x.csv",
      /Cannot write .*x\.csv.*: permission denied\./,
    ],
    ["run --resume runs/small-plain-0-1 --quiet", /Cannot write to the run .*: permission denied\./],
  ])("%s: one line, nothing written", async (line, message) => {
    const locked = join(bench.folder, "locked");
    if (!existsSync(locked)) {
      mkdirSync(locked);
      await bench.run("run", "small.yaml", "--quiet", "--variant", "plain");
      for (const path of [locked, join(bench.folder, "runs/small-plain-0-1")]) chmodSync(path, 0o555);
    }
    const { status, stdout, stderr } = await bench.cli.run(line.split(" "), {
      cwd: bench.folder,
      ...(uid === undefined ? {} : { uid }),
    });
    oneLine(stderr, message);
    expect([status, stdout]).toEqual([1, ""]);
    expect(readdirSync(locked)).toEqual([]);
  });
});

describe("an error in a worker thread", () => {
  it("is told as in the main one", async () => {
    const { status, stdout, stderr } = await bench.run(
      "run",
      "digits.yaml",
      "--set",
      "model.sizes=[63,8,10]",
      "--quiet",
    );
    oneLine(stderr, /64.*63|63.*64/);
    expect([status, stdout]).toEqual([2, ""]);
  });
});
