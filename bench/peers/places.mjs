// Where a measurement runs: a process of Node, or a page of headless Chromium.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build, preview } from "vite";

const root = fileURLToPath(new URL("./", import.meta.url));

/** Node: `measure(request)` answers `{us, loss}` or `{error}`. */
export function openNode() {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-peers-"));
  const answer = join(folder, "answer.json");
  return {
    name: "Node",
    async measure(request) {
      rmSync(answer, { force: true });
      const { stderr } = spawnSync(
        process.execPath,
        [join(root, "node.mjs"), JSON.stringify(request), answer],
        {
          encoding: "utf8",
          timeout: 300_000,
        },
      );
      if (!existsSync(answer)) return { error: stderr.trim().split("\n")[0] || "no answer within 5 minutes" };
      return JSON.parse(readFileSync(answer, "utf8"));
    },
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Headless Chromium with a page bundled by Vite; undefined where there is none. */
export async function openBrowser() {
  const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium"].find((path) => path && existsSync(path));
  if (!executablePath) return undefined;
  const outDir = mkdtempSync(join(tmpdir(), "isoloss-peers-page-"));
  const common = { root, configFile: false, logLevel: "error", worker: { format: "es" } };
  await build({ ...common, build: { outDir, emptyOutDir: true, reportCompressedSize: false } });
  // Without the headers that isolate a page, which few have: every library computes in one thread.
  const server = await preview({ ...common, build: { outDir }, preview: { host: "127.0.0.1", port: 0 } });
  const args = ["--no-sandbox", "--disable-gpu"];
  const browser = await chromium.launch({ executablePath, args });
  return {
    name: `Chromium ${browser.version().split(".")[0]}`,
    async measure(request) {
      const page = await browser.newPage();
      try {
        await page.goto(server.resolvedUrls.local[0]);
        await page.waitForFunction(() => globalThis.measure);
        return await page.evaluate((r) => globalThis.measure(r), request);
      } catch ({ message }) {
        return { error: message.split("\n")[0] };
      } finally {
        await page.close();
      }
    },
    async close() {
      await browser.close();
      await server.close();
      rmSync(outDir, { recursive: true, force: true });
    },
  };
}
