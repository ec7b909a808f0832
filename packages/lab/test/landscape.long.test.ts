import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { minimize } from "isoloss";
import { gd } from "isoloss/optim";
import { booth, rosenbrock } from "isoloss/problems";
import { atSteps, bestAngle } from "isoloss/teleport";
import { executablePath } from "isoloss-test-support/browser/site";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Course } from "../src/screens/landscape/course.js";
import { fetchedAhead, hashOf, inspected, settled, titled, useLab } from "./support.js";

/** Compares lists to 1e-12 of their numbers: the browser's sine is its own. */
function expectNear(list: ArrayLike<number>, expected: readonly number[]): void {
  expect(list).toHaveLength(expected.length);
  expected.forEach((value, t) => {
    expect(Math.abs(list[t] - value)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(value)));
  });
}

describe.skipIf(!executablePath)(titled("the lab"), () => {
  const lab = useLab();
  const { open } = lab;
  const courses = async (page: Page) => {
    const { runs } = await inspected(page);
    return Object.fromEntries((runs as Course[]).map((run) => [run.method, run]));
  };
  const startOf = async (page: Page) => {
    await settled(page);
    return (await inspected(page)).state.x;
  };

  it("shows the numbers of `minimize`", async () => {
    const page = await open("#/landscape?n=300&tp=99,199");
    const { plain, teleported } = await courses(page);
    const options = { optimizer: gd(), learningRate: 1e-3, steps: 300 };
    const run = await minimize(rosenbrock(), options);
    expectNear(plain.loss, run.loss);
    expectNear(plain.gradNormSq, run.gradNormSq);
    const teleport = { when: atSteps([99, 199]), search: bestAngle(rosenbrock().symmetry()) };
    const jumped = await minimize(rosenbrock(), { ...options, teleport });
    // A teleport's angle is found to 1e-14: what follows it agrees to that, magnified by the steps.
    expectNear(teleported.loss.slice(0, 99), jumped.loss.slice(0, 99));
    teleported.loss.forEach((value, t) => {
      expect(Math.abs(value - jumped.loss[t])).toBeLessThan(1e-9 * jumped.loss[t] + 1e-18);
    });
    const table = await page.locator(".results tbody tr").allTextContents();
    expect(table[0]).toContain(String(Number(run.loss[300].toPrecision(5))));
  });

  it("ends at 9.45e-4 on Booth's function, after one teleport along the orbit", async () => {
    const page = await open("#/landscape?f=booth");
    const { teleported } = await courses(page);
    const { loss } = await minimize(booth(), {
      optimizer: gd(),
      learningRate: 0.08,
      steps: 10,
      teleport: { when: atSteps([4]), search: bestAngle(booth().symmetry()) },
    });
    expect(teleported.loss.at(-1)).toBeCloseTo(loss[10], 10);
    expect(await page.locator(".results").textContent()).toContain("9.450e-4");
    const { orbit } = await inspected(page);
    orbit?.loss.forEach((value) => {
      expect(value / 144).toBeCloseTo(1, 10);
    });
  });

  it("follows the start that is dragged by mouse, touch and keys to the same runs and the same link", async () => {
    const page = await open("#/landscape?f=booth");
    const point = page.getByRole("button", { name: /^start, x/ });
    const box = await page.locator(".plane canvas").boundingBox();
    if (!box) throw new Error("There is no plane.");
    // The plane's margins and its unit, as planeLayout has them; the view is [-8, 10] x [-8, 12].
    const unit = Math.min((box.width - 52) / 18, (box.height - 64) / 20);
    const at = (x: number, y: number) => ({
      x: box.x + 40 + unit * (x + 8),
      y: box.y + box.height - 42 - unit * (y + 8),
    });
    const [from, to] = [at(5, -5), at(-3, 6)];
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 5 });
    await page.mouse.move(to.x, to.y, { steps: 5 });
    await page.mouse.up();
    const dragged = await startOf(page);
    expect(dragged[0]).toBeCloseTo(-3, 1);
    expect(dragged[1]).toBeCloseTo(6, 1);
    const { plain } = await courses(page);
    expectNear(
      plain.loss,
      (await minimize(booth({ start: dragged }), { optimizer: gd(), learningRate: 0.08, steps: 10 })).loss,
    );
    expect(await hashOf(page)).toBe(`#/landscape?f=booth&x=${dragged.join(",")}`);

    await point.focus();
    for (const key of ["ArrowRight", "Shift+ArrowDown", "Alt+ArrowUp"]) await page.keyboard.press(key);
    const [x, y] = await startOf(page);
    expect(x).toBeCloseTo(dragged[0] + 0.18, 10);
    expect(y).toBeCloseTo(dragged[1] - 2 + 0.02, 10);
    expect(await point.getAttribute("aria-label")).toBe(`start, x ${x.toFixed(2)}, y ${y.toFixed(2)}`);

    const client = await lab.context.newCDPSession(page);
    const finger = (type: "touchStart" | "touchMove" | "touchEnd", touchPoints: { x: number; y: number }[]) =>
      client.send("Input.dispatchTouchEvent", { type, touchPoints });
    const [begin, end] = [at(x, y), at(2, 2)];
    await finger("touchStart", [begin]);
    for (const t of [0.25, 0.5, 0.75, 1]) {
      await finger("touchMove", [{ x: begin.x + t * (end.x - begin.x), y: begin.y + t * (end.y - begin.y) }]);
    }
    await finger("touchEnd", []);
    const touched = await startOf(page);
    expect(touched[0]).toBeCloseTo(2, 1);
    expect(touched[1]).toBeCloseTo(2, 1);
  });

  it("opens a link with the same settings and numbers, and goes back and forward between presets", async () => {
    const page = await open(
      "#/landscape?f=quadratic&cond=50&x=1.5,-0.25&tp=every:7&with=plain,teleported,lbfgs&lr=0.01",
    );
    const again = await open(await hashOf(page));
    const [a, b] = [await courses(page), await courses(again)];
    expect((await inspected(again)).state).toEqual((await inspected(page)).state);
    for (const method of ["plain", "teleported", "lbfgs"]) expect(b[method].loss).toEqual(a[method].loss);

    const before = await hashOf(again);
    const shown = async () => [await hashOf(again), (await inspected(again)).state.f];
    await again.getByLabel("Preset").selectOption("booth");
    await expect.poll(shown).toEqual(["#/landscape?f=booth", "booth"]);
    await again.goBack();
    await expect.poll(shown).toEqual([before, "quadratic"]);
    expect((await inspected(again)).state.cond).toBe(50);
    await again.goForward();
    await expect.poll(shown).toEqual(["#/landscape?f=booth", "booth"]);
  });

  it("opens its first screen where a link names another one, and takes the link's colors", async () => {
    const page = await open("#/nowhere?theme=dark&f=booth");
    const status = () => page.locator(".status").textContent();
    expect(await status()).toContain('There is no screen "nowhere": this is Landscape.');
    const scheme = () => page.evaluate(() => document.documentElement.style.colorScheme);
    expect(await scheme()).toBe("dark");
    await page.waitForFunction(() => location.hash === "#/landscape?theme=dark&f=booth");
    await page.getByLabel("Theme").selectOption("light");
    await page.waitForFunction(() => location.hash === "#/landscape?f=booth");
    expect(await scheme()).toBe("light");
  });

  it("is on the screen of the last key, however fast they come, and goes back through all of them", async () => {
    const places = [
      ["Landscape", "#/landscape?f=booth"],
      ["Train", "#/train?net=4&epochs=1&with=plain"],
      ["Tasks", "#/tasks?with=alone&n=50"],
      ["Model", "#/model?dir=lr"],
    ] as const;
    const page = await open(places[0][1]);
    for (const [, hash] of places.slice(1)) {
      await page.evaluate((to) => {
        location.hash = to;
      }, hash);
      await settled(page);
    }
    const place = async () => [await page.locator("h1").textContent(), await hashOf(page)];
    const visited = [0, 1, 2, 3];
    for (let k = 0; k < 30; k++) {
      visited.push((visited[visited.length - 1] + (k % 3) + 1) % 4);
      await page.keyboard.press(String(1 + visited[visited.length - 1]));
    }
    while (visited.length > 1) {
      await expect.poll(place).toEqual(places[visited.pop() as number]);
      await page.evaluate(() => history.back());
    }
    await expect.poll(place).toEqual(places[0]);
    await settled(page);
    expect((await inspected(page)).state.f).toBe("booth");
  });

  it("says of a function that is finite nowhere why it has no levels, and shows the start", async () => {
    const page = await open("#/landscape?f=own&r1=sqrt(-1)&r2=y");
    const status = () => page.locator(".status").textContent();
    await expect
      .poll(status)
      .toMatch(/^\s*Done.*The square of r₁ = sqrt\(-1\) is not finite anywhere in view\./s);
    expect(await page.locator(".plane .start").count()).toBe(1);
    await page.getByLabel("r₁(x, y)").fill("x");
    await page.keyboard.press("Enter");
    await expect.poll(status).toMatch(/^\s*Done: 2 runs of 100 steps\.\s*$/);
  });

  it("says what a link has that it does not understand, and goes on", async () => {
    const page = await open("#/landscape?f=booth&lr=1e9&colour=red&n=500&cond=ten");
    const status = await page.locator(".status").textContent();
    expect(status).toContain("lr=1e9 is beyond 1000: taken as 1000.");
    expect(status).toContain("colour is no setting of this screen.");
    expect(status).toContain("cond=ten is not a number: not taken.");
    expect((await inspected(page)).state).toMatchObject({ f: "booth", lr: 1000, n: 500, cond: 10 });
    expect(await page.locator(".results").textContent()).toMatch(
      /diverged at step \d+: a smaller rate may help/,
    );
  });

  it("runs what is added to a comparison, and what was left out while settings changed, and nothing else", async () => {
    const page = await open("#/landscape?f=booth");
    const before = await courses(page);
    const toggle = async () => {
      await page.getByRole("checkbox", { name: "L-BFGS" }).click();
      await settled(page);
      return courses(page);
    };
    const { lbfgs, ...others } = await toggle();
    expect(others).toEqual(before);
    expect(lbfgs.loss.length).toBeGreaterThan(2);
    expect(await toggle()).toEqual(before);
    await page.getByLabel("Steps", { exact: true }).fill("1");
    await page.keyboard.press("Enter");
    const after = await toggle();
    expect(Object.values(after).map(({ loss }) => loss.length)).toEqual([2, 2, 2]);
  });

  it("teleports the start to the steepest point of its orbit, by button or key", async () => {
    const page = await open("#/landscape?f=quadratic");
    await page.getByRole("slider", { name: /^point on/ }).waitFor();
    const { orbit } = await inspected(page);
    await page.keyboard.press("t");
    const [x, y] = await startOf(page);
    // The steep end of the ellipse x^2 + 10 y^2 = 11.5: x = 0.
    expect(Math.abs(x)).toBeLessThan(0.02);
    expect(Math.abs(y)).toBeCloseTo(Math.sqrt(1.15), 3);
    expect((await inspected(page)).orbit?.loss[0]).toBeCloseTo(orbit?.loss[0] as number, 10);
    await page.keyboard.press("r");
    expect(await startOf(page)).toEqual([3, 0.5]);
  });

  it("teleports where the run is, goes on after its end, and shows the orbit there", async () => {
    const page = await open("#/landscape?f=quadratic&tp=off&orbit=here");
    await page.getByRole("button", { name: /^Teleport here/ }).click();
    await settled(page);
    expect(await hashOf(page)).toContain("n=60");
    const { runs, state } = await inspected(page);
    expect(state.tp).toEqual({ kind: "at", steps: [40] });
    const { jumps, loss, x } = (runs as Course[]).find(({ method }) => method === "teleported") as Course;
    expect(Array.from(jumps.step)).toEqual([40]);
    expect(loss).toHaveLength(61);
    /** The orbit is asked for after the runs, and again after each step of the player. */
    const orbitThrough = (expected: number) =>
      page.waitForFunction((at) => {
        const lab = (globalThis as unknown as { isolossLab: { inspect(): { orbit?: { x: number[] } } } })
          .isolossLab;
        return Math.abs((lab.inspect().orbit?.x[0] ?? Number.NaN) - at) < 1e-12;
      }, expected);
    await orbitThrough(x[60]);
    await page.keyboard.press(",");
    await orbitThrough(x[59]);
    expect((await inspected(page)).orbit?.loss[0]).toBeCloseTo(loss[59], 12);
    const chart = page.getByRole("slider", { name: /^Along the orbit through/ });
    await chart.focus();
    await page.keyboard.press("Home");
    expect(await chart.getAttribute("aria-valuetext")).toMatch(/λ max 10$/);
  });

  it("reads its charts by a finger that taps", async () => {
    const page = await open("#/landscape?f=booth");
    const chart = page.getByRole("slider", { name: "At the same steps: cursor" });
    await chart.scrollIntoViewIfNeeded();
    const box = await chart.boundingBox();
    if (!box) throw new Error("There is no chart.");
    const client = await lab.context.newCDPSession(page);
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await client.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x, y }] });
    await client.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    const reading = () => page.locator(".reading").first().textContent();
    await expect.poll(reading).toMatch(/^step [45]: plain/);
    await page.keyboard.press("Escape");
    await expect.poll(reading).not.toMatch(/^step/);
  });

  it("plays, steps and reads its charts by keys", async () => {
    const page = await open("#/landscape?f=booth");
    const output = page.locator(".player output");
    expect(await output.textContent()).toBe("step 10");
    await page.keyboard.press(",");
    expect(await output.textContent()).toBe("step 9");
    await page.keyboard.press(".");
    await page.keyboard.press(" ");
    await page.waitForFunction(() => document.querySelector(".player output")?.textContent === "step 10");
    const chart = page.getByRole("slider", { name: "At the same steps: cursor" });
    await chart.focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    expect(await chart.getAttribute("aria-valuetext")).toBe("step 1: plain 64.7; teleported 64.7");
    await page.keyboard.press("Escape");
    expect(await chart.getAttribute("aria-valuetext")).toMatch(/^no cursor/);
  });

  it("needs no network once it is loaded, and no other origin at any time", async () => {
    const page = await open("#/landscape");
    await fetchedAhead(page);
    await lab.context.setOffline(true);
    try {
      await page.getByLabel("Preset").selectOption("lbfgs");
      await settled(page);
      expect(await hashOf(page)).toContain("lbfgs");
      expect((await courses(page)).lbfgs.loss.at(-1)).toBeLessThan(1e-20);
    } finally {
      await lab.context.setOffline(false);
    }
  });

  it("saves the figures of the report, and copies what it shows", async () => {
    const page = await open("#/landscape?f=booth");
    for (const [name, file] of [
      ["Save plane as SVG", "level-sets.svg"],
      ["Save curves as SVG", "curves.svg"],
      ["Save CSV", "data.csv"],
    ]) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name }).click(),
      ]);
      expect(download.suggestedFilename()).toBe(file);
      const text = readFileSync(await download.path(), "utf8");
      if (file.endsWith(".svg")) expect(text).toMatch(/^<svg.*teleported.*<\/svg>\n$/s);
      else expect(text.split("\n")).toHaveLength(1 + 2 * 11 + 1);
    }
    await page.getByLabel("Figures as").selectOption("PNG");
    const [png] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save plane as PNG" }).click(),
    ]);
    expect(png.suggestedFilename()).toBe("level-sets.png");
    expect(
      readFileSync(await png.path())
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
    await lab.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy as TypeScript" }).click();
    await page.waitForFunction(() =>
      document.querySelector(".status")?.textContent?.includes("Program copied."),
    );
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("atSteps([4])");
  });

  it("copies the link of what was just typed", async () => {
    await lab.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const page = await open("#/landscape?f=booth");
    await page.getByLabel("Steps", { exact: true }).fill("12");
    // The field loses the focus, and the button is pressed, in one click.
    await page.getByRole("button", { name: "Copy link" }).click();
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    await expect.poll(copied).toMatch(/#\/landscape\?f=booth/);
    expect(await copied()).toMatch(/#\/landscape\?f=booth&n=12$/);
  });

  it("says why a figure is not saved", async () => {
    const page = await open("#/landscape?f=booth&with=-");
    await page.getByRole("button", { name: "Save curves as SVG" }).click();
    await page.waitForFunction(() =>
      document.querySelector(".status")?.textContent?.includes("series is empty; give at least one."),
    );
  });

  it("says of a value that a field did not take until there is another value", async () => {
    const page = await open("#/landscape?f=booth");
    const rate = page.getByLabel("Learning rate", { exact: true });
    const notice = page.locator(".field .notice");
    await rate.fill("0,1");
    await rate.press("Enter");
    expect(await notice.textContent()).toBe("Learning rate=0,1 is not a number: not taken.");
    expect((await inspected(page)).state.lr).toBe(0.08);
    await page.getByRole("button", { name: "Reset" }).click();
    expect(await notice.count()).toBe(0);
    expect(await rate.inputValue()).toBe("0.08");
    await rate.fill("0,1");
    await rate.press("Enter");
    expect(await notice.count()).toBe(1);
    await page.getByLabel("Learning rate, slider").press("ArrowRight");
    expect(await notice.count()).toBe(0);
    expect(await rate.inputValue()).not.toBe("0,1");
    await rate.fill("5000");
    await rate.press("Enter");
    expect(await notice.textContent()).toBe("Learning rate=5000 is beyond 1000: taken as 1000.");
    await page.getByLabel("Preset").selectOption("rate");
    expect(await notice.count()).toBe(0);
    expect(await rate.getAttribute("aria-invalid")).toBe(null);
  });

  it("opens its help by key, and gives the focus back", async () => {
    const page = await open("#/landscape?f=booth");
    await page.getByRole("button", { name: "Play" }).focus();
    for (let k = 0; k < 2; k++) {
      await page.keyboard.press("?");
      await page.locator("dialog[open]").waitFor();
      await page.keyboard.press("Escape");
      await page.locator("dialog").waitFor({ state: "detached" });
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Play");
    }
  });

  it("prints in the colors of paper, also where the screen is dark", async () => {
    const page = await open("#/landscape?theme=dark&f=booth");
    /** The text's color, and the lightness of what is drawn of a chart's labels at its left edge: 0 is black. */
    const inks = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>(".chart canvas");
        const copy = new OffscreenCanvas(50, 300).getContext("2d", { willReadFrequently: true });
        if (canvas) copy?.drawImage(canvas, 0, 0);
        const { data } = copy?.getImageData(0, 0, 50, 300) ?? { data: [] };
        const drawn = Array.from(data).filter((_, k) => k % 4 === 0 && data[k + 3] > 200);
        const text = getComputedStyle(document.body).color;
        return [text, drawn.reduce((a, b) => a + b, 0) / drawn.length > 128];
      });
    await page.locator(".chart canvas").first().scrollIntoViewIfNeeded();
    await expect.poll(inks).toEqual(["rgb(230, 237, 243)", true]);
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    expect(await inks()).toEqual(["rgb(31, 35, 40)", false]);
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    await expect.poll(inks).toEqual(["rgb(230, 237, 243)", true]);
    await page.emulateMedia({ media: "print" });
    const place = await page.evaluate(() => {
      const status = document.querySelector(".status");
      return status && getComputedStyle(status).position;
    });
    expect(place).toBe("static");
  });

  it("shows the screen alone inside another page, and keeps to that in its address", async () => {
    const page = await open("#/landscape?embed=1&f=booth");
    expect(await page.locator(".bar").count()).toBe(0);
    expect(await page.locator(".status").textContent()).not.toContain("embed");
    await page.getByLabel("Steps", { exact: true }).fill("5");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.hash === "#/landscape?embed=1&f=booth&n=5");
  });

  it("goes on with another worker where one dies", async () => {
    const page = await lab.context.newPage();
    // A worker that breaks down on the number of steps 7, once.
    await page.addInitScript(() => {
      const Real = globalThis.Worker;
      let isBroken = false;
      globalThis.Worker = class extends Real {
        override postMessage(message: unknown): void {
          if (!isBroken && JSON.stringify(message).includes('"n":7,')) {
            isBroken = true;
            this.onerror?.(new ErrorEvent("error", { message: "out of memory" }));
          } else super.postMessage(message);
        }
      };
    });
    await page.goto(`${lab.site.url}#/landscape?f=booth`);
    await settled(page);
    await page.getByLabel("Steps", { exact: true }).fill("7");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => {
      const lab = (
        globalThis as unknown as { isolossLab: { inspect(): { runs: { loss: ArrayLike<number> }[] } } }
      ).isolossLab;
      return lab.inspect().runs.every(({ loss }) => loss.length === 8);
    });
    await page.close();
  });

  it("is as small as it promises, without WebAssembly and without fonts", async () => {
    const page = await lab.context.newPage();
    const loaded: string[] = [];
    page.on("request", (request) => {
      // What browsers fetch ahead, after all else.
      if (request.headers()["sec-purpose"] === "prefetch") return;
      loaded.push(new URL(request.url()).pathname.replace("/some/folder/", ""));
    });
    await page.goto(`${lab.site.url}#/landscape`);
    await settled(page);
    await page.close();
    expect(loaded.filter((name) => !/^$|^icon\.svg$|^assets\/[\w.-]+\.(js|css)$/.test(name))).toEqual([]);
    const size = (isMeant: (name: string) => boolean) =>
      [...new Set(loaded)]
        .filter((name) => name.startsWith("assets/") && isMeant(name))
        .reduce((sum, name) => sum + gzipSync(readFileSync(join(lab.site.folder, name))).length, 0);
    const isStyle = (name: string) => name.endsWith(".css");
    const worker = loaded.filter((name) => name.includes("worker-"));
    /** The worker's file, and those that it begins with. */
    const isWorker = (name: string) =>
      worker.includes(name) ||
      worker.some((own) =>
        [...readFileSync(join(lab.site.folder, own), "utf8").matchAll(/\bfrom\s*"\.\/([\w.-]+\.js)"/g)].some(
          ([, imported]) => name === `assets/${imported}`,
        ),
      );
    const sizes = {
      page: size((name) => !isStyle(name) && !isWorker(name)),
      worker: size(isWorker),
      styles: size(isStyle),
    };
    console.info(`gzip: ${JSON.stringify(sizes)}`);
    expect(sizes.worker).toBeGreaterThan(50_000);
    expect(sizes.worker).toBeLessThan(82_000);
    // Plot, which comes with the export alone, would be larger than that.
    expect(sizes.page).toBeLessThan(54_000);
    expect(sizes.styles).toBeLessThan(12_000);
    expect(sizes.page + sizes.worker + sizes.styles).toBeLessThan(140_000);
  });
});
