import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError, MissingDataError } from "isoloss";
import { processed } from "isoloss-test-support/data/qm9-processed";
import { files } from "isoloss-test-support/data/qm9-support";
import { afterAll, describe, expect, it } from "vitest";
import { loadQm9 } from "../../src/node/qm9.js";

describe("loadQm9", () => {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-qm9-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("says what a folder lacks, and where it is to be had", async () => {
    await expect(loadQm9(folder)).rejects.toThrow(MissingDataError);
    await expect(loadQm9(folder)).rejects.toThrow("gdb9.sdf and no gdb9.sdf.csv and no uncharacterized.txt");
  });

  it("reads the files, also those of another system's line ends, and refuses a part unless it may be one", async () => {
    const { sdf, csv } = files();
    writeFileSync(join(folder, "gdb9.sdf"), `${sdf.join("\r\n")}\r\n`);
    writeFileSync(join(folder, "gdb9.sdf.csv"), `${csv.join("\n")}\n`);
    writeFileSync(join(folder, "uncharacterized.txt"), "Index\n");
    const { molecules, targets } = await loadQm9(folder, { isWhole: false });
    expect(molecules).toHaveLength(2);
    expect(targets.shape).toEqual([2, 11]);
    await expect(loadQm9(folder)).rejects.toThrow(DataError);
    await expect(loadQm9(folder)).rejects.toThrow("QM9 has 130831 molecules; here are 2 molecules");
  });

  it("names a file that it cannot read", async () => {
    const own = join(folder, "unreadable");
    mkdirSync(join(own, "gdb9.sdf"), { recursive: true });
    for (const name of ["gdb9.sdf.csv", "uncharacterized.txt"]) writeFileSync(join(own, name), "");
    await expect(loadQm9(own)).rejects.toThrow(DataError);
    await expect(loadQm9(own)).rejects.toThrow("unreadable: Cannot read gdb9.sdf: it is a directory.");
  });

  it("reads what PyTorch Geometric keeps, in a folder without the raw files", async () => {
    const own = join(folder, "processed");
    mkdirSync(own);
    writeFileSync(join(own, "qm9.npz"), processed());
    const { molecules, targets } = await loadQm9(own, { isWhole: false });
    expect(molecules.map(({ symbols }) => symbols.join(""))).toEqual(["CHHHH", "CNH"]);
    expect(targets.shape).toEqual([2, 11]);
    writeFileSync(join(own, "qm9.npz"), processed().subarray(0, 200));
    await expect(loadQm9(own, { isWhole: false })).rejects.toThrow(DataError);
    await expect(loadQm9(own, { isWhole: false })).rejects.toThrow(`${join(own, "qm9.npz")}: `);
  });
});
