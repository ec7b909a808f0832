// The lab as it is built, served as by `isoloss lab`, in a real browser.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { executablePath, launch } from "isoloss-test-support/browser/site";
import { sharedBuild } from "isoloss-test-support/shared-build";
import type { BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { serveLab } from "../../cli/src/commands/lab.js";
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

const sources = [
  ...["src", "public", "index.html", "vite.config.ts", "../core/src", "../onnx/src", "../figures/src"],
  ...["../../docs/studies", "../../scripts/entries.js", "../../tsconfig.base.json"],
]
  .map((path) => join(root, path))
  .concat(fileURLToPath(import.meta.url));

/** Builds the lab from the sources, and serves it in a folder of a site. */
async function labSite(): Promise<LabSite> {
  const site = await sharedBuild("lab", sources, async (folder) => {
    // As it is published: the environment of tests would build it with what is for development.
    vi.stubEnv("NODE_ENV", "production");
    await build({
      configFile,
      logLevel: "error",
      build: { outDir: join(folder, "some/folder"), emptyOutDir: true, reportCompressedSize: false },
    });
    vi.unstubAllEnvs();
  });
  const server = await serveLab(site, { port: 0, host: "127.0.0.1" });
  return {
    url: `${server.url}some/folder/`,
    folder: join(site, "some/folder"),
    close: () => server.close(),
  };
}

export interface Inspected {
  readonly state: LandscapeState;
  readonly runs: readonly (Course | Missing)[];
  readonly orbit: Orbit | undefined;
}

/** What a page is like before it is opened: what changes later has its effects a frame later. */
interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly media?: Parameters<Page["emulateMedia"]>[0];
}

/** Opens a page at an address such as `#/landscape?f=booth`, and waits for its runs. */
async function openLab(
  context: BrowserContext,
  { url }: LabSite,
  address: string,
  { width = 1280, height = 900, media = {} }: Look,
  complaints: string[],
): Promise<Page> {
  const page = await context.newPage();
  await page.setViewportSize({ width, height });
  await page.emulateMedia(media);
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
  return page;
}

export interface Lab {
  readonly site: LabSite;
  readonly context: BrowserContext;
  /** Opens a page whose complaints, if it has any, fail the test. */
  open(address?: string, look?: Look): Promise<Page>;
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
    // For what hangs, as in the tests' own limit: a slow machine must not fail.
    context.setDefaultTimeout(120_000);
  });
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
    open: (address = "", look = {}) => openLab(context, site, address, look, complaints),
  };
}

/** What the page gives to tests. */
interface InPage {
  readonly isolossLab?: { isSettled(): boolean };
}

/** The address of a page after its `#`; one that is settled has written it. */
export const hashOf = (page: Page): Promise<string> => page.evaluate(() => location.hash);

/** Waits until the page has computed what its settings ask for, says so, and has them in its address. */
export async function settled(page: Page, word = /^\s*(Done|The start is)/): Promise<void> {
  await page.waitForFunction(
    (source) =>
      (globalThis as InPage).isolossLab?.isSettled() === true &&
      new RegExp(source).test(document.querySelector(".status")?.textContent ?? ""),
    word.source,
  );
}

/** Waits until the page has what it fetches ahead, for what its screen may be asked for. */
export async function fetchedAhead(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    [...document.querySelectorAll<HTMLLinkElement>("link[rel=prefetch]")].every(
      ({ href }) => performance.getEntriesByName(href).length > 0,
    ),
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
