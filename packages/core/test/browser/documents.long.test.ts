// The site of the documents, as `npm run docs` builds it: a reader finds a page by searching for words of it.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { executablePath, launch } from "isoloss-test-support/browser/site";
import { preview } from "vite";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

it.skipIf(!executablePath)("the site has its pages, and finds them by search", async () => {
  execFileSync(process.execPath, ["scripts/site.mjs"], { cwd: root, stdio: "pipe" });
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
