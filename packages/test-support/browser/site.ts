import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";
import { build, createLogger, createServer, preview } from "vite";

/** The browser that the tests drive: `$CHROMIUM`, or where distributions put Chromium. */
export const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium"].find(
  (path) => path && existsSync(path),
);

/** What a page needs before it may share memory with its threads. */
export const isolationHeaders = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** A user's whole Vite configuration; the rest here is about where the test's files are. */
const configuration = { worker: { format: "es" } } as const;

function setUp(root: string) {
  const warnings: string[] = [];
  const customLogger = createLogger("warn");
  for (const level of ["warn", "warnOnce", "error"] as const) {
    customLogger[level] = (message) => {
      // A note on a busy machine, not on what is built.
      if (!message.includes("PLUGIN_TIMINGS")) warnings.push(message);
    };
  }
  // The dependencies are links here; a user has them as folders.
  const here = {
    root,
    configFile: false,
    logLevel: "warn",
    customLogger,
    resolve: { preserveSymlinks: true },
  } as const;
  return { ...configuration, ...here, warnings };
}

/** Bundles a folder with Vite for production; gives what Vite warned of. */
export async function buildSite(root: string): Promise<string[]> {
  const { warnings, ...config } = setUp(root);
  await build({ ...config, build: { reportCompressedSize: false } });
  return warnings;
}

/** Serves what {@link buildSite} made. */
export async function serveBuilt(root: string, headers: Record<string, string> = {}): Promise<Site> {
  const { warnings: _, ...config } = setUp(root);
  const server = await preview({ ...config, preview: { host: "127.0.0.1", port: 0, headers } });
  return { url: server.resolvedUrls?.local[0] as string, close: () => server.close() };
}

/** Vite's development server, which bundles nothing but the dependencies. */
export async function serveSources(root: string, headers: Record<string, string> = {}): Promise<Site> {
  const { warnings: _, ...config } = setUp(root);
  const server = await createServer({
    ...config,
    server: { host: "127.0.0.1", port: 0, hmr: false, headers },
  });
  await server.listen();
  return { url: server.resolvedUrls?.local[0] as string, close: () => server.close() };
}

/** A browser with a profile of its own. */
export async function launch(
  extra: readonly string[] = [],
): Promise<{ context: BrowserContext; close(): Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), "isoloss-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...extra,
    ],
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  };
  return { context, close };
}
