// Files of Debian packages, without installing them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Downloads packages, and calls a function with a folder that has their files, which it then removes. */
export async function inPackages(names, use) {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-debian-"));
  const run = (command, args) => {
    const { status, stderr, error } = spawnSync(command, args, {
      cwd: folder,
      encoding: "utf8",
      timeout: 300_000,
    });
    if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${error?.message ?? stderr.trim()}`);
  };
  try {
    run("apt-get", ["download", ...names]);
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".deb")))
      run("dpkg-deb", ["-x", file, "."]);
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
