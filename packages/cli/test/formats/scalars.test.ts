import { expect, it } from "vitest";
import { metricsOf } from "../../src/formats/mlflow.js";
import { scalarsOf, timeOf } from "../../src/formats/scalars.js";
import { eventsOf } from "../../src/formats/tensorboard.js";

const record = {
  step: 4,
  seconds: 1.5,
  loss: 0.5,
  ok: true,
  note: "x",
  tasks: [1, null],
  validation: { loss: 2 },
};
const startedAt = new Date(1000);

it("takes numbers for scalars, but not the places they are drawn against", () => {
  expect(scalarsOf(record)).toEqual({ loss: 0.5, "tasks.0": 1, "validation.loss": 2 });
});

it("dates a record by its seconds, and one without them by the start", () => {
  expect(timeOf(record, 1000)).toBe(2500);
  expect(timeOf({ step: 4 }, 1000)).toBe(1000);
});

it("makes events and metrics of a run's records", () => {
  expect(eventsOf([record], startedAt)).toEqual([
    { step: 4, wallTime: 2.5, scalars: { loss: 0.5, "tasks.0": 1, "validation.loss": 2 } },
  ]);
  expect(metricsOf([record], startedAt)).toEqual([
    { key: "loss", value: 0.5, timestamp: 2500, step: 4 },
    { key: "tasks.0", value: 1, timestamp: 2500, step: 4 },
    { key: "validation.loss", value: 2, timestamp: 2500, step: 4 },
  ]);
});
