// Benchmarks side by side: ours and PyTorch's in turn, in one run, on the same values; or two things of ours.
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { compare, compareRevisions } from "./compare.mjs";
import { checkOut } from "./revision.mjs";
import { describeTorch, findTorch } from "./torch-peer.mjs";
import { workloads } from "./workloads.mjs";

const help = `npm run bench -- [--filter TEXT] [--rounds N] [--seconds S] [--json] [--no-torch] [--against REV] [--peers]

  --filter TEXT   workloads whose name contains the text (several by commas)
  --rounds N      measurements of each side, taken in turn; the median counts (5)
  --seconds S     about how long one measurement runs (0.5)
  --threads LIST  thread counts of both sides (1,2)
  --json          one JSON object {workload: {ours, other, ratio, threads, compileSeconds, ...}}, microseconds a step
  --no-torch      ours alone; also where no Python with PyTorch is found
  --against REV   instead: the same workloads of another revision, in turn; it is built once, among temporary files
  --peers         instead: the same training steps in TensorFlow.js and jax-js, in Node and in Chromium, as a table;
                  first: npm ci --prefix bench/peers --ignore-scripts

ratio = ours / the other's, each with its best thread count. The other is PyTorch (where it has several forms, the fastest
counts), or what the last column says, measured on our side. Slow workloads run when their full name is given:
${Object.keys(workloads).filter((name) => workloads[name].isSlow)}.`;

const { values: options } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "0.5" },
    threads: { type: "string", default: "1,2" },
    json: { type: "boolean", default: false },
    torch: { type: "boolean", default: true },
    against: { type: "string" },
    peers: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
  allowNegative: true,
});
if (options.help) {
  console.log(help);
  process.exit(0);
}

const say = (text) => process.stderr.write(text);
const rounds = Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || !(Number(options.seconds) > 0)) {
  console.error(
    `--rounds must be an integer >= 1 and --seconds > 0; got ${options.rounds} and ${options.seconds}.`,
  );
  process.exit(2);
}
const seconds = Number(options.seconds);
const threadCounts = options.threads
  .split(",")
  .map(Number)
  .filter((n) => n <= availableParallelism());
const filters = options.filter.split(",");
if (options.peers) {
  if (!existsSync(new URL("peers/node_modules", import.meta.url))) {
    console.error(
      "The other libraries are not installed. Type: npm ci --prefix bench/peers --ignore-scripts",
    );
    process.exit(2);
  }
  const { printTable } = await import("./peers/table.mjs");
  await printTable({ rounds, filters, say });
  process.exit(0);
}
const chosen = Object.entries(workloads).filter(([name, { isSlow }]) =>
  filters.some((f) => (workloads[f] ? name === f : !isSlow && name.includes(f))),
);
if (chosen.length === 0) {
  console.error(`No workload contains "${options.filter}"; there are ${Object.keys(workloads).join(", ")}.`);
  process.exit(2);
}

let folder;
if (options.against !== undefined) {
  say(`building ${options.against}\n`);
  try {
    folder = checkOut(options.against);
  } catch (error) {
    console.error(`--against needs a revision that git knows and npm can build. ${error.message}`);
    process.exit(2);
  }
}
const needsTorch = folder === undefined && chosen.some(([, { peers }]) => peers);
const python = options.torch && needsTorch ? findTorch() : undefined;
if (options.torch && needsTorch && !python) {
  say("No Python with PyTorch was found: measuring our side alone.\n");
}
if (python) {
  const { torch, blas, matmulGflops } = describeTorch(python, threadCounts.at(-1));
  say(`PyTorch ${torch}, ${blas}, ${matmulGflops} GFLOPS in a float32 product\n`);
}

const width = Math.max(...chosen.map(([name]) => name.length));
const round3 = (x) => {
  if (x === null || x === undefined) return "-";
  return x === Infinity ? "never" : x >= 100 ? x.toFixed(0) : x.toPrecision(3);
};
function line(name, r) {
  const cells = [
    [round3(r.ours), 10],
    [round3(r.other), 10],
    [round3(r.ratio), 8],
    [String(r.reach ?? "-"), 9],
    [String(r.threads ?? "-"), 8],
    [r.compileSeconds === undefined ? "-" : r.compileSeconds.toFixed(2), 10],
  ];
  const against = [r.runtime ?? "-", "/", r.against, r.note ?? ""].join(" ").trim();
  return `${name.padEnd(width)} ${cells.map(([text, n]) => text.padStart(n)).join(" ")}  ${against}`;
}

const results = {};
if (!options.json) {
  console.log(
    `${"workload".padEnd(width)}    ours us   other us    ratio  to reach  threads  compile s  runtime / against`,
  );
}
for (const [name, workload] of chosen) {
  say(options.json ? `${name}\n` : "");
  results[name] = folder
    ? {
        against: options.against,
        ...(await compareRevisions(name, workload, { folder, threadCounts, rounds, seconds })),
      }
    : workload.study
      ? { ...(await workload.study({ rounds })), reach: workload.reach }
      : await compare(workload, { python, threadCounts, rounds, seconds });
  if (!options.json) console.log(line(name, results[name]));
}
if (options.json) console.log(JSON.stringify(results, null, 2));
process.exit(0);
