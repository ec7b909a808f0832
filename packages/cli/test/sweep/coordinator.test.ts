import { expect, it } from "vitest";
import { coordinate } from "../../src/sweep/coordinator.js";
import { createEngine } from "../../src/sweep/engine.js";
import type { Entry } from "../../src/sweep/journal.js";
import { samplerOf } from "../../src/sweep/samplers/sampler.js";
import { idOf, sweepFile } from "./model.js";

it("ends with an error that its lanes have while they start", async () => {
  const file = sweepFile({ seeds: [0], confirm: false });
  const engine = createEngine({ file, sampler: samplerOf(file), idOf });
  const ended = coordinate({
    engine,
    journal: { append() {}, close() {} },
    lanes: {
      width: 1,
      words: "1 lane",
      async start({ fail }) {
        fail(new Error("the disk is full"));
        // Longer than Node waits for a handler.
        await new Promise((resolve) => setTimeout(resolve, 20));
      },
      submit() {},
      withdraw: async () => [],
      cancel() {},
      stop: async () => {},
    },
    requestOf: ({ id }) => ({ id }) as never,
  });
  await expect(ended).rejects.toThrow("the disk is full");
});

it("leaves a sweep to its lanes once they have all runs, however long that takes", async () => {
  const file = sweepFile({ seeds: [0], confirm: false });
  const engine = createEngine({ file, sampler: samplerOf(file), idOf });
  const entries: Entry[] = [];
  const told: string[] = [];
  const hasEnded = await coordinate({
    engine,
    journal: { append: (fresh) => void entries.push(...fresh), close() {} },
    lanes: {
      width: 1,
      words: "1 lane",
      async start() {},
      submit() {},
      async handedOver() {
        await new Promise((resolve) => setTimeout(resolve, 50));
        told.push("handed over");
      },
      withdraw: async () => [],
      cancel() {},
      stop: async () => void told.push("stopped"),
    },
    requestOf: ({ id }) => ({ id }) as never,
    isDetached: true,
  });
  expect([hasEnded, told]).toEqual([false, ["handed over", "stopped"]]);
  expect(entries.filter(({ entry }) => entry === "ask")).toHaveLength(8);
});
