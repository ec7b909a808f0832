import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * A folder that is built from sources, for all test files that need it: it is built again when a source has changed.
 *
 * @param sources files and folders on which it depends, besides the installed packages and this file
 */
export async function sharedBuild(
  name: string,
  sources: readonly string[],
  buildInto: (folder: string) => Promise<unknown>,
): Promise<string> {
  // Inside the checkout: from there Node finds the dependencies.
  const cache = fileURLToPath(new URL(`../../node_modules/.cache/isoloss-${name}`, import.meta.url));
  mkdirSync(cache, { recursive: true });
  const own = ["../../package-lock.json", "shared-build.ts"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const folder = join(cache, keyOf([...sources, ...own]));
  if (!existsSync(folder)) {
    removeOld(cache);
    const making = mkdtempSync(join(cache, "making-"));
    chmodSync(making, 0o755);
    await buildInto(making);
    try {
      renameSync(making, folder);
    } catch {
      // Another test file was faster: the same sources make the same files.
      rmSync(making, { recursive: true, force: true });
    }
  }
  utimesSync(folder, new Date(), new Date());
  return folder;
}

/** Names, sizes and times of all sources, as a hash. */
function keyOf(sources: readonly string[]): string {
  const hash = createHash("sha256");
  for (const source of sources) {
    const names = statSync(source).isDirectory() ? readdirSync(source, { recursive: true }) : [""];
    for (const name of (names as string[]).sort()) {
      const { size, mtimeMs } = statSync(join(source, name));
      hash.update(`${name} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** Removes builds that no test run uses any more. */
function removeOld(cache: string): void {
  for (const name of readdirSync(cache)) {
    const age = Date.now() - (statSync(join(cache, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > 3_600_000) rmSync(join(cache, name), { recursive: true, force: true });
  }
}
