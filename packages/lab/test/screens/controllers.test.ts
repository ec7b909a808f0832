import { describe, expect, it } from "vitest";
import { Tasks } from "../../src/screens/tasks/controller.svelte.js";
import { type TasksState, presets as tasksPresets } from "../../src/screens/tasks/state.js";
import { HeldWorker } from "../controllers.js";

describe("the controller of the tasks screen", () => {
  const opened = (query: string) => {
    const worker = new HeldWorker();
    const tasks = new Tasks(query, () => worker);
    tasks.reload();
    return { worker, tasks };
  };

  it.each(["y=first", "shows=second"])("runs a preset from its start, also after %s", async (seen) => {
    const { worker, tasks } = opened(seen);
    await worker.value("run", undefined);
    tasks.set(tasksPresets.tenth.state);
    const starts = worker.calls("run").map(({ args }) => (args as TasksState).x);
    expect(starts).toEqual([
      [-8.5, 7.5],
      [9, 9],
    ]);
  });

  it("runs nothing where only what is shown changes", async () => {
    const { worker, tasks } = opened("");
    await worker.value("run", undefined);
    tasks.set({ y: "second", shows: "first" });
    expect(worker.calls("run")).toHaveLength(1);
  });
});
