import { DataError } from "isoloss";
import { atom, files, header, methane, methaneRow, record, row } from "isoloss-test-support/data/qm9-support";
import { describe, expect, it } from "vitest";
import { moleculeBatch } from "../../src/data/molecules.js";
import { parseQm9, qm9Tasks, readSdf } from "../../src/data/qm9.js";

describe("QM9", () => {
  it("has molecules as they are written", async () => {
    const { molecules } = await parseQm9(files());
    expect(molecules).toHaveLength(2);
    expect(molecules[0]?.symbols.join("")).toBe("CHHHH");
    expect(molecules[0]?.positions[3]).toEqual([-0.5408, 1.4475, -0.8766]);
    expect(molecules[1]?.bonds).toEqual([
      [0, 1, 3],
      [0, 2, 1],
    ]);
    expect(moleculeBatch(molecules).mask.shape).toEqual([2, 5]);
  });

  it("has the eleven tasks in the units of the papers", async () => {
    const { targets } = await parseQm9(files());
    expect(qm9Tasks).toEqual("mu alpha homo lumo r2 zpve u0 u298 h298 g298 cv".split(" "));
    const expected = [
      ...[0, 13.21, -10.549854, 3.186453, 35.3641, 1.217682],
      ...[-17.172182, -17.286823, -17.389655, -16.151918, 6.469],
    ];
    expected.forEach((value, k) => {
      expect(targets.data[k]).toBeCloseTo(value, 5);
    });
  });

  it("leaves out what uncharacterized.txt names between its header and its footer", async () => {
    const uncharacterized = [
      "Some text of nine lines",
      "=======",
      " Index  InChI",
      "    1  1S/CH4",
      "",
      "==== end",
    ];
    const { molecules, targets } = await parseQm9({ ...files(), uncharacterized });
    expect(molecules.map(({ symbols }) => symbols.join(""))).toEqual(["CNH"]);
    expect(targets.shape).toEqual([1, 11]);
  });

  it("reads numbers by their columns, of a hundred atoms and more, too", async () => {
    const many = Array.from({ length: 100 }, (_, i) => atom(i, 0, 0, "C"));
    const lines = record("large", many, [[99, 100, 2]]);
    expect(lines[3]).toMatch(/^100 {2}1/);
    expect(lines[104]).toMatch(/^ 99100 {2}2/);
    for await (const { symbols, bonds } of readSdf(lines)) {
      expect(symbols).toHaveLength(100);
      expect(bonds).toEqual([[98, 99, 2]]);
    }
  });

  const changed = (line: number, text: string) => methane.map((own, i) => (i === line ? text : own));
  it.each([
    [
      "no counts",
      { sdf: changed(3, "five atoms") },
      'molecule 1, line 4: expected counts of atoms and bonds that end with V2000; got "five atoms"',
    ],
    ["a count that is none", { sdf: changed(3, "  x  4  0 V2000") }, "a number of atoms in columns 1 to 3"],
    [
      "no place",
      { sdf: changed(5, "    0.0022   -x.0060    0.0020 H") },
      "molecule 1, line 6: expected three coordinates",
    ],
    [
      "a bond to no atom",
      { sdf: changed(9, row(1, 6, 1)) },
      "molecule 1, line 10: expected atoms from 1 to 5",
    ],
    ["a bond that is cut off", { sdf: changed(9, "  1") }, "two atoms and an order"],
    ["an end within a molecule", { sdf: methane.slice(0, -1) }, "ends within molecule 1"],
    ["another header", { csv: ["smiles,mu", "C,1"] }, "there is no alpha among smiles, mu"],
    [
      "a row that is cut off",
      { csv: [header, methaneRow.split(",").slice(0, 10).join(",")] },
      "gdb9.sdf.csv, line 2: zpve is a number",
    ],
    [
      "a word for a number",
      { csv: [header, methaneRow.replace("13.21", "many")] },
      'alpha is a number; got "many"',
    ],
    ["fewer rows", { csv: [header] }, "gdb9.sdf has 1 molecules and gdb9.sdf.csv 0 rows"],
    ["an index beyond", { uncharacterized: ["7 of one"] }, "names molecule 7; there are 1"],
  ])("says what is wrong: %s", async (_, change, message) => {
    const given = { sdf: methane, csv: [header, methaneRow], ...change };
    await expect(parseQm9(given)).rejects.toThrow(DataError);
    await expect(parseQm9(given)).rejects.toThrow(message);
  });
});
