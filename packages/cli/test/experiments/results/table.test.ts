import { expect, it } from "vitest";
import { textList, textTable } from "../../../src/experiments/results/table.js";

const head = ["", "runs", "final loss", "teleports", "largest drift", "time"];
const rows = [
  ["plain", "3", "0.25 +- 0.01", "-", "-", "1.2 s"],
  ["with teleports", "3", "0.125 +- 0.01", "4 of 5", "1.0e-6", "1.3 s"],
];

it("puts all columns beside each other where there is room, the first on the left", () => {
  expect(textTable(head, rows, Infinity).split("\n")).toEqual([
    "                runs     final loss  teleports  largest drift   time",
    "plain              3   0.25 +- 0.01          -              -  1.2 s",
    "with teleports     3  0.125 +- 0.01     4 of 5         1.0e-6  1.3 s",
  ]);
});

it.each([30, 40, 60])("fits in %d columns, with every cell, and the first column in each part", (width) => {
  const text = textTable(head, rows, width);
  const parts = text.split("\n\n");
  expect(parts.length).toBeGreaterThan(1);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
  for (const part of parts) expect(part).toContain("\nwith teleports  ");
  for (const cell of [...head, ...rows.flat()]) expect(text).toContain(cell);
});

it("has a line for a name of several lines", () => {
  const rows = [["first\nsecond", "1"]];
  expect(textTable(["", "size"], rows, Infinity)).toBe("               size\nfirst\\nsecond     1");
});

it("shows one column a part where no two fit", () => {
  expect(textTable(["", "a", "b"], [["name", "1", "2"]], 3).split("\n\n")).toEqual([
    "      a\nname  1",
    "      b\nname  2",
  ]);
});

it("breaks the lines of a list below their text", () => {
  const entries = [
    ["adam", "moments of the gradient, bias corrected"],
    ["gd", "plain"],
  ] as const;
  expect(textList(entries, "  ", 34).split("\n")).toEqual([
    "  adam  moments of the gradient,",
    "        bias corrected",
    "  gd    plain",
  ]);
  expect(textList(entries, "", 10).split("\n")[0]).toBe("adam  moments of the gradient, bias corrected");
});
