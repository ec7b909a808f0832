import { expect, it } from "vitest";
import { scalarsOf } from "../../../src/experiments/jobs/tracking.js";

const record = {
  step: 4,
  seconds: 1.5,
  loss: 0.5,
  ok: true,
  note: "x",
  tasks: [1, null],
  validation: { loss: 2 },
};

it("takes numbers for scalars, but not the places they are drawn against", () => {
  expect(scalarsOf(record)).toEqual({ loss: 0.5, "tasks.0": 1, "validation.loss": 2 });
});
