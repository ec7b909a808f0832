import { expect, it } from "vitest";
import type { Job } from "../../../src/experiments/jobs/job.js";
import { lanesFor } from "../../../src/experiments/report/batch.js";

const job = (kind: string, settings = {}) => ({ kind, settings }) as Job;
const counts = { threads: 1, untimed: 4 };

it("runs side by side where their seconds do not count and each takes one core", () => {
  expect(lanesFor([job("minimize"), job("train", { runtime: "javascript" })], false, counts)).toBe(4);
  expect(lanesFor([job("minimize")], true, counts)).toBe(1);
  // ONNX Runtime takes all cores for one, unless it is to have one thread.
  expect(lanesFor([job("train", { threads: 1 })], false, counts)).toBe(4);
  expect(lanesFor([job("minimize"), job("train")], false, counts)).toBe(1);
  expect(lanesFor([job("minimize")], false, { threads: 2 })).toBe(2);
});
