// The lab as it is built, served as by `isoloss lab`, in a real browser.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { serveLab } from "../../cli/src/commands/lab-server.js";
import { executablePath, launch } from "../../core/test/browser/site.js";
import type { Course, Missing, Orbit } from "../src/screens/landscape/course.js";
import type { LandscapeState } from "../src/screens/landscape/state.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const configFile = join(root, "vite.config.ts");

export interface LabSite {
  readonly url: string;
  /** Where the built files are. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Builds the lab from the sources, and serves it in a folder of a site. */
async function labSite(): Promise<LabSite> {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-lab-"));
  const outDir = join(folder, "some/folder");
  await build({
    configFile,
    logLevel: "error",
    build: { outDir, emptyOutDir: true, reportCompressedSize: false },
  });
  const server = await serveLab(folder, { port: 0, host: "127.0.0.1" });
  return {
    url: `${server.url}some/folder/`,
    folder: outDir,
    async close() {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A page of the lab, and what went wrong in it. */
export interface LabPage {
  readonly page: Page;
  readonly complaints: readonly string[];
}

export interface Inspected {
  readonly state: LandscapeState;
  readonly runs: readonly (Course | Missing)[];
  readonly orbit: Orbit | undefined;
}

/** Opens a page at an address such as `#/landscape?f=booth`, and waits for its runs. */
async function openLab(
  context: BrowserContext,
  { url }: LabSite,
  address = "",
  complaints: string[] = [],
): Promise<LabPage> {
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("response", (response) => {
    if (!response.ok() && response.status() !== 304)
      complaints.push(`${response.status()} ${response.url()}`);
  });
  page.on("request", (request) => {
    const isOwn = request.url().startsWith(new URL(url).origin) || /^(blob|data):/.test(request.url());
    if (!isOwn) complaints.push(`a request to ${request.url()}`);
  });
  await page.goto(`${url}${address}`);
  await settled(page);
  return { page, complaints };
}

export interface Lab {
  readonly site: LabSite;
  readonly context: BrowserContext;
  /** Opens a page whose complaints, if it has any, fail the test. */
  open(address?: string, width?: number): Promise<Page>;
}

/** What a group of tests is called: without Chromium it is skipped. */
export const titled = (title: string): string =>
  executablePath ? title : `${title} (skipped: no Chromium at $CHROMIUM or /usr/bin/chromium)`;

/** The lab in a browser, for the tests of a group; pages are closed after each. */
export function useLab(): Lab {
  let site: LabSite;
  let context: BrowserContext;
  let complaints: string[] = [];
  const cleanups: (() => unknown)[] = [];
  beforeAll(async () => {
    site = await labSite();
    cleanups.push(() => site.close());
    const browser = await launch(["--touch-events=enabled"]);
    cleanups.push(() => browser.close());
    context = browser.context;
  }, 120_000);
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });
  afterEach(async () => {
    for (const page of context.pages().slice(1)) await page.close();
    const found = complaints;
    complaints = [];
    expect(found).toEqual([]);
  });
  return {
    get site() {
      return site;
    },
    get context() {
      return context;
    },
    async open(address = "", width = 1280) {
      const opened = await openLab(context, site, address, complaints);
      await opened.page.setViewportSize({ width, height: 900 });
      return opened.page;
    },
  };
}

/** The address of a page after its `#`, once the page has written it. */
export const hashOf = (page: Page): string => new URL(page.url()).hash;

/** Waits until the page has computed what its settings ask for. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    /^\s*(Done|The start is)/.test(document.querySelector(".status")?.textContent ?? ""),
  );
}

/** What the screen shows, as numbers: of Landscape, where nothing else is said. */
export async function inspected<I = Inspected>(page: Page): Promise<I> {
  const text = await page.evaluate(() => {
    const lab = (globalThis as unknown as { isolossLab: { inspect(): unknown } }).isolossLab;
    return JSON.stringify(lab.inspect(), (_, value) =>
      ArrayBuffer.isView(value) ? Array.from(value as Float64Array, String) : value,
    );
  });
  return JSON.parse(text, (_, value) =>
    Array.isArray(value) &&
    value.every((v) => typeof v === "string" && v !== "" && !Number.isNaN(Number(v))) &&
    value.length > 0
      ? Float64Array.from(value, Number)
      : value,
  ) as I;
}
