import { afterEach, expect, it, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The name that a page has which is loaded now. */
async function nameOfPage(): Promise<string> {
  vi.resetModules();
  const page = await import("../../src/app/tab.js");
  await page.isNamed;
  return page.tab;
}

it("has the name of before where the browser has no locks, as over plain http", async () => {
  const store = new Map<string, string>();
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => store.get(key) ?? null,
    setItem: (key: string, value: string) => store.set(key, value),
  });
  const name = await nameOfPage();
  expect(await nameOfPage()).toBe(name);
});
