// Another revision of this repository, built beside it: the same workloads measured there and here, in turn.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProcess } from "./process.mjs";

const here = fileURLToPath(new URL("..", import.meta.url));
const server = fileURLToPath(new URL("serve.mjs", import.meta.url));

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return stdout.trim();
  throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr.trim()}`);
}

/** A folder with that revision, installed and built; made once, among temporary files. */
export function checkOut(revision) {
  const commit = run("git", ["rev-parse", "--verify", "--end-of-options", `${revision}^{commit}`], here);
  const folder = join(tmpdir(), "isoloss-bench", commit);
  if (!existsSync(folder)) {
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    run("git", ["archive", "--format=tar", `--output=${partial}.tar`, commit], here);
    run("tar", ["-xf", `${partial}.tar`, "-C", partial], here);
    rmSync(`${partial}.tar`);
    renameSync(partial, folder);
  }
  run(process.execPath, ["scripts/ensure.mjs"], folder);
  return folder;
}

/** A revision's workloads in a process of their own. */
export const startRevision = (folder = here) => startProcess(process.execPath, [server, folder], folder);
