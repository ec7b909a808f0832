import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DemoDocument } from "../src/commands/demo.js";
import { type BuiltCli, buildCli } from "./built-cli.js";
import { parseXml } from "./well-formed.js";

let cli: BuiltCli;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "isoloss-demo-"));
  cli = await buildCli();
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const names = ["plain SGD", "positive scaling", "hidden action (eq. 8)"];
/** Without colours, cursor movements and lines that are overwritten. */
const isPlain = (text: string): boolean => stripVTControlCharacters(text) === text && !text.includes("\r");
const isOneLine = (text: string): boolean => isPlain(text) && /^[^\n]+\n$/.test(text);

describe("isoloss demo --json", () => {
  it("prints one JSON document of measured numbers and draws the figure", async () => {
    const out = join(folder, "json", "deep");
    const { status, stdout, stderr } = await cli.run([
      "demo",
      "--steps",
      "40",
      "--seed",
      "1",
      "--out",
      out,
      "--json",
    ]);
    expect(stderr).not.toMatch(/Error|warning/i);
    expect(status).toBe(0);
    expect(isOneLine(stdout)).toBe(true);
    const document: DemoDocument = JSON.parse(stdout);
    const figure = join(out, "digits-teleport.svg");
    expect(document).toMatchObject({ name: "demo", seed: 1, steps: 40, figure });
    expect(Object.keys(document)).toEqual(["name", "seed", "steps", "figure", "runs"]);
    expect(document.runs.map((r) => r.name)).toEqual(names);
    const fields = ["history", "name", "reports", "teleports", "trainLoss", "validation", "wall"];
    for (const run of document.runs) {
      expect(Object.keys(run).sort()).toEqual(fields);
      expect(run.history.loss).toHaveLength(40);
      expect(run.history.seconds).toHaveLength(40);
      expect([...run.history.seconds].sort((a, b) => a - b)).toEqual(run.history.seconds);
      expect(run.history.seconds[39]).toBeCloseTo(run.wall.training + run.wall.teleports, 9);
      expect(run.history.loss.every((l) => l > 0 && l < 5)).toBe(true);
      expect(run.trainLoss).toBeLessThan(run.history.loss[0]);
      expect(run.validation.loss).toBeGreaterThan(0);
      expect(run.validation.accuracy).toBeGreaterThanOrEqual(0);
      expect(run.validation.accuracy).toBeLessThanOrEqual(1);
      expect(run.wall.training).toBeGreaterThan(0);
    }

    const [plain, ...teleported] = document.runs;
    expect(plain).toMatchObject({ reports: [], teleports: [], wall: { teleports: 0 } });
    for (const run of teleported) {
      expect(run.reports.map((r) => r.step)).toEqual([10, 20, 30]);
      expect(run.teleports).toEqual(run.reports.filter((r) => r.accepted).map((r) => r.step));
      // Until the first teleport the runs are one.
      expect(run.history.loss.slice(0, 10)).toEqual(plain.history.loss.slice(0, 10));
      // From then on they are not, although the first loss after it is kept.
      expect(run.teleports).toContain(10);
      expect(run.history.loss[11]).not.toBe(plain.history.loss[11]);
      for (const report of run.reports) {
        expect(report.search).toBe(run.name);
        expect(report.reason).not.toBe("");
        expect(report.drift).toBeLessThanOrEqual(1e-4);
        expect(report.heldOut?.drift).toBeLessThanOrEqual(0.01);
        expect(report.gradNormSqAfter).toBeGreaterThanOrEqual(report.gradNormSqBefore);
        // The loss that the step after a teleport starts from is the one that the teleport kept.
        const next = run.history.loss[report.step];
        expect(Math.abs(next - report.lossAfter) / next).toBeLessThan(1e-5);
      }
    }

    const svg = readFileSync(figure, "utf8");
    const elements = parseXml(svg);
    const marks = elements.filter((e) => e.name === "circle" && e.attributes.r === "4");
    expect(marks).toHaveLength(2 * teleported.reduce((a, r) => a + r.teleports.length, 0));
    const curves = elements.filter(
      (e) => e.name === "path" && /^#[\da-f]{6}$/i.test(e.attributes.stroke ?? ""),
    );
    expect(curves).toHaveLength(2 * names.length);
    for (const name of names) expect(svg).toContain(`>${name}<`);
    expect(readdirSync(out)).toEqual(["digits-teleport.svg"]);
  });
});

describe("isoloss demo", () => {
  it("prints a table on stdout and plain progress on stderr when neither is a terminal", async () => {
    const out = join(folder, "table");
    const { status, stdout, stderr } = await cli.run(["demo", "--steps", "12", "--out", out]);
    expect(status).toBe(0);
    expect(isPlain(stdout)).toBe(true);
    expect(isPlain(stderr)).toBe(true);
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/train loss +val\. loss +val\. acc\. +largest drift/);
    expect(lines.slice(1, 4).map((line) => names.find((name) => line.startsWith(name)))).toEqual(names);
    expect(stdout).toMatch(/^Figure: .*digits-teleport\.svg\n$/m);
    expect(stderr.split("\n").filter((line) => /: 12 steps done, training loss \d/.test(line))).toHaveLength(
      3,
    );
    expect(stderr).toContain("1438 images to train on, 359 to validate");
  });

  it("colours on request, and not with NO_COLOR", async () => {
    const args = ["demo", "--steps", "1", "--out", join(folder, "colour")];
    const coloured = await cli.run(args, { env: { FORCE_COLOR: "1" } });
    expect(isPlain(coloured.stdout)).toBe(false);
    const plain = await cli.run(args, { env: { NO_COLOR: "1", FORCE_COLOR: "1" } });
    expect(isPlain(plain.stdout)).toBe(true);
    const onServer = await cli.run(args, { env: { CI: "true" } });
    expect(isPlain(onServer.stdout)).toBe(true);
  });

  it("gives the same numbers again for the same seed, and others for another", async () => {
    const losses = async (seed: string) => {
      const args = ["demo", "--steps", "11", "--seed", seed, "--json", "--out", join(folder, "again")];
      const document: DemoDocument = JSON.parse((await cli.run(args)).stdout);
      return document.runs.map((r) => r.history.loss);
    };
    const first = await losses("3");
    expect(await losses("3")).toEqual(first);
    expect(await losses("4")).not.toEqual(first);
  });
});

describe("a folder that cannot be written to", () => {
  async function expectRefusal(out: string, why: RegExp, uid?: number) {
    const { status, stdout, stderr } = await cli.run(
      ["demo", "--out", out],
      uid === undefined ? {} : { uid },
    );
    expect(stderr).toMatch(why);
    expect(isOneLine(stderr)).toBe(true);
    expect(stdout).toBe("");
    expect(status).toBe(1);
  }

  it("is refused before any training when a file is in its place", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "content");
    await expectRefusal(file, /^isoloss: Cannot write to the folder .*a-file: it is a file\. .*--out\.$/m);
    await expectRefusal(join(file, "below"), /a part of the path is a file/);
    expect(readFileSync(file, "utf8")).toBe("content");
  });

  it("is refused before any training when it is read-only", async ({ skip }) => {
    // Root may write anywhere: then as another user, if that one can read this checkout.
    const uid = process.getuid?.() === 0 ? 65534 : undefined;
    if (uid !== undefined && (await cli.run(["--version"], { uid })).status !== 0) skip();
    const readOnly = join(folder, "read-only");
    mkdirSync(readOnly);
    chmodSync(readOnly, 0o555);
    chmodSync(folder, 0o755);
    await expectRefusal(
      readOnly,
      /^isoloss: Cannot write to the folder .*read-only: permission denied\./,
      uid,
    );
    await expectRefusal(join(readOnly, "below"), /permission denied/, uid);
    expect(readdirSync(readOnly)).toEqual([]);
  });

  it("leaves nothing half-written when the figure cannot take its place", async () => {
    const out = join(folder, "taken");
    mkdirSync(join(out, "digits-teleport.svg"), { recursive: true });
    const { status, stdout, stderr } = await cli.run(["demo", "--steps", "1", "--out", out]);
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^isoloss: Cannot write .*digits-teleport\.svg: it is a directory\.$/m);
    expect(readdirSync(out)).toEqual(["digits-teleport.svg"]);
    expect(readdirSync(join(out, "digits-teleport.svg"))).toEqual([]);
  });
});

describe("the command line", () => {
  it.each([
    [["--help"], ["demo", "Usage: isoloss", "digits"]],
    [
      ["demo", "--help"],
      [
        "--steps",
        "--seed",
        "--out",
        "--json",
        "default: 600",
        "stdout",
        "stderr",
        "gradNormSqBefore",
        "Example:",
      ],
    ],
  ])("teaches with %j", async (args, words) => {
    const { status, stdout, stderr } = await cli.run(args);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    for (const word of words) expect(stdout).toContain(word);
  });

  it("is a script that Node runs", () => {
    expect(readFileSync(cli.script, "utf8").split("\n")[0]).toBe("#!/usr/bin/env node");
  });

  it("tells its version", async () => {
    const { status, stdout } = await cli.run(["--version"]);
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect([status, stdout]).toEqual([0, `${version}\n`]);
  });

  it.each([
    [["demo", "--steps", "0"], /--steps <n>.*'0' is invalid.*at least 1/],
    [["demo", "--steps", "many"], /--steps <n>.*'many' is invalid/],
    [["demo", "--seed", "-1"], /--seed <n>.*at least 0/],
    [["demo", "--steps"], /argument missing/],
    [["demo", "--wrong"], /unknown option '--wrong'/],
    [["demo", "extra"], /too many arguments/],
    [["dance"], /unknown command 'dance'/],
  ])("refuses %j with one line and a status that is not 0", async (args, message) => {
    const { status, stdout, stderr } = await cli.run(args, { cwd: folder });
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^isoloss: /);
    expect(isOneLine(stderr)).toBe(true);
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  it("shows its help on stderr when there is nothing to do", async () => {
    const { status, stdout, stderr } = await cli.run([]);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: isoloss");
  });
});
