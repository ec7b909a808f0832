import { readFileSync } from "node:fs";
import { executablePath } from "isoloss-test-support/browser/site";
import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { TrainRun } from "../src/screens/train/run.js";
import { violationsIn } from "./axe.js";
import { files } from "./screens/model-files.js";
import { fetchedAhead, inspected, settled, titled, useLab } from "./support.js";

interface Shown {
  readonly file: string | undefined;
  readonly position: { readonly moved: readonly string[]; readonly canUndo: boolean } | undefined;
  readonly check: { readonly outputs: readonly { readonly relative: number }[] } | undefined;
  readonly runs: readonly TrainRun[];
}

describe.skipIf(!executablePath)(titled("what the lab says, and what it keeps"), () => {
  const lab = useLab();
  const open = async (address: string) => {
    const page = await lab.open(address);
    page.setDefaultTimeout(15_000);
    return page;
  };
  const shown = (page: Page) => inspected<Shown>(page);
  const textOf = async (locator: Locator) =>
    ((await locator.textContent()) ?? "").replace(/\s+/g, " ").trim();
  const status = (page: Page) => textOf(page.locator(".status"));
  const go = (page: Page, hash: string) =>
    page.evaluate((to) => {
      location.hash = to;
    }, hash);
  const file = { name: "resnet.onnx", mimeType: "application/octet-stream" };
  const choose = (page: Page) =>
    page
      .locator("input[type=file]")
      .first()
      .setInputFiles({ ...file, buffer: Buffer.from(files["ResNet, folded"]()) });
  const randomMove = (page: Page) => page.getByRole("button", { name: "Random move of all" }).click();
  const outdated = (page: Page, selector: string) => page.locator(`${selector}.outdated`).count();
  /** The steps of the first run, once it has at least some. */
  const steps = async (page: Page, least = 1): Promise<number> => {
    const found = await page.waitForFunction((some) => {
      const lab = (globalThis as unknown as { isolossLab?: { inspect(): { runs?: { steps: number }[] } } })
        .isolossLab;
      const at = lab?.inspect()?.runs?.[0]?.steps ?? 0;
      return at >= some ? at : 0;
    }, least);
    return found.jsonValue();
  };
  const savedBytes = async (page: Page) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: /^Save the model|^Save although outputs differ/ }).click(),
    ]);
    return [download.suggestedFilename(), readFileSync(await download.path())] as const;
  };
  /** Lets the worker of the model screen hear of each comparison only when the test says so. */
  const holdChecks = (page: Page) =>
    page.evaluate(() => {
      const page = globalThis as unknown as { held: (() => void)[] };
      page.held = [];
      const post = Worker.prototype.postMessage as (this: Worker, message: unknown) => void;
      Worker.prototype.postMessage = function (this: Worker, message: unknown) {
        if ((message as { call?: string }).call !== "check") post.call(this, message);
        else page.held.push(() => post.call(this, message));
      };
    });
  const held = (page: Page) =>
    page.waitForFunction(() => (globalThis as unknown as { held: unknown[] }).held.length > 0);
  const release = (page: Page) =>
    page.evaluate(() => {
      for (const go of (globalThis as unknown as { held: (() => void)[] }).held.splice(0)) go();
    });

  it("says of a model that it is compared until it was, and marks what is known of other weights", async () => {
    const page = await open("#/model?sample=mlp");
    expect(await status(page)).toMatch(/^Done: outputs kept, largest difference 0 \(perceptron/);
    await holdChecks(page);
    await choose(page);
    await held(page);
    expect(await status(page)).toContain("Comparing the outputs");
    await release(page);
    await settled(page);
    expect(await status(page)).toContain("(resnet.onnx)");
    await randomMove(page);
    await held(page);
    await expect.poll(() => textOf(page.locator(".verdict"))).toBe("✓ kept before the last move");
    expect(await outdated(page, ".verdict")).toBe(1);
    await expect.poll(() => status(page)).toContain("Moving and comparing");
    expect(await violationsIn(page)).toEqual([]);
    await release(page);
    await settled(page);
    expect(await textOf(page.locator(".verdict"))).toBe("✓ kept");
    expect(await status(page)).toMatch(/^Done: outputs kept, .* \(resnet\.onnx, \d+ tensors moved\)\.$/);

    // A comparison that takes too long is stopped, and the moves are still there.
    const { position } = await shown(page);
    await randomMove(page);
    await held(page);
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    expect(await status(page)).toMatch(/^Stopped/);
    expect(await outdated(page, ".verdict")).toBe(1);
    await release(page);
    await page.getByRole("button", { name: "Undo" }).click();
    await held(page);
    await release(page);
    await settled(page);
    expect((await shown(page)).position?.moved).toEqual(position?.moved);
  });

  it("saves a model whose check has failed under words that say so", async () => {
    const page = await open("#/model?sample=convnet");
    await page.getByLabel("leave one weight out").check();
    await randomMove(page);
    await page.locator(".verdict", { hasText: "not kept" }).waitFor();
    await settled(page);
    expect(await textOf(page.getByRole("region", { name: "Weights", exact: true }))).toMatch(
      /Save although outputs differ\s+NOT the same function: outputs differ by up to \S+ of their size\. Byte for byte the file, but for/,
    );
    const [name] = await savedBytes(page);
    expect(name).toBe("convnet-changed.onnx");
    expect(await status(page)).toContain("it does NOT compute what the file computes");
  });

  it("keeps a moved file while other screens are visited and when the page is loaded again, and asks before it goes", async () => {
    const page = await open("#/model?sample=mlp");
    await choose(page);
    await page.waitForFunction(() =>
      document.querySelector(".status")?.textContent?.includes("(resnet.onnx)"),
    );
    await randomMove(page);
    await page.waitForFunction(() => document.querySelector(".status")?.textContent?.includes("moved)"));
    await settled(page);
    const before = await shown(page);
    await page.keyboard.press("1");
    await page.getByRole("heading", { name: "Landscape" }).waitFor();
    await settled(page);
    await page.keyboard.press("4");
    await page.getByRole("heading", { name: "Model" }).waitFor();
    const after = await shown(page);
    expect([after.file, after.position, after.check]).toEqual(["resnet.onnx", before.position, before.check]);
    await page.locator(".groups .name").first().click();
    await page.locator(".legend", { hasText: "takes it back" }).waitFor();

    await page.reload();
    await settled(page);
    expect(await status(page)).toMatch(/^Done: outputs kept, .* \(resnet\.onnx, \d+ tensors moved\)\.$/);
    expect((await shown(page)).position).toEqual(before.position);

    const sample = page.getByLabel("Sample");
    await sample.selectOption("attention");
    const dialog = page.getByRole("dialog");
    expect(await textOf(dialog)).toMatch(/^resnet\.onnx, \d+ tensors moved: its moves are not saved/);
    await dialog.getByRole("button", { name: "Keep this one" }).click();
    expect([(await shown(page)).file, await dialog.count()]).toEqual(["resnet.onnx", 0]);
    await expect.poll(() => sample.inputValue()).toBe("file");
    const [, bytes] = await savedBytes(page);
    expect(bytes.length).toBe(files["ResNet, folded"]().length);
    // What was saved is not lost: nobody is asked.
    await sample.selectOption("attention");
    await page.waitForFunction(() =>
      document.querySelector(".status")?.textContent?.includes("(one block of attention)"),
    );
    expect(await dialog.count()).toBe(0);
  });

  it("opens no other model where its screen was left with the question whether it may", async () => {
    const page = await open("#/model?sample=mlp");
    await randomMove(page);
    await page.waitForFunction(() => document.querySelector(".status")?.textContent?.includes("moved)"));
    await settled(page);
    const { position } = await shown(page);
    await page.getByLabel("Sample").selectOption("attention");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await go(page, "#/landscape?f=booth");
    await page.getByRole("heading", { name: "Landscape" }).waitFor();
    await go(page, "#/model?sample=mlp");
    await page.getByRole("heading", { name: "Model" }).waitFor();
    await settled(page);
    // What the screen before it asked is asked no more: a late answer would reach a screen that is gone.
    if ((await dialog.count()) > 0) await dialog.getByRole("button", { name: "Open the other one" }).click();
    await settled(page);
    expect(await page.getByLabel("Sample").inputValue()).toBe("mlp");
    expect((await shown(page)).position).toEqual(position);
  });

  it("has one worker once other screens have been left, and fetches those of screens that are opened alone", async () => {
    const loaded = new Set<string>();
    const page = await lab.open("#/landscape?n=50");
    page.on("request", (request) => loaded.add(request.url()));
    await fetchedAhead(page);
    const workersOf = (urls: Iterable<string>) =>
      [...urls].filter((url) => /\/worker-[^/]*\.js$/.test(url)).length;
    const known = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
    expect(workersOf(new Set(known))).toBe(1);
    for (const key of ["2", "3", "4", "1"]) {
      await page.keyboard.press(key);
      await page.waitForFunction(
        (at) => document.querySelector("nav a[aria-current]")?.textContent === at,
        ["Landscape", "Train", "Tasks", "Model"][Number(key) - 1],
      );
      await page.locator(".status").waitFor();
    }
    expect(workersOf(loaded)).toBe(3);
    await expect.poll(() => page.workers().length, { timeout: 60_000 }).toBe(1);
  });

  it("shows what has the focus above the line of the status, tables without cutting them, and the curves before what saves them", async () => {
    const page = await lab.open("#/landscape?f=booth&with=plain,teleported,lbfgs", {
      width: 390,
      height: 844,
    });
    const hidden: string[] = [];
    for (let k = 0; k < 60; k++) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate(() => {
        const { bottom, top } = (document.activeElement as HTMLElement).getBoundingClientRect();
        const line = document.querySelector(".status")?.getBoundingClientRect().top ?? innerHeight;
        const name = document.activeElement?.outerHTML.slice(0, 80) ?? "";
        return {
          isHidden: bottom - top < line && bottom > line,
          isBody: document.activeElement === document.body,
          name,
        };
      });
      if (found.isBody) break;
      if (found.isHidden) hidden.push(found.name);
    }
    expect(hidden).toEqual([]);
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll(".scroll")]
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
        .map((element) => element.getAttribute("aria-label")),
    );
    expect(cut).toEqual([]);
    expect(await page.getByRole("button", { name: "Copy link" }).isVisible()).toBe(false);
    await page.getByText("Save and copy").click();
    expect(await page.getByRole("button", { name: "Copy link" }).isVisible()).toBe(true);
  });

  it("keeps what a copy of a tab does apart from what the tab does", async () => {
    const page = await open("#/model?sample=mlp");
    await randomMove(page);
    await page.waitForFunction(() => document.querySelector(".status")?.textContent?.includes("moved)"));
    const [copy] = await Promise.all([
      lab.context.waitForEvent("page"),
      page.evaluate(() => void window.open(location.href)),
    ]);
    await settled(copy);
    const names = await Promise.all(
      [page, copy].map((own) => own.evaluate(() => sessionStorage.getItem("isoloss-lab-tab"))),
    );
    expect(names[0]).not.toBe(names[1]);
    await copy.close();
    const { position } = await shown(page);
    expect(position?.moved.length).toBeGreaterThan(0);
    await page.reload();
    await settled(page);
    expect((await shown(page)).position).toEqual(position);
  });

  it("saves a session, which another tab opens: the model, its moves and what can be undone", async () => {
    const page = await open("#/model?sample=convnet");
    await randomMove(page);
    await page.waitForFunction(() => document.querySelector(".status")?.textContent?.includes("moved)"));
    await settled(page);
    const before = await shown(page);
    await page.keyboard.press("?");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save session" }).click(),
    ]);
    const buffer = readFileSync(await download.path());
    expect(download.suggestedFilename()).toBe("session.isoloss");
    expect(await violationsIn(page)).toEqual([]);
    // It can be stopped, and until then nothing that is dropped is opened behind the help.
    await page.route(/session-worker/, () => {});
    const downloads: unknown[] = [];
    page.on("download", (other) => downloads.push(other));
    await page.getByRole("button", { name: "Save session" }).click();
    await page.getByText("A moment…").waitFor();
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["none"], "other.onnx"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    });
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped.").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    expect([await shown(page), downloads]).toEqual([before, []]);
    await page.close();

    const other = await open("#/landscape?n=50");
    await other.keyboard.press("?");
    const field = other.getByLabel(/^Open a session/);
    await field.setInputFiles({ name: "notes.isoloss", mimeType: "", buffer: Buffer.from("none") });
    await other.getByText("notes.isoloss is no session of the lab.").waitFor();
    // Until it is open, the page takes nothing that would be lost.
    let go = () => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    await other.route(/session-worker/, async (route) => {
      await held;
      await route.continue();
    });
    await field.setInputFiles({ name: "session.isoloss", mimeType: "", buffer });
    await other.getByText("A moment…").waitFor();
    for (let k = 0; k < 3; k++) await other.keyboard.press("Escape");
    await expect
      .poll(() => other.locator("dialog").evaluate((dialog) => dialog.matches(":modal")))
      .toBe(true);
    for (const control of [
      field,
      ...["Save session", "Close"].map((name) => other.getByRole("button", { name })),
    ])
      expect(await control.isDisabled()).toBe(true);
    go();
    await other.getByRole("heading", { name: "Model" }).waitFor();
    await settled(other);
    expect((await shown(other)).position).toEqual(before.position);
    expect(await status(other)).toMatch(/tensors moved\)\.$/);
  });

  it("names the file that is open beside the field that opened it, also where it was dropped", async () => {
    const page = await open("#/model?sample=mlp");
    await choose(page);
    await page.waitForFunction(() =>
      document.querySelector(".status")?.textContent?.includes("(resnet.onnx)"),
    );
    expect(await textOf(page.locator("label", { has: page.locator("input[type=file]") }).first())).toMatch(
      /resnet\.onnx$/,
    );
    // The browser's own words, "No file chosen", are not seen.
    const field = page.locator("input[type=file]").first();
    expect(await field.evaluate((input) => getComputedStyle(input).opacity)).toBe("0");
  });

  it("keeps a training, names the step of what was held out, and never says that nothing is done", async () => {
    const page = await open("#/train?epochs=1&with=plain");
    await go(page, "#/train?epochs=5000&with=plain&tp=off");
    await steps(page, 2000);
    expect(await status(page)).not.toMatch(/\b0 %/);
    await page.keyboard.press("1");
    await page.getByRole("heading", { name: "Landscape" }).waitFor();
    await settled(page);
    await page.keyboard.press("2");
    expect(await steps(page)).toBeGreaterThanOrEqual(2000);
    await page.getByRole("button", { name: "Pause" }).click();
    await settled(page, /^\s*Paused/);
    const [before] = (await shown(page)).runs;
    expect(before.heldOut?.step).toBe(before.steps);
    await page.reload();
    expect(await steps(page)).toBeGreaterThanOrEqual(before.steps);
    expect((await shown(page)).runs[0].loss[40]).toBe(before.loss[40]);
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await settled(page, /^\s*Paused/);
  });

  it("marks a preset's text once settings have changed, and says why a start has no run", async () => {
    const page = await open("#/landscape?f=booth");
    expect(await outdated(page, ".intro .about")).toBe(0);
    await page.getByLabel("Steps", { exact: true }).fill("12");
    await page.keyboard.press("Enter");
    await settled(page);
    expect(await outdated(page, ".intro .about")).toBe(1);
    expect(await textOf(page.getByLabel("Preset").locator("option").first())).toMatch(/, after “Booth/);
    expect(await violationsIn(page)).toEqual([]);

    await go(page, "#/landscape?f=own&r1=sqrt(x)&r2=y&x=-1,0.5");
    await expect
      .poll(() => status(page))
      .toMatch(/^Done\. The loss or its gradient is not finite at the start: plain, teleported\.$/);
    await go(page, "#/landscape?x=1.000000000000001,1&tp=4");
    await expect
      .poll(() => textOf(page.locator(".results")))
      .toMatch(/before step 4: no angle gives finite parameters/);
  });

  it("stops runs, and marks the results of other settings until there are new ones", async () => {
    const page = await open("#/landscape?n=50");
    await page.getByLabel("Search").selectOption("gradientAscent");
    await settled(page);
    await go(page, "#/landscape?n=100000&tp=every:1&search=gradientAscent&opt=adam&with=teleported");
    const stop = page.getByRole("button", { name: "Stop", exact: true });
    await stop.waitFor();
    expect(await outdated(page, ".results tbody tr")).toBe(1);
    await stop.click();
    expect(await status(page)).toMatch(/^Stopped/);
    await page.getByLabel("Steps", { exact: true }).fill("9");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() =>
      document.querySelector(".status")?.textContent?.includes("1 run of 9 steps"),
    );
    expect(await outdated(page, ".results tbody tr")).toBe(0);
  });
});
