// Checks files in a process of its own, which may be ended when one takes too long.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createRng } from "../../../src/math/rng.js";
import { check, type Outcome } from "./check.js";
import { mutated } from "./mutations.js";

/** What a process says of a file: that it begins, and what came of it. */
export type Report =
  | { readonly begins: number; readonly what: string }
  | {
      readonly ends: number;
      readonly what: string;
      readonly outcome: Outcome;
      readonly seconds: number;
      readonly megabytes: number;
    };

const [folder, first, end, step] = process.argv.slice(2);
const names = readdirSync(folder).sort();
const named = names.filter((name) => name.startsWith("named "));
const seeds = names.filter((name) => name.startsWith("seed "));
const bytesOf = (name: string): Uint8Array => Uint8Array.from(readFileSync(join(folder, name)));

/** The files as they are come first. */
function caseOf(k: number): readonly [what: string, bytes: Uint8Array] {
  if (k < named.length) return [named[k], bytesOf(named[k])];
  const rng = createRng(k - named.length);
  const seed = seeds[rng.int(seeds.length)];
  const [mutation, bytes] = mutated(bytesOf(seed), rng);
  return [`${seed}, ${mutation}`, bytes];
}

const said = (report: Report): void => {
  process.send?.(report);
};

const base = process.resourceUsage().maxRSS;
for (let k = Number(first); k < Number(end); k += Number(step)) {
  const [what, bytes] = caseOf(k);
  said({ begins: k, what });
  const start = process.cpuUsage();
  const outcome = check(bytes);
  const { user, system } = process.cpuUsage(start);
  const megabytes = (process.resourceUsage().maxRSS - base) / 1024;
  said({ ends: k, what, outcome, seconds: (user + system) / 1e6, megabytes });
  // Lets the messages go before the next file.
  await new Promise((resolve) => setImmediate(resolve));
}
process.disconnect?.();
