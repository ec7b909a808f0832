import { existsSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";

/** A task of a page's main thread that took long. */
export interface LongTask {
  /** Milliseconds by the clock, in which other programs had their turns, too. */
  readonly duration: number;
  /** At most so many of them the thread computed; without Linux's word all of them. */
  readonly computing: number;
  /** Where the page was. */
  readonly hash: string;
}

interface Watched {
  readonly longTasks: { readonly start: number; readonly duration: number; readonly hash: string }[];
}

/** Watches a page from now on. @returns what ends that, and tells of its long tasks */
export async function watchLongTasks(page: Page): Promise<() => Promise<readonly LongTask[]>> {
  const client = await page.context().browser()?.newBrowserCDPSession();
  const { processInfo } = (await client?.send("SystemInfo.getProcessInfo")) ?? { processInfo: [] };
  const renderers = processInfo
    .filter(({ type }) => type === "renderer")
    .map(({ id }) => `/proc/${id}/schedstat`)
    .filter((path) => existsSync(path));
  /** Nanoseconds that the main threads of pages have computed; those of workers are others. */
  const computed = () =>
    renderers.map((path) => (existsSync(path) ? Number(readFileSync(path, "utf8").split(" ")[0]) : 0));
  const looks: { readonly time: number; readonly computed: readonly number[] }[] = [];
  const look = () => looks.push({ time: performance.timeOrigin + performance.now(), computed: computed() });
  look();
  const timer = setInterval(look, 5);
  await page.evaluate(() => {
    const longTasks: Watched["longTasks"] = [];
    Object.assign(globalThis, { longTasks });
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries())
        longTasks.push({ start: performance.timeOrigin + startTime, duration, hash: location.hash });
    }).observe({ type: "longtask" });
  });
  return async () => {
    clearInterval(timer);
    look();
    await client?.detach();
    const tasks = await page.evaluate(() => (globalThis as unknown as Watched).longTasks);
    return tasks.map(({ start, duration, hash }) => {
      const before = looks.filter(({ time }) => time <= start).at(-1) ?? looks[0];
      const after = looks.find(({ time }) => time >= start + duration) ?? looks[looks.length - 1];
      const span = Math.max(0, ...after.computed.map((value, k) => (value - before.computed[k]) / 1e6));
      return { duration, computing: span > 0 ? Math.min(duration, span) : duration, hash };
    });
  };
}
