import { expect, it } from "vitest";
import * as metrics from "../../src/entries/metrics.js";
import { OptionError } from "../../src/errors.js";
import { resultName } from "../../src/metrics/result-name.js";

it.each([
  ["loss", "loss", "min"],
  ["loss.final", "final loss", "min"],
  ["loss.left", "loss of left", "min"],
  ["epoch.loss", "epoch's loss", "min"],
  ["train.accuracy", "training accuracy", "max"],
  ["validation.loss", "validation loss", "min"],
  ["validation.accuracy", "validation accuracy", "max"],
  ["validation.leastLoss", "validation least loss", "min"],
  ["test.left.loss", "test loss of left", "min"],
  ["test.left.accuracy", "test accuracy of left", "max"],
  ["gradNormSq", "squared gradient norm", "min"],
  ["reported.deltaM", "reported Delta_m", "min"],
  ["front.reached", "reached of front", "max"],
  ["test.normal.within11", "test share of angles within 11.25 degrees of normal", "max"],
  ["validation.top3", "validation top3", undefined],
  ["cost.gain", "cost gain", undefined],
  ["constructor", "constructor", undefined],
] as const)("%s is the %s", (name, label, better) => {
  expect(resultName(name)).toEqual({ label, better });
});

it("tells the directions of the library's metrics as these do themselves", () => {
  const own = { f1: metrics.f1(), iou: metrics.iou(), mae: metrics.mae(), rmse: metrics.rmse() };
  const all = { ...own, calibrationError: metrics.calibrationError() };
  for (const [name, { mode }] of Object.entries(all))
    expect([name, resultName(name).better]).toEqual([name, mode]);
});

it("refuses what is no name", () => {
  expect(() => resultName(undefined as never)).toThrow(OptionError);
});
