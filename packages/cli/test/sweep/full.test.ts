// The sweeps of experiments/full, which take hours, are read and checked; full.long.test.ts runs the smallest form of each.
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadExperiment } from "../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../src/experiments/definition/resolve.js";
import type { SweepDocument } from "../../src/sweep/document.js";
import { loadSweep } from "../../src/sweep/load.js";
import { workbench } from "../commands/support.js";

const folder = fileURLToPath(new URL("../../../../experiments/full", import.meta.url));
const sweeps = readdirSync(folder).filter((name) => name.endsWith(".yaml") && name !== "sharpness.yaml");

const journals = join(folder, "journals");
const bench = workbench({ isInProcess: true });

describe("experiments/full", () => {
  it.each(readdirSync(journals))("has the journal of %s, with every run counted once", async (name) => {
    const { status, stdout } = await bench.run("sweep", "--verify", join(journals, name));
    expect([status, stdout]).toEqual([0, "I1 to I5 hold.\n"]);
  });

  it.each([
    ["teleport-mlp-adagrad", "validation"],
    ["cost-fashion-digits", "test"],
  ])("has reports that say which rows judged: those that chose, in %s", async (name, rows) => {
    cpSync(join(journals, name), join(bench.folder, name), { recursive: true });
    const { confirmed } = await bench.json<SweepDocument>("sweep", "--resume", name, "--json", "--quiet");
    expect(confirmed.length).toBeGreaterThan(0);
    for (const { text, judgment, ...own } of confirmed) {
      expect(own).toMatchObject({ rows, rowsChose: true });
      expect(judgment).not.toBe("helps");
      expect(text).toContain(`The ${rows} rows judged, which also chose, the same for all seeds.`);
    }
    const page = readFileSync(join(bench.folder, name, "report.html"), "utf8");
    expect(page).toContain(`the ${rows} rows judged the fresh seeds, and they also chose`);
  });

  it.each(sweeps)("%s compares arms with a plain one, on 8 to 24 fresh seeds", async (name) => {
    const { file, notes } = await loadSweep(`${folder}/${name}`);
    expect(`${file.name}.yaml`).toBe(name);
    // Several tasks have test rows alone.
    expect(notes).toEqual(
      file.metric.name.startsWith("test.") ? [expect.stringContaining("both choose and judge")] : [],
    );
    if (file.confirm === false) throw new Error("nothing is confirmed");
    const { each = "", baseline, seeds, until } = file.confirm;
    expect(["cost", "teleport"]).toContain(each);
    expect(baseline).toEqual({ [each]: null });
    const arms = file.parameters[each];
    expect("values" in arms && arms.values).toHaveLength(5);
    expect([until?.from, seeds.length]).toEqual([8, 24]);
    expect(file.runSeconds).toBeGreaterThan(0);
  });

  it("sharpness.yaml trains a hundred networks for each data set", async () => {
    const { variants } = resolveExperiment(await loadExperiment(`${folder}/sharpness.yaml`));
    expect(variants.map(({ name, settings }) => [name, settings.models])).toEqual([
      ["digits", 100],
      ["fashion", 100],
    ]);
  });
});
