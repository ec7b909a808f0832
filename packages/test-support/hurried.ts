import { setTimeout as pause } from "node:timers/promises";
import { vi } from "vitest";

/** Waits for a task in whose time a second takes 20 ms: for what waits for a server that does not come. */
export async function hurried<T>(start: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    let isOver = false;
    const task = start().finally(() => {
      isOver = true;
    });
    // It is awaited below.
    task.catch(() => {});
    while (!isOver) {
      await pause(20);
      vi.advanceTimersByTime(1000);
    }
    return await task;
  } finally {
    vi.useRealTimers();
  }
}
