import { readFileSync } from "node:fs";
import { createMethod, createMultiTaskTrainer } from "isoloss/mtl";
import { adam } from "isoloss/optim";
import { twoTaskToy } from "isoloss/problems";
import { executablePath } from "isoloss-test-support/browser/site";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Arrival, Course } from "../src/screens/tasks/course.js";
import type { TasksState } from "../src/screens/tasks/state.js";
import { fetchedAhead, hashOf, inspected, settled, titled, useLab } from "./support.js";

interface Inspected {
  readonly state: TasksState;
  readonly runs: readonly Course[];
  readonly arrivals: readonly Arrival[];
}

describe.skipIf(!executablePath)(titled("the tasks screen"), () => {
  const lab = useLab();
  const { open } = lab;
  const shown = (page: Page) => inspected<Inspected>(page);

  it("shows the numbers of the trainer, up to where rounding decides", async () => {
    const page = await open("#/tasks?methods=linearScalarization,fairGrad,mgda&with=alone&n=2000");
    const { runs } = await shown(page);
    expect(runs.map(({ method }) => method)).toEqual(["linearScalarization", "mgda", "fairGrad"]);
    const toy = twoTaskToy();
    for (const { method, x, y, first, step } of runs) {
      const trainer = await createMultiTaskTrainer({
        losses: toy.losses,
        params: toy.at([-8.5, 7.5]),
        tasks: toy.tasks,
        clipNorm: 0,
        method: createMethod(method),
        optimizer: adam(),
        learningRate: 1e-3,
      });
      // Before the ridge, on which a change of the last bit grows.
      await trainer.run({ steps: 1000 });
      const k = step.indexOf(1000);
      const { data } = trainer.current.params.shared.w;
      expect(x[k]).toBeCloseTo(Number(data[0]), 9);
      expect(y[k]).toBeCloseTo(Number(data[1]), 9);
      expect(first[0]).toBeCloseTo(trainer.history.losses[0][0], 12);
    }
  });

  it("stays off the front from (9, 9) at scale 0.1 with a sum, and reaches it with COST", async () => {
    const page = await open("#/tasks?scale=0.1&x=9,9&with=alone,cost");
    const { runs } = await shown(page);
    expect(runs.map(({ variant, status }) => [variant, status])).toEqual([
      ["alone", "done"],
      ["cost", "front"],
    ]);
    expect(runs[0].distance.at(-1)).toBeGreaterThan(5);
    expect(runs[1].distance.at(-1)).toBeLessThan(0.15);
    const { accepted, change } = runs[1].attempts;
    accepted.forEach((isAccepted, k) => {
      if (isAccepted) expect(change[k]).toBeLessThanOrEqual(2);
    });
    expect(await page.locator(".status").textContent()).toContain("1 of 2 runs reached the Pareto front");
    const table = await page.locator(".results tbody tr").allTextContents();
    expect(table[1]).toContain(`at step ${runs[1].step.at(-1)}`);
  });

  it("ends every method with finite numbers, four at a time", async () => {
    const page = await open("#/tasks?with=alone,rate&n=300&methods=pcGrad,mgda,caGrad,upGrad");
    const { runs } = await shown(page);
    expect(runs).toHaveLength(8);
    for (const { distance, cosine, status } of runs) {
      expect(status).toBe("done");
      expect([...distance, ...cosine].every(Number.isFinite)).toBe(true);
      expect(Math.max(...cosine.map(Math.abs))).toBeLessThanOrEqual(1 + 1e-12);
    }
    expect(await page.getByLabel("Nash-MTL").isDisabled()).toBe(true);
  });

  it("moves its start by keys, buttons and fields, and its link restores all of it", async () => {
    const page = await open("#/tasks?with=alone&n=200");
    const point = page.getByRole("button", { name: /^start, x1/ });
    await point.focus();
    for (const key of ["ArrowRight", "Shift+ArrowDown"]) await page.keyboard.press(key);
    await settled(page);
    expect((await shown(page)).state.x).toEqual([-8.28, 5.3]);
    expect(await hashOf(page)).toBe("#/tasks?x=-8.28,5.3&with=alone&n=200");
    const again = await open(await hashOf(page));
    expect((await shown(again)).runs[0].first).toEqual((await shown(page)).runs[0].first);
    await again.getByRole("button", { name: "(9, -1)" }).click();
    await settled(again);
    expect((await shown(again)).runs[0].x[0]).toBe(9);
    await again.keyboard.press("r");
    await settled(again);
    expect((await shown(again)).state.x).toEqual([-8.5, 7.5]);
  });

  it("drags its start by touch", async () => {
    const page = await open("#/tasks?with=alone&n=50", { width: 390 });
    const box = await page.getByRole("button", { name: /^start, x1/ }).boundingBox();
    if (!box) throw new Error("There is no start.");
    const client = await lab.context.newCDPSession(page);
    const at = { x: box.x + 22, y: box.y + 22 };
    const finger = (type: "touchStart" | "touchMove" | "touchEnd", touchPoints: { x: number; y: number }[]) =>
      client.send("Input.dispatchTouchEvent", { type, touchPoints });
    await finger("touchStart", [at]);
    for (const by of [20, 40, 60]) await finger("touchMove", [{ x: at.x + by, y: at.y + by }]);
    await finger("touchEnd", []);
    await settled(page);
    const { state } = await shown(page);
    expect(state.x[0]).toBeGreaterThan(-6);
    expect(state.x[1]).toBeLessThan(5);
  });

  it("runs from all five starts, and plays what it ran by keys", async () => {
    const page = await open("#/tasks?with=alone&n=400&lr=0.1");
    await page.getByRole("button", { name: "Try all five starts" }).click();
    await settled(page);
    const { arrivals } = await shown(page);
    expect(arrivals.map(({ start }) => start)).toEqual([0, 1, 2, 3, 4]);
    const cells = await page
      .getByRole("region", { name: "From all five starts" })
      .locator("tbody")
      .textContent();
    expect(cells).toMatch(/\d of 5/);
    const output = page.locator(".player output");
    await page.keyboard.press(",");
    const before = await output.textContent();
    await page.keyboard.press(".");
    expect(await output.textContent()).not.toBe(before);
    const chart = page.getByRole("slider", { name: /^Do the gradients agree/ });
    await chart.focus();
    await page.keyboard.press("Home");
    expect(await chart.getAttribute("aria-valuetext")).toMatch(/^step 0: LS [−\d]/);
  });

  it("needs no network once it is there, and saves what it shows", async () => {
    const page = await open("#/tasks?with=alone&n=300");
    await fetchedAhead(page);
    await lab.context.setOffline(true);
    try {
      await page.getByLabel("Steps, at most").fill("200");
      await page.keyboard.press("Enter");
      await settled(page);
      expect((await shown(page)).runs[0].step.at(-1)).toBe(200);
    } finally {
      await lab.context.setOffline(false);
    }
    for (const [name, file] of [
      ["Save plane as SVG", "level-sets.svg"],
      ["Save front as SVG", "pareto-front.svg"],
      ["Save curves as SVG", "curves.svg"],
      ["Save CSV", "data.csv"],
    ]) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name }).click(),
      ]);
      expect(download.suggestedFilename()).toBe(file);
      const text = readFileSync(await download.path(), "utf8");
      if (file.endsWith(".svg")) expect(text).toMatch(/^<svg.*<\/svg>\n$/s);
      else expect(text.split("\n")).toHaveLength(1 + 201 + 1);
    }
  });

  it("goes to other screens by keys, and back to its settings", async () => {
    const page = await open("#/tasks?with=alone&n=100");
    await page.keyboard.press("1");
    await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Landscape");
    await settled(page);
    expect(await hashOf(page)).toBe("#/landscape");
    await page.goBack();
    await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Tasks");
    await settled(page);
    expect(await hashOf(page)).toBe("#/tasks?with=alone&n=100");
    await page.keyboard.press("1");
    await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Landscape");
    await page.getByRole("link", { name: "Tasks" }).click();
    await settled(page);
    expect(await hashOf(page)).toBe("#/tasks?with=alone&n=100");
    expect((await shown(page)).runs[0].step.at(-1)).toBe(100);
  });

  it("takes no settings of the screen before it", async () => {
    const page = await open("#/tasks?with=alone&n=100");
    await page.keyboard.press("1");
    await page.waitForFunction(() => document.querySelector("h1")?.textContent === "Landscape");
    const seen = new Set<string>();
    for (let i = 0; i < 10; i++) {
      for (const [move, title] of [
        ["back", "Tasks"],
        ["forward", "Landscape"],
      ] as const) {
        await page.evaluate((by) => history[by](), move);
        await page.waitForFunction((text) => document.querySelector("h1")?.textContent === text, title);
        seen.add(await hashOf(page));
      }
    }
    expect([...seen].sort()).toEqual(["#/landscape", "#/tasks?with=alone&n=100"]);
  });
});
