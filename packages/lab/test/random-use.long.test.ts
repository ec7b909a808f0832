// Ten minutes of random use before a release: RANDOM_USE_MINUTES=10 RANDOM_USE_SEED=7 npx vitest run --mode long packages/lab/test/random-use
import { createRng } from "isoloss/data";
import { executablePath } from "isoloss-test-support/browser/site";
import type { CDPSession, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { watchLongTasks } from "./long-tasks.js";
import { settled, titled, useLab } from "./support.js";

const minutes = Number(process.env.RANDOM_USE_MINUTES ?? 1);
const seed = Number(process.env.RANDOM_USE_SEED ?? 7);
/** Settings that a person waits for, with short runs. */
const addresses = [
  "#/landscape?f=booth",
  "#/landscape?n=200&with=plain,teleported,random,rate,lbfgs,cg",
  "#/landscape?f=own&n=60",
  "#/train?net=6&epochs=2&tp=5",
  "#/train?data=digits&net=8&epochs=1&batch=50",
  "#/tasks?n=300&methods=linearScalarization,pcGrad",
  "#/model?sample=mlp",
  "#/model?sample=convnet",
];
/** What an action says that has nothing to act on. */
const nothing = "there is nothing to choose from";
/** Megabytes of heap that a page may have after a collection of garbage. */
const mostHeap = 80;
/** Milliseconds that the page may compute without a pause. */
const mostComputing = 100;

describe.skipIf(!executablePath)(titled("random use"), () => {
  const lab = useLab();

  it(
    `ends without an error, a long task or a worker that is left over, and with a bounded heap (seed ${seed}, ${minutes} minutes)`,
    async () => {
      console.info(`random use: seed ${seed}, ${minutes} minutes`);
      const rng = createRng(seed);
      const pick = <T>(list: readonly T[]): T => {
        if (list.length === 0) throw new Error(nothing);
        return list[rng.int(list.length)];
      };
      const page = await lab.open(addresses[0]);
      const client = await lab.context.newCDPSession(page);
      page.on("dialog", (dialog) => void dialog.dismiss());
      const before = await heapOf(client);
      const longTasks = await watchLongTasks(page);
      const counts: Record<string, number> = {};
      const end = performance.now() + 60_000 * minutes;
      while (performance.now() < end) {
        const action = pick(Object.keys(actions));
        counts[action] = (counts[action] ?? 0) + 1;
        // What an action meets may be gone, or covered, by the time it is done.
        await actions[action](page, pick, () => rng.next()).catch((error: Error) => {
          if (
            !/^there is nothing|Timeout|not attached|detached|intercepts|not visible|not enabled/.test(
              error.message,
            )
          )
            throw error;
        });
      }
      // Of the screens that were left none has a worker any more.
      await page.evaluate((hash) => {
        location.hash = hash;
      }, addresses[0]);
      await expect.poll(() => page.workers().length, { timeout: 60_000 }).toBe(1);
      const atEnd = await heapOf(client);
      const tasks = [...(await longTasks())].sort((a, b) => b.computing - a.computing);
      const told = tasks
        .slice(0, 5)
        .map(
          ({ duration, computing, hash }) =>
            `${computing.toFixed(0)} of ${duration.toFixed(0)} ms at ${hash}`,
        );
      console.info(
        `random use: ${tasks.length} tasks above 50 ms by the clock; most computing: ${told.join("; ")}`,
      );
      // Back to where it began: what is left is what was not let go.
      await page.goto("about:blank");
      await page.goto(`${lab.site.url}${addresses[0]}`);
      await settled(page);
      const after = await heapOf(client);
      console.info(
        `random use: heap ${before.toFixed(1)} MB before, ${atEnd.toFixed(1)} MB at the end, ${after.toFixed(1)} MB after a reload; most ${mostSeen.toFixed(1)} MB; ${JSON.stringify(counts)}`,
      );
      expect(mostSeen).toBeLessThan(mostHeap);
      expect(tasks[0]?.computing ?? 0).toBeLessThan(mostComputing);
      expect(await page.locator("[role=alert]").count()).toBe(0);
      // The usual limit, on top of the minutes that were asked for.
    },
    300_000 + 60_000 * minutes,
  );

  let mostSeen = 0;
  /** Megabytes in use after a collection of garbage. */
  async function heapOf(client: CDPSession): Promise<number> {
    await client.send("HeapProfiler.collectGarbage");
    const { usedSize } = await client.send("Runtime.getHeapUsage");
    mostSeen = Math.max(mostSeen, usedSize / 1e6);
    return usedSize / 1e6;
  }

  type Pick = <T>(list: readonly T[]) => T;
  const quick = { timeout: 300 };
  const actions: Readonly<Record<string, (page: Page, pick: Pick, share: () => number) => Promise<unknown>>> =
    {
      address: (page, pick) =>
        page.evaluate((hash) => {
          location.hash = hash;
        }, pick(addresses)),
      async click(page, pick) {
        const buttons = await page.locator("main button:visible, header button:visible, nav a:visible").all();
        // What opens a chooser of files or downloads has tests of its own.
        const button = pick(buttons);
        const text = (await button.textContent(quick)) ?? "";
        if (/^\s*(Save|Choose|Copy)/.test(text)) return;
        await button.click(quick);
      },
      async select(page, pick) {
        const select = pick(await page.locator("select:visible").all());
        const options = await select.locator("option").allTextContents();
        await select.selectOption(
          { index: Math.floor(options.length * 0.999 * pick([0.1, 0.4, 0.7, 0.99])) },
          quick,
        );
      },
      async toggle(page, pick) {
        await pick(await page.locator("input[type=checkbox]:visible").all()).click(quick);
      },
      async type(page, pick) {
        const field = pick(await page.locator("input[type=text]:visible").all());
        await field.fill(
          pick(["1", "0", "7", "0.5", "-1", "1e9", "x", "", "20,10", "x*y - 1", "sin(x", "every:9"]),
          quick,
        );
        await field.press("Enter", quick);
      },
      async slide(page, pick, share) {
        const slider = pick(await page.locator("input[type=range]:visible").all());
        await slider.evaluate((input: HTMLInputElement, at: number) => {
          input.value = String(Number(input.min) + at * (Number(input.max) - Number(input.min)));
          input.dispatchEvent(new Event("input", { bubbles: true }));
          input.dispatchEvent(new Event("change", { bubbles: true }));
        }, share());
      },
      async key(page, pick) {
        await page.keyboard.press(
          pick([
            " ",
            ".",
            ",",
            "t",
            "h",
            "r",
            "u",
            "?",
            "Escape",
            "Tab",
            "Shift+Tab",
            "Enter",
            "ArrowLeft",
            "ArrowUp",
            "Shift+ArrowRight",
            "Home",
            "End",
            "+",
            "-",
            "0",
            "1",
            "2",
            "3",
            "4",
          ]),
        );
      },
      async drag(page, pick, share) {
        const canvas = pick(await page.locator("canvas:visible, .start:visible").all());
        const box = await canvas.boundingBox(quick);
        if (box === null) return;
        await page.mouse.move(box.x + share() * box.width, box.y + share() * box.height);
        await page.mouse.down();
        for (let k = 0; k < 6; k++) await page.mouse.move(1280 * share(), 900 * share(), { steps: 2 });
        await page.mouse.up();
      },
      async wheel(page, _, share) {
        await page.mouse.wheel(0, 2000 * (share() - 0.5));
      },
      async resize(page, pick) {
        await page.setViewportSize({ width: pick([320, 390, 800, 1280, 1600]), height: pick([500, 900]) });
      },
      /** Within the lab: before its first address there is an empty page, where nothing can be done. */
      back: (page, pick) =>
        page.evaluate(
          (way) => {
            const { navigation } = globalThis as unknown as Record<"navigation", Record<string, boolean>>;
            if (navigation[way === "back" ? "canGoBack" : "canGoForward"]) history[way]();
          },
          pick(["back", "forward"] as const),
        ),
      rest: (page, pick) => page.waitForTimeout(pick([10, 100, 500])),
      async measure(page) {
        const client = await page.context().newCDPSession(page);
        await heapOf(client);
        await client.detach();
      },
    };
});
