import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { namedFiles } from "./named.js";
import { bundledWorker, checkAll, type Finished } from "./processes.js";
import { seedFiles } from "./seeds.js";

/** More of them find more: HOSTILE_COUNT=20000, say. */
const count = Number(process.env.HOSTILE_COUNT ?? 3000);
const processes = 2;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "isoloss-hostile-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it("damaged and hostile files are read or refused with an error of the library, in time and within 512 MB", async () => {
  const worker = await bundledWorker(join(folder, "worker"));
  const files = join(folder, "files");
  mkdirSync(files);
  for (const [name, [bytes]] of Object.entries(namedFiles)) {
    writeFileSync(join(files, `named ${name.replaceAll("/", " ")}`), bytes());
  }
  seedFiles().forEach((bytes, i) => {
    writeFileSync(join(files, `seed ${String(i).padStart(4, "0")}`), bytes);
  });
  const end = Object.keys(namedFiles).length + count;
  const parts = Array.from({ length: processes }, (_, first) =>
    checkAll(worker, files, first, end, processes),
  );
  const finished = (await Promise.all(parts)).flat();
  expect(finished.length).toBe(end);
  console.log(counted(finished));
  const failed = finished.filter(({ failures }) => failures.length > 0);
  expect(failed.map(({ what, failures }) => `${what}: ${failures.join("; ")}`)).toEqual([]);
}, 600_000);

/** How many files got how far. */
function counted(finished: readonly Finished[]): string {
  const counts = new Map<string, number>();
  for (const { reached } of finished) counts.set(reached, (counts.get(reached) ?? 0) + 1);
  return [...counts].map(([reached, n]) => `${reached}: ${n}`).join(", ");
}
