import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProcess } from "isoloss-test-support/cli/in-process";
import { parseXml } from "isoloss-test-support/figures/well-formed";
import { afterAll, describe, expect, it } from "vitest";
import type { DemoDocument } from "../src/commands/demo.js";
import { isOneLine } from "./plain.js";

const folder = mkdtempSync(join(tmpdir(), "isoloss-demo-"));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("isoloss demo --json", () => {
  it("prints one JSON document of measured numbers and writes the report with its figures", async () => {
    const out = join(folder, "json", "deep");
    const args = ["demo", "booth", "--out", out, "--json", "--quiet"];
    const { status, stdout, stderr } = await inProcess(args, folder);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(isOneLine(stdout)).toBe(true);
    const document: DemoDocument = JSON.parse(stdout);
    const keys = ["name", "verdict", "report", "seconds", "counts", "experiments"];
    expect(Object.keys(document)).toEqual(keys);
    expect(document).toMatchObject({ name: "demo", report: join(out, "report.html") });
    expect(document.counts).toEqual({ pass: 2, differs: 0, "not reproducible": 0 });
    const [booth] = document.experiments;
    expect(booth).toMatchObject({ name: "booth", status: "completed", errors: [] });
    const { tuned, ...rates } = booth.rates.GD;
    // The largest eigenvalue is 18, the least 2: of this grid, 0.1 is gradient descent's best rate, 2 / (2 + 18).
    expect(rates.rate).toBe(0.1);
    expect(tuned.teleport).toMatchObject({ reached: 5, seeds: 5 });
    // Ten steps, and five with a teleport before the fifth: from the shortest axis one step leads below.
    expect(tuned.teleport.steps?.ratio).toBeCloseTo(0.5, 12);
    // Nothing is random: of every seed the same steps, and other seconds.
    expect(tuned.teleport).toMatchObject({ deterministic: true, steps: { interval: null } });
    expect(tuned.teleport.seconds?.interval).not.toBeNull();
    expect(tuned.teleport.seconds?.ratio).toBeGreaterThan(0);
    const [finding] = booth.findings;
    expect(finding.title).toBe("teleport");
    expect(finding.text).toMatch(
      /reached the final loss of GD, at its tuned rate [\d.e-]+, in 0\.5 of the steps.* the time, teleports included/,
    );
    expect(finding.text).not.toMatch(/interval|\[/);
    expect(document.verdict).toMatch(/^Of one method, each compared with its baseline: /);

    const page = readFileSync(document.report, "utf8");
    expect(page.match(/<svg/g)).toHaveLength(5);
    expect(page).toContain(finding.judgment);
    // What a move is, with a picture, then the verdicts.
    const [sentence, picture, verdicts] = ["A move changes the weights", "<svg", 'class="verdicts"'].map(
      (part) => page.indexOf(part),
    );
    expect(sentence).toBeGreaterThan(0);
    expect(picture).toBeGreaterThan(sentence);
    expect(verdicts).toBeGreaterThan(picture);
    expect(page).toMatch(/<figcaption>Booth&#39;s function|<figcaption>Booth's function/);
    expect(page).not.toMatch(/95 % interval|\d \[\d/);
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
    const figures = readdirSync(join(out, "figures"));
    expect(figures).toEqual([
      "booth-grad-norm.svg",
      "booth-level-sets.svg",
      "booth-ratios.svg",
      "booth-tuned-seconds.svg",
      "booth-tuned.svg",
    ]);
    for (const name of figures) parseXml(readFileSync(join(out, "figures", name), "utf8"));
    expect(readdirSync(join(out, "runs"))).toHaveLength(2);
  });
});

describe("the command line", () => {
  it.each([
    [["--help"], ["demo", "Usage: isoloss", "about a minute"]],
    [
      ["demo", "--help"],
      ["--out", "--json", "--quiet", "stdout", "stderr", "judgment", "does not help", "Examples:"],
    ],
  ])("teaches with %j", async (args, words) => {
    const { status, stdout, stderr } = await inProcess(args, folder);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    for (const word of words) expect(stdout).toContain(word);
  });

  it.each([
    [["demo", "--out"], /argument missing/],
    [["demo", "--wrong"], /unknown option '--wrong'/],
    [["demo", "rosenbrok"], /no experiment of that name\. Did you mean "demo\/rosenbrock"\?/],
    [["dance"], /unknown command 'dance'/],
  ])("refuses %j with one line and a status that is not 0", async (args, message) => {
    const { status, stdout, stderr } = await inProcess(args, folder);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^isoloss: /);
    expect(isOneLine(stderr)).toBe(true);
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  it("shows its help on stderr when there is nothing to do", async () => {
    const { status, stdout, stderr } = await inProcess([], folder);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: isoloss");
  });
});
