import { expect, it } from "vitest";
import { experimentOf as landscapeExperiment } from "../../src/screens/landscape/export.js";
import { defaultState as landscape } from "../../src/screens/landscape/state.js";
import { experimentOf as tasksExperiment } from "../../src/screens/tasks/export.js";
import { defaultState as tasks } from "../../src/screens/tasks/state.js";
import { experimentOf as trainExperiment } from "../../src/screens/train/export.js";
import { defaultState as train } from "../../src/screens/train/state.js";

const never = { tp: { kind: "off" }, with: ["teleported"] } as const;

it("what has no place in an experiment of Landscape is named in it", () => {
  const shown = { ...landscape("booth"), with: ["plain", "hand", "rate"] } as const;
  expect(landscapeExperiment(shown)?.match(/^# Left out: .*/gm)).toEqual([
    "# Left out: descent from a point that was dragged.",
    "# Left out: the larger rate, which is known after the teleports.",
  ]);
  expect(landscapeExperiment({ ...shown, with: ["plain"] })).not.toContain("Left out");
});

it("an experiment of Train has all seeds", () => {
  const text = trainExperiment({ ...train, data: "digits", seed: 4, seeds: 3 }, []);
  expect(text).toMatch(/^seeds: \[4, 5, 6\]$/m);
});

it.each([
  ["none on Landscape", () => landscapeExperiment({ ...landscape("booth"), with: [] })],
  ["teleports that never come on Landscape", () => landscapeExperiment({ ...landscape("booth"), ...never })],
  ["teleports that never come on Train", () => trainExperiment({ ...train, data: "digits", ...never }, [])],
  ["no method on Tasks", () => tasksExperiment({ ...tasks, methods: [] })],
])("an experiment without variants, which `isoloss run` does not read, is not copied: %s", (_, copy) => {
  expect(copy).toThrow("Nothing that is compared has a place in an experiment: compare more.");
});
