import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  buildSite,
  executablePath,
  isolationHeaders,
  launch,
  type Site,
  serveBuilt,
} from "isoloss-test-support/browser/site";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { createPackedProject } from "../packed-project.js";
import type { javascriptCases } from "./javascript-page/main.js";
import { derivatives, type Numbers } from "./page/cases.js";
import type { cases } from "./page/main.js";

type Cases = typeof cases & typeof javascriptCases;

export const javascript = { runtime: "javascript" } as const;
export const wasm = { provider: "wasm" } as const;

export const title = executablePath
  ? "in a browser, bundled by Vite from the npm package"
  : "in a browser (skipped: no Chromium at $CHROMIUM or /usr/bin/chromium)";

/** The page of `page/`, bundled and served, and a browser. */
export interface Pages {
  readonly folder: string;
  /** A project that has not installed ONNX Runtime. */
  readonly withoutOnnx: string;
  readonly plain: Site;
  readonly isolated: Site;
  readonly context: BrowserContext;
  readonly warnings: readonly string[];
  /** What pages complained of: errors, warnings and answers that were no success. A test fails with any that it leaves. */
  readonly complaints: string[];
  open(site: Site, where?: BrowserContext): Promise<Page>;
}

/** Builds and serves it before the tests of a file. */
export function servedPages(): Pages {
  let made: Pick<Pages, "folder" | "withoutOnnx" | "plain" | "isolated" | "context" | "warnings">;
  const complaints: string[] = [];
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    const project = await createPackedProject({ types: false });
    cleanups.push(() => project.remove());
    const { folder, withoutOnnx } = project;
    cpSync(fileURLToPath(new URL("page", import.meta.url)), folder, { recursive: true });
    const warnings = await buildSite(folder);
    const plain = await serveBuilt(folder);
    cleanups.push(() => plain.close());
    const isolated = await serveBuilt(folder, isolationHeaders);
    cleanups.push(() => isolated.close());
    const browser = await launch();
    cleanups.push(() => browser.close());
    made = { folder, withoutOnnx, plain, isolated, context: browser.context, warnings };
  });

  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  afterEach(async () => {
    for (const page of made.context.pages().slice(1)) await page.close();
    expect(complaints.splice(0)).toEqual([]);
  });

  return {
    get folder() {
      return made.folder;
    },
    get withoutOnnx() {
      return made.withoutOnnx;
    },
    get plain() {
      return made.plain;
    },
    get isolated() {
      return made.isolated;
    },
    get context() {
      return made.context;
    },
    get warnings() {
      return made.warnings;
    },
    complaints,
    async open({ url }, where = made.context) {
      const page = await where.newPage();
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("console", (message) => {
        const isComplaint = ["error", "warning"].includes(message.type());
        // Chromium's own note when a page asks what WebGPU there is.
        if (isComplaint && message.text() !== "No available adapters.") complaints.push(message.text());
      });
      page.on("response", (response) => {
        if (!response.ok()) complaints.push(`${response.status()} ${response.url()}`);
      });
      await page.goto(url);
      await page.waitForFunction(() => "cases" in globalThis);
      return page;
    },
  };
}

/** Calls a case in a page: arguments and result go as plain data. */
export async function call<K extends keyof Cases>(
  page: Page,
  name: K,
  ...args: Parameters<Cases[K]>
): Promise<Awaited<ReturnType<Cases[K]>>> {
  return (await page.evaluate(
    ([key, list]) =>
      (globalThis as never as { cases: Record<string, (...a: unknown[]) => unknown> }).cases[key](...list),
    [name, args] as const,
  )) as Awaited<ReturnType<Cases[K]>>;
}

/** Compares derivatives in a page with Node's, in both runtimes. */
export async function expectDerivatives(pages: Pages, name: "mlp" | "convnet"): Promise<void> {
  const page = await pages.open(pages.plain);
  const exact = await call(page, "derivatives", name, javascript);
  expect(Object.keys(exact).length).toBeGreaterThanOrEqual(1 + 3 * 4);
  // Exponentials and logarithms are the browser's own.
  expect(distance(await derivatives(name, javascript), exact)).toBeLessThan(1e-12);

  const inWasm = await call(page, "derivatives", name, wasm);
  expect(distance(exact, inWasm)).toBeLessThan(1e-5);
  expect(distance(exact, inWasm)).toBeGreaterThan(0);
  expect(distance(await derivatives(name, { provider: "cpu" }), inWasm)).toBeLessThan(1e-5);
}

/** The largest relative distance of two lists of one name, |a - b| / |a|. */
export function distance(a: Numbers, b: Numbers): number {
  expect(Object.keys(b)).toEqual(Object.keys(a));
  const distances = Object.keys(a).map((name) => {
    expect(b[name]).toHaveLength(a[name].length);
    const norm = Math.hypot(...a[name]);
    return Math.hypot(...a[name].map((v, i) => v - b[name][i])) / norm;
  });
  return Math.max(...distances);
}
