// The directory of a sweep whose files are edited after it began.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  createSweepDirectory,
  faultsOfDirectory,
  openSweepDirectory,
  readSweepDirectory,
  rebuildSweepDirectory,
  sweepPaths,
} from "../../src/sweep/directory.js";
import { type Entry, readJournal, type SearchEnd } from "../../src/sweep/journal.js";
import { loadSweep } from "../../src/sweep/load.js";

const folder = mkdtempSync(join(tmpdir(), "isoloss-sweep-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The directory of a sweep that has asked its three trials, of two seeds each. */
async function begun(set: readonly string[] = [], why?: SearchEnd): Promise<string> {
  const path = join(folder, "rates.yaml");
  writeFileSync(
    path,
    `experiment: booth
set: { steps: 5 }
method: random
metric: { name: loss.last }
seeds: [0, 1]
parameters: { learningRate: { min: 0.01, max: 0.1 } }
budget: { trials: 3 }
`,
  );
  const sweep = await createSweepDirectory(folder, await loadSweep(path, set));
  const asks = sweep.engine.wanted(0);
  if (asks.what !== "asks") throw new Error("nothing is asked");
  const records = asks.entries.flatMap(({ runs }) =>
    runs.map((run) => ({
      ...({ entry: "record", run, status: "completed", values: {}, metrics: {} } as const),
      steps: 5,
      seconds: 1,
      lane: "a",
      directory: null,
    })),
  );
  const end = why === undefined ? [] : ([...records, { entry: "close", why }, { entry: "end" }] as const);
  sweep.journal.append([...asks.entries, ...end].map((entry): Entry => ({ ...entry, at: 7 })));
  sweep.close();
  return sweep.directory;
}

/** Edits a file of a sweep's directory. */
function edit(
  directory: string,
  from: string | RegExp,
  to: string,
  name: "file" | "experiment" = "file",
): void {
  const path = sweepPaths(directory)[name];
  const text = readFileSync(path, "utf8");
  expect(text).toMatch(from);
  writeFileSync(path, text.replace(from, to));
}

/** Resuming, reading and verifying a sweep, each with what it says. */
async function refused(directory: string, change: string): Promise<void> {
  const text = `The files of the sweep ${directory} are not those that it began with. ${change}. Put back what there was, or begin a new sweep: isoloss sweep ${join(directory, "sweep.yaml")}`;
  await expect(openSweepDirectory(directory)).rejects.toThrow(text);
  await expect(readSweepDirectory(directory)).rejects.toThrow(text);
  expect(await faultsOfDirectory(directory)).toContain(change);
}

describe("a sweep whose files were edited", () => {
  it.each([
    [/ {2}- 1\n/, "", "sweep.yaml: seeds was [0,1] and is [0]"],
    ["steps: 5", "steps: 4", "sweep.yaml: set.steps was 5 and is 4"],
    ["loss.last", "loss.first", 'sweep.yaml: metric.name was "loss.last" and is "loss.first"'],
    ["method: random", "method: sobol", 'sweep.yaml: method was "random" and is "sobol"'],
    ["max: 0.1", "max: 0.2", "sweep.yaml: parameters.learningRate.max was 0.1 and is 0.2"],
    ["goal:", "target: 1\n  goal:", "sweep.yaml: metric.target was not there and is 1"],
  ])("is refused: %s -> %j", async (from, to, change) => {
    const directory = await begun();
    edit(directory, from, to);
    await refused(directory, change);
  });

  it("is refused where its experiment is another", async () => {
    const directory = await begun();
    edit(directory, "name: gd", "name: adam", "experiment");
    await refused(directory, 'experiment.yaml: optimizer.name was "gd" and is "adam"');
  });

  it("goes on where it looks otherwise, or another length is asked of it", async () => {
    const directory = await begun();
    edit(directory, "method: random\n", "");
    edit(directory, "name:", "# the first\nmethod: random\nname:");
    edit(directory, "trials: 3", "trials: 5");
    edit(directory, "failures: 3", "failures: 9\ntimeout: 60");
    expect(await faultsOfDirectory(directory)).toEqual([]);
    const sweep = await openSweepDirectory(directory);
    expect(sweep.engine.wanted(0)).toMatchObject({ what: "asks", entries: [{ trial: 3 }, { trial: 4 }] });
    sweep.close();
  });

  it.each([
    ["trials", "trials: 3", "trials: 5", "3 trials were asked; 5 were to be"],
    ["seconds", "seconds: 7", "seconds: 9", "the search ended after 7 seconds; 9 were allowed"],
    ["steps", "steps: 30", "steps: 31", "the search ended after 30 steps; 31 were allowed"],
  ] as const)(
    "is refused where its search is over, and has a larger budget: %s",
    async (why, from, to, fault) => {
      const directory = await begun(why === "trials" ? [] : [`budget.${from.replace(": ", "=")}`], why);
      expect(await faultsOfDirectory(directory)).toEqual([]);
      (await openSweepDirectory(directory)).close();
      edit(directory, from, to);
      await expect(openSweepDirectory(directory)).rejects.toThrow(`sweep.yaml: budget: ${fault}. Put back`);
      expect(await faultsOfDirectory(directory)).toEqual([`I5: ${fault}`]);
    },
  );

  it("is known by the number of its seeds where its journal does not keep its files", async () => {
    const directory = await begun();
    edit(directory, "steps: 5", "steps: 5 # as it was");
    const { journal } = sweepPaths(directory);
    const [first = "", ...rest] = readFileSync(journal, "utf8").split("\n");
    const { files: _, sum: __, ...open } = JSON.parse(first);
    writeFileSync(journal, [JSON.stringify(open), ...rest].join("\n"));
    expect(await faultsOfDirectory(directory)).toEqual([]);
    edit(directory, / {2}- 1\n/, "");
    await refused(directory, "sweep.yaml: seeds were 2 and are 1");
  });

  it("is known on another computer, too", async () => {
    const { directory: own } = await readSweepDirectory(await begun());
    const [file, experiment, environment] = (["file", "experiment", "environment"] as const).map((name) =>
      readFileSync(sweepPaths(own)[name], "utf8"),
    ) as [string, string, string];
    const { directory, close } = await rebuildSweepDirectory(
      join(folder, "other"),
      { id: "a", name: "rates", since: "2026-01-02T03:04:05.000Z" },
      { spec: { file, experiment, environment }, asks: [], records: [] },
    );
    close();
    edit(directory, "steps: 5", "steps: 4");
    await refused(directory, "sweep.yaml: set.steps was 5 and is 4");
  });
});

describe("the journal of a sweep", () => {
  const pathOf = (directory: string) => sweepPaths(directory).journal;
  /** Edits its lines, which then have no checksums, as those of earlier versions. */
  const rewrite = (directory: string, to: (lines: string[]) => string[]) => {
    const lines = readFileSync(pathOf(directory), "utf8").split("\n");
    writeFileSync(pathOf(directory), to(lines.map((line) => line.replace(/,"sum":"[^"]*"/, ""))).join("\n"));
  };

  it("is not read where one digit of it has changed, and each such line is told", async () => {
    const directory = await begun([], "trials");
    const text = readFileSync(pathOf(directory), "utf8");
    const sought = [...text.matchAll(/\d/g)];
    expect(sought.length).toBeGreaterThan(200);
    for (const { index, 0: digit } of sought) {
      const other = `${text.slice(0, index)}${(Number(digit) % 9) + 1}${text.slice(index + 1)}`;
      writeFileSync(pathOf(directory), other);
      const changed: string[] = [];
      await readJournal(pathOf(directory), changed);
      const line = text.slice(0, index).split("\n").length;
      expect(changed).toEqual([
        expect.stringContaining(`journal.jsonl:${line} was changed after it was written`),
      ]);
    }
    writeFileSync(pathOf(directory), text.replaceAll('"seconds":1,', '"seconds":2,'));
    await expect(openSweepDirectory(directory)).rejects.toThrow(/journal\.jsonl:5 was changed .* Put back/);
    expect(await faultsOfDirectory(directory)).toHaveLength(6);
  });

  it("is read without checksums, too, as earlier versions wrote it", async () => {
    const directory = await begun();
    rewrite(directory, (lines) => lines);
    const { journal, close } = await openSweepDirectory(directory);
    journal.append([{ entry: "pause", at: 8 }]);
    close();
    expect(readFileSync(pathOf(directory), "utf8")).toMatch(
      /"at":7\}\n\{"entry":"pause","at":8,"sum":"[\da-f]{8}"\}\n$/,
    );
    expect(await faultsOfDirectory(directory)).toEqual([]);
  });

  it("is found to have asked other settings than those that its runs computed", async () => {
    const directory = await begun([], "trials");
    rewrite(directory, (lines) => lines.map((line, i) => (i === 2 ? line.replace(/0\.0\d/, "0.05") : line)));
    expect(await faultsOfDirectory(directory)).toEqual([
      expect.stringMatching(
        /^I1: the settings of trial 1 are not those of its run r-\w{20} with the seed 0$/,
      ),
    ]);
  });

  it("is found to have a status that there is not", async () => {
    const directory = await begun([], "trials");
    rewrite(directory, (lines) =>
      lines.map((line, i) => (i === 4 ? line.replace("completed", "complete") : line)),
    );
    expect(await faultsOfDirectory(directory)).toEqual([
      expect.stringMatching(
        /^I3: the status of the run r-\w+ is "complete"; expected one of completed, pruned, /,
      ),
    ]);
  });

  it("is not gone on with where a record was removed from it after its end", async () => {
    const directory = await begun([], "trials");
    (await openSweepDirectory(directory)).close();
    rewrite(directory, (lines) => lines.filter((_, i) => i !== 7));
    const before = readFileSync(pathOf(directory), "utf8");
    await expect(openSweepDirectory(directory)).rejects.toThrow(
      `The journal of the sweep ${directory} has faults. I3: the sweep has ended, but trial 1 has not. Put back what there was, or begin a new sweep: isoloss sweep ${join(directory, "sweep.yaml")}`,
    );
    expect(readFileSync(pathOf(directory), "utf8")).toBe(before);
  });
});
