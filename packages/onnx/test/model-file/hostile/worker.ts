// Checks files in a process of its own, which may be ended when one takes too long.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createRng } from "isoloss/data";
import { check, type Outcome } from "./check.js";
import { mutated } from "./mutations.js";
import { referenceSeconds, secondsOf } from "./reference.js";

/** What a process says of a file: that it begins, and what came of it. */
export type Report =
  | { readonly begins: number; readonly what: string }
  | {
      readonly ends: number;
      readonly what: string;
      readonly outcome: Outcome;
      readonly seconds: number;
      /** Seconds of the reference in this process: of several, the most. */
      readonly reference: number;
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

/** The first one has to be compiled on its way, as what a file needs has; later ones tell whether the machine is slower now. */
let reference = referenceSeconds();
const base = process.resourceUsage().maxRSS;
for (let k = Number(first); k < Number(end); k += Number(step)) {
  const [what, bytes] = caseOf(k);
  said({ begins: k, what });
  let outcome: Outcome = { reached: "nothing", crashes: [] };
  const seconds = secondsOf(() => {
    outcome = check(bytes);
  });
  if (seconds > reference) reference = Math.max(reference, referenceSeconds());
  const megabytes = (process.resourceUsage().maxRSS - base) / 1024;
  said({ ends: k, what, outcome, seconds, reference, megabytes });
  // Lets the messages go before the next file.
  await new Promise((resolve) => setImmediate(resolve));
}
process.disconnect?.();
