import { expect, it } from "vitest";
import { toCsv } from "../../src/formats/csv.js";

it("has a column a key in order of appearance, and empty fields for what is missing", () => {
  expect(
    toCsv([
      { step: 0, loss: 2.5 },
      { step: 1, accuracy: 1e-7, loss: null },
    ]),
  ).toBe("step,loss,accuracy\r\n0,2.5,\r\n1,,1e-7\r\n");
});

it("gives what is nested a column a part", () => {
  expect(toCsv([{ step: 0, tasks: [1, 2], validation: { loss: 3 } }])).toBe(
    "step,tasks.0,tasks.1,validation.loss\r\n0,1,2,3\r\n",
  );
});

it("quotes what would be taken for the table's structure", () => {
  expect(toCsv([{ reason: 'a "b", c\nd', "x,y": true, z: " e" }])).toBe(
    'reason,"x,y",z\r\n"a ""b"", c\nd",true," e"\r\n',
  );
});

it("keeps every digit of a number", () => {
  expect(toCsv([{ a: 0.1 + 0.2, b: 1e21 }])).toBe("a,b\r\n0.30000000000000004,1e+21\r\n");
});

it("is empty without records", () => {
  expect(toCsv([])).toBe("");
});
