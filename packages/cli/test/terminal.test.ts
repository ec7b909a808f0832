import { expect, it } from "vitest";
import { lineWidth } from "../src/terminal.js";

it("is the terminal's width, and without an end elsewhere or where the terminal does not know", () => {
  expect(lineWidth({ isTTY: true, columns: 80 })).toBe(80);
  for (const lines of [{}, { columns: 80 }, { isTTY: true, columns: 0 }, { isTTY: true }]) {
    expect(lineWidth(lines)).toBe(Infinity);
  }
});
