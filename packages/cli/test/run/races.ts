import { execFile, spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { promisify } from "node:util";
import { folderInMemory } from "../memory.js";
import { buildWriter } from "./built-writer.js";

/** Lets four processes take the lock of a directory so many times in all. @returns how often two had it, and files that stayed */
export async function raceForLock(races: number): Promise<{ doubles: number; left: readonly string[] }> {
  const { script, remove } = await buildWriter(new URL("./racer.ts", import.meta.url));
  const folder = folderInMemory("isoloss-lock-");
  const { pid: dead } = spawnSync(process.execPath, ["--version"]);
  const args = [script, folder, `${races / 4}`, `${dead}`];
  const racers = Array.from({ length: 4 }, () => promisify(execFile)(process.execPath, args));
  const doubles = (await Promise.all(racers)).map(({ stdout }) => Number(stdout));
  const left = readdirSync(folder).filter((name) => name !== "lock");
  rmSync(folder, { recursive: true });
  remove();
  return { doubles: doubles.reduce((a, b) => a + b, 0), left };
}
