// What the lab shows to those who learn from it: presets that do what their texts say, pictures that hold still, fair times.
import { executablePath } from "isoloss-test-support/browser/site";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Course } from "../src/screens/landscape/course.js";
import { presets as landscapePresets } from "../src/screens/landscape/state.js";
import type { Arrival, Course as TaskCourse } from "../src/screens/tasks/course.js";
import { presets as tasksPresets } from "../src/screens/tasks/state.js";
import type { Raced, Swept } from "../src/screens/train/race-result.js";
import {
  type Regressed,
  type RegressionName,
  regressionNames,
  regressions,
} from "../src/screens/train/regression-result.js";
import type { TrainRun } from "../src/screens/train/run.js";
import { presets as trainPresets } from "../src/screens/train/state.js";
import { hashOf, inspected, settled, titled, useLab } from "./support.js";

type Named<R> = Readonly<Record<string, R>>;

describe.skipIf(!executablePath)(titled("presets of the lab"), () => {
  const { open } = useLab();
  const accepted = (list: ArrayLike<number>) => Array.from(list).join("");

  /** What the texts say: last losses, and teleports that were accepted. */
  const functions: Named<(runs: Named<Course>) => void> = {
    rosenbrock({ plain, teleported }) {
      expect(plain.loss.at(-1)).toBeCloseTo(0.11134, 5);
      expect(teleported.loss.at(-1)).toBeLessThan(1e-18);
      expect(accepted(teleported.teleports.accepted)).toBe("1111100000");
    },
    level: ({ plain }) => expect(plain.jumps.step).toHaveLength(0),
    booth({ plain, teleported }) {
      expect(plain.loss.at(-1)).toBeCloseTo(2.2025, 4);
      expect(teleported.loss.at(-1)).toBeCloseTo(9.4505e-4, 8);
    },
    quadratic: ({ teleported }) => expect(accepted(teleported.teleports.accepted)).toBe("1000000"),
    circle: ({ teleported }) => expect(accepted(teleported.teleports.accepted)).toBe("0"),
    rate({ plain, rate, teleported }) {
      expect(teleported.seconds.at(-1)).toBeGreaterThan(2 * (plain.seconds.at(-1) as number));
      expect(rate.loss.at(-1)).toBeLessThan(0.1 * (plain.loss.at(-1) as number));
      expect(rate.loss.at(-1)).toBeGreaterThan(teleported.loss.at(-1) as number);
    },
    lbfgs({ lbfgs }) {
      expect(lbfgs.loss.at(-1)).toBeLessThan(1e-20);
      expect(lbfgs.loss.length).toBeLessThan(40);
    },
    himmelblau: ({ teleported }) => expect(accepted(teleported.teleports.accepted)).toBe("1"),
  };

  it("of functions do what their texts say", async () => {
    expect(Object.keys(functions)).toEqual(Object.keys(landscapePresets));
    for (const [name, check] of Object.entries(functions)) {
      const page = await open(`#/landscape?preset=${name}`);
      const { runs } = await inspected<{ readonly runs: readonly Course[] }>(page);
      check(Object.fromEntries(runs.map((run) => [run.method, run])));
      await page.close();
    }
  });

  it("of training teleport: nearly every attempt is accepted", async () => {
    for (const name of Object.keys(trainPresets)) {
      const page = await open(`#/train?preset=${name}&seeds=1`);
      const { runs } = await inspected<{ readonly runs: readonly TrainRun[] }>(page);
      const teleported = runs.find((run) => run.name === "teleported") as TrainRun;
      const attempts = teleported.teleports.accepted;
      expect([name, attempts.reduce((a, b) => a + b) / attempts.length > 0.7]).toEqual([name, true]);
      // Eq. 8 keeps its batch, and moves other examples by up to what the guard allows.
      const [batch, others] = [teleported.teleports.drift, teleported.teleports.heldOutDrift].map((list) =>
        Math.max(...list),
      );
      expect(batch).toBeLessThan(1e-6);
      if (name === "hidden") expect(others).toBeGreaterThan(1e-4);
      else expect(others).toBeLessThan(1e-5);
      await page.close();
    }
  });

  it("of tasks reach the front, or stay on the ridge, as their texts say", async () => {
    const ways: Named<Named<"front" | "done">> = {
      starts: { "linearScalarization alone": "done", "linearScalarization cost": "front" },
      ridge: {
        "linearScalarization alone": "done",
        "linearScalarization cost": "front",
        "linearScalarization random": "front",
      },
      tenth: { "linearScalarization alone": "done", "linearScalarization cost": "front" },
      rate: { "linearScalarization alone": "done", "linearScalarization rate": "front" },
      time: { "linearScalarization cost": "front", "linearScalarization same": "done" },
      methods: {
        "linearScalarization alone": "done",
        "caGrad alone": "done",
        "fairGrad alone": "front",
        "nashMtl alone": "front",
      },
      easy: {
        "linearScalarization alone": "front",
        "linearScalarization cost": "front",
        "linearScalarization random": "front",
      },
    };
    expect(Object.keys(ways)).toEqual(Object.keys(tasksPresets));
    for (const [name, expected] of Object.entries(ways)) {
      const page = await open(`#/tasks?preset=${name}`);
      const shown = await inspected<{ runs: readonly TaskCourse[]; arrivals: readonly Arrival[] }>(page);
      const found = Object.fromEntries(
        shown.runs.map(({ method, variant, status }) => [`${method} ${variant}`, status]),
      );
      expect([name, found]).toEqual([name, expect.objectContaining(expected)]);
      if (name === "starts") {
        const reached = (variant: string) =>
          shown.arrivals.filter((run) => run.variant === variant && run.arrived !== undefined).length;
        // As in docs/studies/toy.md: rounding decides when a jump leads off the ridge.
        expect(["alone", "cost", "random"].map(reached)).toEqual([3, 5, 5]);
        expect(await page.getByRole("link", { name: "Its page of results" }).count()).toBe(1);
        expect(await page.getByRole("img", { name: /LS, with COST from \(9, 9\) ends at/ }).count()).toBe(2);
      }
      await page.close();
    }
  });

  it("of the papers link to their page of results, which is there", async () => {
    for (const address of ["#/landscape?preset=rosenbrock", "#/landscape?preset=booth", "#/train?epochs=1"]) {
      const page = await open(address);
      const href = await page.getByRole("link", { name: "Its page of results" }).first().getAttribute("href");
      const text = await page.evaluate(async (url) => (await fetch(url)).text(), href as string);
      expect(text).toContain("isoloss reproduce");
      await page.close();
    }
  });

  it("reproduces the mean last losses of the paper's regression", async () => {
    const page = await open("#/train?epochs=1");
    await page.getByRole("button", { name: "Run its five seeds" }).click();
    await settled(page, /Done: 20 runs of the paper's regression/);
    const { regressed } = await inspected<{ readonly regressed: readonly Regressed[] }>(page);
    const mean = (name: RegressionName, step: number) =>
      regressed.filter((run) => run.name === name).reduce((sum, { loss }) => sum + loss[step], 0) / 5;
    for (const name of regressionNames) {
      expect(mean(name, 300) / regressions[name].published).toBeCloseTo(1, 3);
    }
    // As experiments/regression-gd.yaml has them, of the released code.
    expect(mean("plain", 299) / 1.93181).toBeCloseTo(1, 5);
    expect(mean("released", 299) / 1.58165).toBeCloseTo(1, 4);
  });
});

describe.skipIf(!executablePath)(titled("what the lab shows"), () => {
  const lab = useLab();
  const { open } = lab;
  const box = async (page: Page, selector: string) => {
    const found = await page.locator(selector).first().boundingBox();
    if (found === null) throw new Error(`There is no ${selector}.`);
    return found;
  };

  it("times runs several times, and a refused attempt of a warm run as long as an accepted one", async () => {
    const page = await open("#/landscape?preset=rosenbrock");
    const { runs } = await inspected<{ readonly runs: readonly Course[] }>(page);
    for (const { times, seconds } of runs) {
      expect(times.runs).toBeGreaterThan(2);
      const last = [times.low, seconds, times.high].map((list) => list?.at(-1) as number);
      expect(last).toEqual([...last].sort((a, b) => a - b));
    }
    const { accepted, seconds } = runs[1].teleports;
    const of = (kind: number) => Array.from(seconds).filter((_, k) => accepted[k] === kind);
    const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[list.length >> 1];
    // Of a cold run the first refusal takes hundreds of times as long: the engine throws away what it has optimized.
    expect(median(of(0))).toBeLessThan(20 * median(of(1)));
    expect(await page.locator(".results tbody tr").nth(1).textContent()).toMatch(
      /ms \[[\d.]+ m?s, [\d.]+ m?s\]/,
    );
  });

  it("has axes of equal units: what is round is drawn round", async () => {
    for (const width of [1280, 700]) {
      const page = await open("#/landscape?preset=circle&x=0,0", { width });
      const place = async (x: string) => {
        await page.evaluate((to) => {
          location.hash = `#/landscape?f=quadratic&cond=1&x=${to}`;
        }, x);
        await settled(page);
        return box(page, ".start");
      };
      const [middle, right, above] = [await place("0.001,0"), await place("3,0"), await place("0,3")];
      expect(Math.abs(right.x - middle.x - (middle.y - above.y))).toBeLessThan(1.5);
      await page.close();
    }
  });

  it("rounds a dragged start to what the screen can tell apart", async () => {
    const page = await open("#/landscape?f=booth");
    const { x, y, width, height } = await box(page, ".plane");
    await page.mouse.move(x + 0.3 * width, y + 0.37 * height);
    await page.mouse.down();
    await page.mouse.up();
    await settled(page);
    expect(await hashOf(page)).toMatch(/&x=-?\d+(\.\d{1,3})?,-?\d+(\.\d{1,3})?$/);
  });

  it("holds the axes of a training while it goes on", async () => {
    const page = await open("#/train?epochs=1&tp=off&with=plain");
    await page.locator(".pair-of-charts").scrollIntoViewIfNeeded();
    await page.evaluate(() => {
      const seen = { current: [] as string[], all: new Set<string>() };
      (globalThis as unknown as { seen: typeof seen }).seen = seen;
      const proto = CanvasRenderingContext2D.prototype;
      const [clear, text] = [proto.clearRect, proto.fillText];
      proto.clearRect = function (...args) {
        seen.current = [];
        return clear.apply(this, args);
      };
      proto.fillText = function (...args) {
        seen.current.push(args[0]);
        if (args[0] === "training loss") seen.all.add(seen.current.join(" "));
        return text.apply(this, args as never);
      };
    });
    await page.evaluate(() => {
      location.hash = "#/train?epochs=300&tp=off&with=plain";
    });
    await settled(page, /Done: 1 run of 3000 steps/);
    const axes = await page.evaluate(
      () => (globalThis as unknown as { seen: { all: Set<string> } }).seen.all.size,
    );
    console.info(`axes of two charts: ${axes}`);
    expect(axes).toBeLessThan(30);
  });

  it.each(["landscape", "train", "tasks"])("reserves the room of its pictures: %s", async (screen) => {
    const page = await lab.context.newPage();
    await page.addInitScript(() => {
      const heights: number[] = [];
      Object.assign(globalThis, { heights });
      const look = () => {
        const height = document.querySelector(".picture")?.getBoundingClientRect().height;
        if (height !== undefined && height !== heights.at(-1)) heights.push(height);
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    await page.goto(`${lab.site.url}#/${screen}`);
    await settled(page);
    const heights = await page.evaluate(() => (globalThis as unknown as { heights: number[] }).heights);
    expect(Math.max(...heights) - Math.min(...heights)).toBeLessThan(16);
    await page.close();
  });

  it("shows plane and curves side by side, and leads through the first minute", async () => {
    const page = await open("#/landscape", { width: 1280, height: 900 });
    const [plane, curves] = [await box(page, ".picture"), await box(page, ".beside")];
    expect(Math.abs(plane.y - curves.y)).toBeLessThan(2);
    expect(curves.x).toBeGreaterThan(plane.x + plane.width);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    const guide = page.getByRole("navigation", { name: "The first minute" }).getByRole("button");
    expect(await guide.count()).toBe(3);
    for (const [k, name] of ["level", "booth", "rate"].entries()) {
      await guide.nth(k).click();
      await settled(page);
      expect(await guide.nth(k).getAttribute("aria-pressed")).toBe("true");
      const { state } = await inspected(page);
      expect(state).toEqual(landscapePresets[name].state);
    }
    for (const address of ["#/landscape", "#/train?epochs=1", "#/tasks?n=100", "#/model"]) {
      const other = await open(address);
      expect(await other.locator("details.truth[open] p").count()).toBeGreaterThan(0);
      await other.close();
    }
  });

  it("sweeps the rates of both runs, and races each at its best one, with bands over the seeds", async () => {
    const page = await open("#/train?net=4&epochs=2&with=plain,teleported&tp=5");
    const { runs } = await inspected<{ readonly runs: readonly TrainRun[] }>(page);
    const [{ spreads }] = runs;
    expect(spreads.count).toBe(3);
    expect(spreads.smoothLoss.high.at(-1)).toBeGreaterThan(spreads.smoothLoss.low.at(-1) as number);
    await page.getByRole("button", { name: "Sweep the rates" }).click();
    await settled(page, /Done: 15 pairs of runs at several rates/);
    const { swept } = await inspected<{ readonly swept: readonly Swept[] }>(page);
    expect(new Set(swept.map(({ rate }) => rate))).toEqual(new Set([0.025, 0.05, 0.1, 0.2, 0.4]));
    await page.getByRole("button", { name: "Run 8 seeds" }).click();
    await settled(page, /Done: a race of 8 seeds/);
    const { raced } = await inspected<{ readonly raced: readonly Raced[] }>(page);
    expect(raced.map(({ seed }) => seed)).toEqual([2000, 2001, 2002, 2003, 2004, 2005, 2006, 2007]);
    const card = page.locator("section.card").filter({ hasText: "Each at its best rate" });
    expect(await card.textContent()).toMatch(/Best rates: plain\s+[\d.]+.*at their best rates/s);
  });

  it("opens the trained network in Model", async () => {
    const page = await open("#/train?net=5&epochs=2&with=plain,teleported&tp=5");
    await page.getByRole("button", { name: "Open in Model" }).click();
    await page.getByRole("heading", { level: 1, name: "Model" }).waitFor();
    await settled(page, /Done: outputs kept, .*\(teleported\.onnx\)/);
  });
});
