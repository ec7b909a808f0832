import { describe, expect, it } from "vitest";
import { leaves, pathText, pathWords, valueAtPath } from "../src/dotted-path.js";

it("is written with indices in brackets, and read with or without", () => {
  expect(pathText(["tasks", 1, "weight"])).toBe("tasks[1].weight");
  expect(pathWords("tasks[1].weight")).toEqual(["tasks", "1", "weight"]);
  expect(pathWords("tasks.1.weight")).toEqual(["tasks", "1", "weight"]);
});

it("finds plain values by their paths", () => {
  expect(leaves({ a: { b: [1, "x"] }, c: null })).toEqual([
    ["a.b.0", 1],
    ["a.b.1", "x"],
    ["c", null],
  ]);
});

describe("valueAtPath", () => {
  it("finds numbers in lists, from either end, and under keys with dots", () => {
    const root = { loss: { history: [4, 2, 1] }, metrics: { "validation.loss": 7, "a.b": { c: 8 } } };
    expect(valueAtPath(root, "loss.history[1]")).toBe(2);
    expect(valueAtPath(root, "loss.history[-1]")).toBe(1);
    expect(valueAtPath(root, "metrics.validation.loss")).toBe(7);
    expect(valueAtPath(root, "metrics.a.b.c")).toBe(8);
  });

  it.each([
    "loss.history[3]",
    "loss",
    "loss.histroy[0]",
    "metrics.validation",
    "nothing.at.all",
    "loss.history.length",
  ])("knows no number at %s", (path) => {
    expect(
      valueAtPath({ loss: { history: [4, 2, 1] }, metrics: { "validation.loss": 7 } }, path),
    ).toBeUndefined();
  });
});
