import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseXml } from "isoloss-test-support/figures/well-formed";
import { describe, expect, it, vi } from "vitest";
import type { ReproduceDocument } from "../../src/commands/reproduce.js";
import { withoutClock } from "./reproduce-support.js";
import { booth, workbench } from "./support.js";

const bench = workbench({ isInProcess: true });

const needsMnist = `name: needs-mnist
kind: train
data: mnist
model: { name: mlp, sizes: [784, 4, 10] }
optimizer: sgd
learningRate: 0.1
batchSize: 20
steps: 5
`;

describe("isoloss reproduce", () => {
  it("compares the functions of two variables with the expected numbers: all pass", async () => {
    const document = await bench.json<ReproduceDocument>(
      ...["reproduce", "quadratic", "booth", "rosenbrock", "--json", "--quiet", "--strict"],
    );
    expect(document.experiments.map((e) => [e.name, e.status])).toEqual([
      ["quadratic", "completed"],
      ["booth", "completed"],
      ["rosenbrock", "completed"],
    ]);
    expect(document.counts).toEqual({ pass: 32, differs: 0, "not reproducible": 0 });
    const [first] = document.experiments[0].verdicts;
    expect(Object.keys(first)).toEqual([
      "outcome",
      "variant",
      "seed",
      "path",
      "measured",
      "expected",
      "text",
      "source",
    ]);
    const html = readFileSync(document.report, "utf8");
    expect(html).toContain("8 of 8 expected numbers were met");
    // The page tells when the experiments began, not when it was written.
    const [begun = "?"] = /20\d\d-\d\d-\d\dT[\d:.]+Z/.exec(html) ?? [];
    const run = join(bench.folder, "reproduced/runs", readdirSync(join(bench.folder, "reproduced/runs"))[0]);
    const { startedAt } = JSON.parse(readFileSync(join(run, "environment.json"), "utf8"));
    expect(begun <= startedAt).toBe(true);
    expect(html).toContain("Of 32 expected numbers 32 pass, 0 differ, 0 are not reproducible here.");
    expect(html.match(/<svg/g)?.length).toBe(12);
    expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
    const figures = readdirSync(join(bench.folder, "reproduced", "figures"));
    expect(figures).toContain("rosenbrock-level-sets.svg");
    for (const name of figures)
      parseXml(readFileSync(join(bench.folder, "reproduced", "figures", name), "utf8"));
  });

  it("refuses a comparison at tuned rates before anything runs", async () => {
    const rates = "rates: { grid: [0.01, 0.02], tune: 0..1, confirm: 1..3 }\n";
    bench.write("rates.yaml", `${booth}${rates}`);
    const { status, stderr } = await bench.run("reproduce", "booth", "rates.yaml", "--out", "refused");
    expect([status, stderr]).toEqual([2, expect.stringMatching(/seed 1 both chooses the rate and judges/)]);
    expect(existsSync(join(bench.folder, "refused"))).toBe(false);
  });

  it("does not replace a report, unless its folder is named with --force", async () => {
    bench.write("again.yaml", booth);
    const reports = [];
    for (const more of [[], [], ["--out", "named"], ["--out", "named", "--force"]]) {
      const { report } = await bench.json<ReproduceDocument>(
        "reproduce",
        "again.yaml",
        "--quiet",
        "--json",
        ...more,
      );
      reports.push(report);
    }
    expect(new Set(reports.slice(0, 2)).size).toBe(2);
    expect(reports[1]).toMatch(/reproduced-\d+\/report\.html$/);
    expect(reports[2]).toBe(reports[3]);
    const before = readFileSync(reports[3], "utf8");
    const { status, stderr } = await bench.run("reproduce", "quadratic", "--quiet", "--out", "named");
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/named\/report\.html: it is there already\. .*--force/),
    ]);
    expect(readFileSync(reports[3], "utf8")).toBe(before);
  });

  it("refuses tuned rates of one variant alone before anything runs", async () => {
    const rates = "rates: { grid: [0.01, 0.02], tune: 0..1, confirm: 2..3 }\n";
    bench.write(
      "alone.yaml",
      `${booth.slice(0, booth.indexOf("variants:"))}variants: { plain: {} }\n${rates}`,
    );
    const { status, stderr } = await bench.run("reproduce", "alone.yaml", "--out", "refused");
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(
        /there is nothing to compare: rates has one variant alone, plain; add another under variants/,
      ),
    ]);
    expect(existsSync(join(bench.folder, "refused"))).toBe(false);
  });

  it("tells what differs, which is an error with --strict alone", async () => {
    const file = bench.write(
      "wrong.yaml",
      `${booth}expected:
  - { path: "loss.history[0]", value: 145, source: nobody }
  - { path: "loss.history[99]", value: 1, source: nobody }
  - { path: metrics.nothing, notReproducible: the paper does not tell its settings, source: nobody }
  - { variant: exact, path: "teleports[0].drift", atMost: 1.0e-9, source: the guard }
`,
    );
    const lenient = await bench.run("reproduce", file, "--quiet");
    expect(lenient.status).toBe(0);
    expect(lenient.stdout).toMatch(
      /^differs: plain: loss\.history\[0\] is 144; expected 145 within 0\.000001 of it \(nobody\)\.$/m,
    );
    expect(lenient.stdout).toMatch(
      /^not reproducible: plain: loss\.history\[99\]: this run has no such number/m,
    );
    expect(lenient.stdout).toMatch(/^not reproducible: plain: metrics\.nothing: the paper does not tell/m);
    expect(lenient.stdout).toMatch(/^1 pass, 1 differ, 2 not reproducible; 1 experiment in/m);
    expect((await bench.run("reproduce", file, "--quiet", "--strict")).status).toBe(1);
  });

  it("answers the question of the user's own experiment first, and tells of nothing that it does not have", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `${i % 7},${(i * i) % 11},${(3 * (i % 7) + i) % 13}`);
    bench.write("rooms.csv", ["area,floor,rent", ...rows].join("\n"));
    bench.write(
      "rooms.yaml",
      `name: rooms
title: The rent of rooms
kind: train
data: { csv: rooms.csv, label: rent }
model: { name: mlp, sizes: [2, 4, 1] }
optimizer: sgd
learningRate: 0.05
batchSize: 8
epochs: 2
variants: { plain: {}, wide: { model: { name: mlp, sizes: [2, 8, 1] } } }
figures: [loss]
rates: { grid: [0.02, 0.05], tune: [100], confirm: 1000..1001 }
`,
    );
    const { status, stdout } = await bench.run("reproduce", "rooms.yaml", "--quiet", "--out", "rooms");
    expect(status).toBe(0);
    const [question, answer] = stdout.split("\n");
    expect(question).toBe("Does wide help, compared with plain?");
    expect(answer).toMatch(
      /^(wide (helps|does not help|needs fewer steps.*)|It is undecided whether wide helps)\.$/,
    );
    expect(stdout).toMatch(/^1 experiment in /m);
    const html = readFileSync(join(bench.folder, "rooms", "report.html"), "utf8");
    expect(html).toContain("<h1>The rent of rooms</h1>");
    expect(html).toContain(`<p>${question}</p>`);
    expect(html).toContain(`<p class="conclusion">${answer}</p>`);
    expect(html).toContain("Every number was measured in this run.");
    for (const text of [stdout, html]) expect(text).not.toMatch(/teleport|expected|0 pass|papers/);
    const document = await bench.json<ReproduceDocument>("reproduce", "rooms.yaml", "--quiet", "--json");
    expect(`${document.verdict}`).toBe(answer);
    expect(document).not.toHaveProperty("counts");
  });

  it("says of an experiment of the user's own that judges nothing what it lacks", async () => {
    bench.write("own.yaml", booth);
    const { stdout } = await bench.run("reproduce", "own.yaml", "--quiet", "--out", "own");
    expect(stdout).toMatch(/^Nothing is judged: without the key rates,/);
  });

  it("skips an experiment without its data, and says how to get them", async () => {
    bench.write("mnist.yaml", needsMnist);
    vi.stubEnv("XDG_CACHE_HOME", join(bench.folder, "cache"));
    vi.stubEnv("ISOLOSS_DATA", "");
    const { status, stdout } = await bench.run("reproduce", "mnist.yaml", "quadratic", "--quiet");
    vi.unstubAllEnvs();
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^skipped: mnist is not on this computer\. Get it with: isoloss data fetch mnist$/m,
    );
    expect(stdout).toMatch(/^8 pass, 0 differ, 0 not reproducible; 2 experiments/m);
  });

  it("ends with 1 when an experiment fails, after the others", async () => {
    const file = bench.write(
      "fails.yaml",
      booth.replace("problem: booth", "problem: { name: rosenbrock2n, start: [1] }"),
    );
    const { status, stdout } = await bench.run("reproduce", file, "quadratic", "--quiet", "--out", "failing");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^failed: plain, seed 0: rosenbrock2n: start needs 20 numbers/m);
    expect(stdout).toMatch(/^8 pass/m);
    // Both variants fail alike: it is told once.
    expect(stdout.match(/start needs 20 numbers/g)).toHaveLength(1);
    const html = readFileSync(join(bench.folder, "failing", "report.html"), "utf8");
    expect(html).toMatch(/class="conclusion">Of 8 expected numbers 8 pass, .* Of 2 experiments 1 failed\.</);
    expect(html).toMatch(/<span>failed<\/span>/);
  });

  it("goes on in the folder of one that was killed, with the report of an uninterrupted one", async () => {
    const rates = "rates: { grid: [0.02, 0.05, 0.08], tune: [0], confirm: 1..2 }\n";
    bench.write("tuned.yaml", `${booth}${rates}`);
    // Its folder keeps the runs, as one of the experiments has no data.
    bench.write("missing.yaml", `${needsMnist}`);
    vi.stubEnv("XDG_CACHE_HOME", join(bench.folder, "cache"));
    vi.stubEnv("ISOLOSS_DATA", "");
    const reproduced = (...args: string[]) =>
      bench.json<ReproduceDocument>("reproduce", ...args, "--quiet", "--json");
    const whole = await reproduced("tuned.yaml", "missing.yaml", "--out", "whole");
    const file = (folder: string) => join(bench.folder, folder, "ended-runs.jsonl");
    const text = readFileSync(file("whole"), "utf8");
    const lines = text.trimEnd().split("\n");
    const html = (folder: string) => readFileSync(join(bench.folder, folder, "report.html"), "utf8");
    for (const kept of [4, lines.length]) {
      const folder = `killed-${kept}`;
      cpSync(join(bench.folder, "whole"), join(bench.folder, folder), { recursive: true });
      rmSync(join(bench.folder, folder, "report.html"));
      // With the half of a line that was being written.
      writeFileSync(file(folder), `${lines.slice(0, kept).join("\n")}\n${(lines[kept] ?? "").slice(0, 30)}`);
      const resumed = await reproduced("--resume", folder);
      expect(withoutClock(resumed)).toEqual(withoutClock(whole));
      expect(readFileSync(file(folder), "utf8").split("\n")).toHaveLength(lines.length + 1);
      if (kept < lines.length) continue;
      // Nothing ran: the times are those of the first process, too.
      expect(resumed.experiments).toEqual(whole.experiments);
      const timeless = (page: string) => page.replace(/2 experiments in .*?(?= Every)/, "");
      expect(timeless(html(folder))).toBe(timeless(html("whole")));
    }
    // A run that was under way when its process was killed has gone on in its directory.
    expect(Object.keys(JSON.parse(lines[3]))).toContain("ended");
    expect(readdirSync(join(bench.folder, "killed-4/runs"))).toEqual(
      readdirSync(join(bench.folder, "whole/runs")),
    );
    vi.unstubAllEnvs();
  });

  it("keeps no runs once its report is complete, and says what --resume goes on with", async () => {
    bench.write("small.yaml", booth);
    await bench.run("reproduce", "small.yaml", "--quiet", "--out", "small");
    expect(existsSync(join(bench.folder, "small/ended-runs.jsonl"))).toBe(false);
    for (const [args, message] of [
      [["--resume", "small"], /small has nothing to resume: expected the folder of an isoloss reproduce/],
      [["booth", "--resume", "small"], /leave out the experiments, --list, --quick and --out/],
    ] as const) {
      const { status, stderr } = await bench.run("reproduce", ...args);
      expect([status !== 0, stderr]).toEqual([true, expect.stringMatching(message)]);
    }
    mkdirSync(join(bench.folder, "other"));
    const asked = { names: ["booth"], quick: false, environment: { versions: { isoloss: "0.0.1" } } };
    writeFileSync(join(bench.folder, "other/ended-runs.jsonl"), `${JSON.stringify(asked)}\n`);
    expect((await bench.run("reproduce", "--resume", "other")).stderr).toMatch(
      /is of isoloss 0\.0\.1, and this is .*: its runs are not comparable/,
    );
  });

  it("lists what there is", async () => {
    const { status, stdout } = await bench.run("reproduce", "--list");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^booth +Booth's function.*NeurIPS 2022/m);
    expect(stdout.trim().split("\n").length).toBeGreaterThanOrEqual(10);
    expect(existsSync(join(bench.folder, "reproduced", "report.html"))).toBe(true);
  });

  it("refuses two experiments of one name, of which one would overwrite the figures of the other", async () => {
    const one = "name: twin\nkind: minimize\nproblem: booth\noptimizer: gd\nlearningRate: 0.01\nsteps: 2\n";
    bench.write("one.yaml", one);
    bench.write("two.yaml", one.replace("0.01", "0.02"));
    const { status, stderr } = await bench.run("reproduce", "one.yaml", "two.yaml", "--out", "twins");
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining("one.yaml and two.yaml have the same name, twin"),
    ]);
    expect(existsSync(join(bench.folder, "twins"))).toBe(false);
    const again = await bench.json<ReproduceDocument>(
      ...["reproduce", "one.yaml", "one.yaml", "--out", "twins", "--json", "--quiet"],
    );
    expect(again.experiments.map(({ name }) => name)).toEqual(["twin"]);
  });
});
