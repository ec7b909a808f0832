// The lab's times in Chromium against its budgets: `npm run bench:lab`. Run nothing beside it; each number is the best of
// three, and a browser without a GPU rasters slowly, so that the page's own share of a frame is counted and not frames.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { build, preview } from "vite";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium"].find((path) => path && existsSync(path));
if (executablePath === undefined) {
  console.error("There is no Chromium at $CHROMIUM or /usr/bin/chromium.");
  process.exit(1);
}
const configFile = fileURLToPath(new URL("../packages/lab/vite.config.ts", import.meta.url));
const outDir = mkdtempSync(join(tmpdir(), "isoloss-bench-lab-"));
await build({
  configFile,
  logLevel: "error",
  build: { outDir, emptyOutDir: true, reportCompressedSize: false },
});
const server = await preview({ configFile, logLevel: "error", build: { outDir }, preview: { port: 0 } });
const [url] = server.resolvedUrls.local;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });

/** What the page measures of itself while it is used. */
function watch() {
  const longTasks = [];
  new PerformanceObserver((list) =>
    longTasks.push(...list.getEntries().map(({ duration }) => duration)),
  ).observe({
    type: "longtask",
    buffered: true,
  });
  globalThis.bench = { longTasks, frames: [] };
  const request = globalThis.requestAnimationFrame.bind(globalThis);
  globalThis.requestAnimationFrame = (callback) =>
    request((time) => {
      const begin = performance.now();
      callback(time);
      globalThis.bench.frames.push(performance.now() - begin);
    });
}

const quantile = (values, p) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(p * values.length))];

/** Milliseconds from the start of loading to the first frame with all controls, and to the first trajectory. */
async function firstLook(throttle) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const client = await page.context().newCDPSession(page);
  await client.send("Emulation.setCPUThrottlingRate", { rate: throttle });
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (document.querySelector("section.controls input") === null) return;
      observer.disconnect();
      requestAnimationFrame(() =>
        setTimeout(() => Object.assign(globalThis, { controlsAt: performance.now() })),
      );
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(`${url}#/landscape`);
  await page.waitForFunction(() => (globalThis.isolossLab?.inspect()?.runs.length ?? 0) > 0);
  const trajectory = await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now()))),
  );
  const controls = await page.evaluate(() => globalThis.controlsAt);
  await page.close();
  return { controls, trajectory };
}

/** Drags the start for some seconds. */
async function drag() {
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 }, deviceScaleFactor: 2 });
  await page.addInitScript(watch);
  await page.goto(`${url}#/landscape`);
  await page.waitForFunction(settled);
  const result = await page.evaluate(async () => {
    const point = document.querySelector(".start");
    const lab = globalThis.isolossLab;
    const { x, y, width, height } = document.querySelector(".plane canvas").getBoundingClientRect();
    const send = (type, t) =>
      point.dispatchEvent(
        new PointerEvent(type, {
          bubbles: true,
          pointerId: 1,
          isPrimary: true,
          button: 0,
          clientX: x + width * (0.5 + 0.3 * Math.cos(t)),
          clientY: y + height * (0.5 + 0.3 * Math.sin(t)),
        }),
      );
    point.setPointerCapture = () => {};
    globalThis.bench.longTasks.length = 0;
    globalThis.bench.frames.length = 0;
    const plain = () => lab.inspect().runs.find(({ method }) => method === "plain");
    const latencies = [];
    const end = performance.now() + 5000;
    send("pointerdown", 0);
    for (let t = 0; performance.now() < end; t += 0.15) {
      const before = plain();
      const begin = performance.now();
      send("pointermove", t);
      while (plain() === before) await new Promise((resolve) => requestAnimationFrame(resolve));
      latencies.push(performance.now() - begin);
    }
    send("pointerup", 0);
    return { latencies, ...globalThis.bench };
  });
  await page.close();
  return result;
}

/** Kilobytes, compressed, that the first screen has loaded by its first trajectory: without what is fetched ahead. */
async function firstLoad() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const files = new Set();
  page.on("request", (request) => {
    const [, file] = /\/(assets\/[^?]+\.(?:js|css))$/.exec(request.url()) ?? [];
    if (file !== undefined && request.headers()["sec-purpose"] !== "prefetch") files.add(file);
  });
  await page.goto(`${url}#/landscape`);
  await page.waitForFunction(settled);
  await page.close();
  return [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(outDir, file))).length, 0) / 1000;
}

const settled = () => /^\s*Done/.test(document.querySelector(".status")?.textContent ?? "");

/** Milliseconds of the slowest interaction until the next paint: each control of a screen is used once, by mouse or keys. */
async function slowestInteraction(hash) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(() => {
    globalThis.interactions = [];
    // Escape ends what a control may have opened: without anything to draw, it waits for the next frame there is.
    const escapes = new Set();
    for (const type of ["keydown", "keyup"])
      addEventListener(type, ({ key, timeStamp }) => key === "Escape" && escapes.add(timeStamp), true);
    const observer = new PerformanceObserver((list) =>
      globalThis.interactions.push(
        ...list
          .getEntries()
          .filter(({ interactionId, startTime }) => interactionId > 0 && !escapes.has(startTime))
          .map(({ duration }) => duration),
      ),
    );
    observer.observe({ type: "event", durationThreshold: 16 });
  });
  await page.goto(`${url}${hash}`);
  await page.waitForFunction(settled);
  const controls = "main button, main select, main input, main [role=slider]";
  const count = await page.locator(controls).count();
  for (let k = 0; k < count; k++) {
    const control = page.locator(controls).nth(k);
    if (!(await control.isVisible()) || !(await control.isEnabled())) continue;
    const { tag, type, text } = await control.evaluate((element) => ({
      tag: element.localName,
      type: element.type,
      text: element.textContent,
    }));
    // What saves a file or looks for one shows a window of the system's.
    if (/^\s*(Save|Copy)/.test(text) || type === "file") continue;
    if (type === "checkbox" || (tag === "button" && type !== undefined))
      await control.click({ timeout: 5000 });
    else {
      await control.focus();
      await page.keyboard.press(
        tag === "select" ? "ArrowDown" : tag === "input" && type === "text" ? "Enter" : "ArrowRight",
      );
    }
    await page.waitForTimeout(150);
    await page.keyboard.press("Escape");
  }
  const slowest = await page.evaluate(() => Math.max(0, ...globalThis.interactions));
  await page.close();
  return slowest;
}

/** The page's longest task in ten seconds of training at full speed. */
async function longestWhileTraining() {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.addInitScript(watch);
  await page.goto(`${url}#/train?net=64,64&epochs=5000&tp=every:50`);
  await page.waitForFunction(() => (globalThis.isolossLab?.inspect()?.runs[0]?.steps ?? 0) > 0);
  await page.evaluate(() => {
    globalThis.bench.longTasks.length = 0;
  });
  await page.waitForTimeout(10_000);
  const longest = await page.evaluate(() => Math.max(0, ...globalThis.bench.longTasks));
  await page.close();
  return longest;
}

const rows = [];
const best = async (measure) => {
  const values = [];
  for (let k = 0; k < 3; k++) values.push(await measure());
  return Math.min(...values);
};
const row = (what, value, budget, unit = "ms") =>
  rows.push({ what, value: Number(value.toFixed(1)), unit, budget, ok: value <= budget });
row("first load of Landscape", await firstLoad(), 147, "kB gzip");
row("first trajectory", await best(async () => (await firstLook(1)).trajectory), 1000);
const slow = [await firstLook(4), await firstLook(4), await firstLook(4)];
const soonest = (what) => Math.min(...slow.map((look) => look[what]));
row("controls that can be used, processor slowed 4 times", soonest("controls"), 1500);
row("first trajectory, processor slowed 4 times", soonest("trajectory"), 2500);
const drags = [await drag(), await drag(), await drag()];
const least = (of) => Math.min(...drags.map(of));
row(
  "pointer to trajectory, 95 %",
  least(({ latencies }) => quantile(latencies, 0.95)),
  50,
);
row(
  "longest task while dragging",
  least(({ longTasks }) => Math.max(0, ...longTasks)),
  50,
);
row(
  "drawing of a frame, 95 %",
  least(({ frames }) => quantile(frames, 0.95)),
  6,
);
for (const [name, hash] of Object.entries({
  Landscape: "#/landscape?with=plain,teleported,hand,random,rate,lbfgs,cg",
  "your own function": "#/landscape?f=own",
  Train: "#/train?net=8&epochs=3",
  Tasks: "#/tasks?n=200",
  Model: "#/model?sample=convnet",
})) {
  row(`slowest interaction to next paint, ${name}`, await best(() => slowestInteraction(hash)), 100);
}
row("longest task while training", await best(longestWhileTraining), 50);
console.table(rows);
await browser.close();
await server.close();
rmSync(outDir, { recursive: true });
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
