import { InvalidArgumentError } from "commander";
import { expect, it } from "vitest";
import { onlyLabel, positiveInteger, seedNumber } from "../src/parse.js";

it.each([
  ["1", 1],
  ["600", 600],
])("takes %j steps", (text, value) => {
  expect(positiveInteger(text)).toBe(value);
});

it.each(["0", "-1", "1.5", "", "ten", "Infinity", "1e300"])("refuses %j steps", (text) => {
  expect(() => positiveInteger(text)).toThrow(InvalidArgumentError);
});

it.each([
  ["0", 0],
  ["12345", 12345],
])("takes the seed %j", (text, value) => {
  expect(seedNumber(text)).toBe(value);
});

it.each(["-1", "0.5", "", " ", "x", "1e300"])("refuses the seed %j", (text) => {
  expect(() => seedNumber(text)).toThrow(InvalidArgumentError);
});

it("says what the largest integer is where one is larger", () => {
  expect(() => seedNumber("99999999999999999999")).toThrow("an integer from 0 to 9007199254740991.");
  expect(() => seedNumber("-1")).toThrow("an integer of at least 0.");
});

it("takes a label that is given twice once, and refuses a second one", () => {
  expect(onlyLabel("c", "c")).toBe("c");
  expect(() => onlyLabel("c", "b")).toThrow("label: [b, c]");
});
