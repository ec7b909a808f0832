// Takes the lock of a directory COUNT times against other processes: `racer DIRECTORY COUNT DEAD`. Every other time the lock of a
// process DEAD that has ended stays behind. Prints how often another process had it, too.
import { closeSync, linkSync, openSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { LockedError, lockDirectory } from "../../src/run/lock.js";

const [directory = "", count, dead] = process.argv.slice(2);
const mark = join(directory, "holder");
const left = join(directory, `dead-${process.pid}`);
let doubles = 0;
for (let taken = 0; taken < Number(count); ) {
  let release: () => void;
  try {
    release = lockDirectory(directory);
  } catch (error) {
    if (error instanceof LockedError) continue;
    throw error;
  }
  taken += 1;
  try {
    closeSync(openSync(mark, "wx"));
    rmSync(mark);
  } catch {
    doubles += 1;
  }
  release();
  if (taken % 2 === 0) continue;
  writeFileSync(left, `${dead} ${hostname()} - ${process.pid}-${taken}\n`);
  try {
    linkSync(left, join(directory, "lock"));
  } catch {
    // Another one was faster.
  }
  rmSync(left);
}
process.stdout.write(`${doubles}\n`);
