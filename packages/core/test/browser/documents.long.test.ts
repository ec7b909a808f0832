// The site of the documents, as `npm run docs` builds it: a reader finds a page by searching for words of it.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { executablePath, launch } from "isoloss-test-support/browser/site";
import { preview } from "vite";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** When a file was changed, or the newest source in a folder: a build changes folders. 0 for what is not there. */
function changedAt(path: string): number {
  const stats = statSync(join(root, path), { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return stats?.mtimeMs ?? 0;
  const names = readdirSync(join(root, path)).filter((name) => !/^(node_modules|dist)$/.test(name));
  return Math.max(0, ...names.map((name) => changedAt(`${path}/${name}`)));
}

/**
 * Whether the site is there, of the sources as they are now and for the root of a host. Its build ends with `hashmap.json`. Only CI
 * surely built it of these sources: elsewhere a file that was taken away leaves no trace.
 */
function isBuilt(): boolean {
  if (!process.env.CI) return false;
  const documents = readdirSync(root).filter((name) => /\.(md|json)$/.test(name));
  const sources = ["docs", "examples", "experiments", "packages", "scripts", ...documents];
  if (changedAt("site/html/hashmap.json") < Math.max(...sources.map(changedAt))) return false;
  return readFileSync(join(root, "site/html/index.html"), "utf8").includes('="/assets/');
}

it.skipIf(!executablePath)("the site has its pages, and finds them by search", async () => {
  if (!isBuilt()) execFileSync(process.execPath, ["scripts/site.mjs"], { cwd: root, stdio: "pipe" });
  const server = await preview({
    root: `${root}site`,
    configFile: false,
    build: { outDir: "html" },
    preview: { host: "127.0.0.1", port: 0 },
  });
  const { context, close } = await launch();
  try {
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(server.resolvedUrls?.local[0] as string);
    expect(await page.textContent("h1")).toContain("Isoloss");
    for (const [words, heading] of [
      ["gradients pass through the rounding", "ONNX operators"],
      ["isoloss model prune", "Commands"],
      ["where does a loss become a graph", "Architecture"],
    ]) {
      await page.keyboard.press("Control+k");
      await page.fill(".VPLocalSearchBox input", words);
      await page.locator(".VPLocalSearchBox .result", { hasText: heading }).first().click();
      await page.waitForFunction(
        (text) => document.querySelector("h1")?.textContent?.includes(text),
        heading,
      );
    }
    expect(errors).toEqual([]);
  } finally {
    await close();
    await server.close();
  }
});
