// Benchmarks side by side: ours and PyTorch's in turn, in one run, on the same values.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { describeTorch, findTorch, startTorch } from "./torch-peer.mjs";
import { workloads } from "./workloads.mjs";

const help = `npm run bench -- [--filter TEXT] [--rounds N] [--seconds S] [--json] [--no-torch]

  --filter TEXT   workloads whose name contains the text (several by commas)
  --rounds N      measurements of each side, taken in turn; the median counts (5)
  --seconds S     about how long one measurement runs (0.5)
  --threads LIST  thread counts of both sides (1,2)
  --json          one JSON object {workload: {ours, torch, ratio, threads, compileSeconds}}, microseconds a step
  --no-torch      ours alone; also where no Python with PyTorch is found

ratio = ours / PyTorch's, each with its best thread count. Where PyTorch has several forms, the fastest counts.`;

const { values: options } = parseArgs({
  options: {
    filter: { type: "string", default: "" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "0.5" },
    threads: { type: "string", default: "1,2" },
    json: { type: "boolean", default: false },
    torch: { type: "boolean", default: true },
    help: { type: "boolean", default: false },
  },
  allowNegative: true,
});
if (options.help) {
  console.log(help);
  process.exit(0);
}

const median = (xs) => [...xs].sort((a, b) => a - b)[xs.length >> 1];
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
const chosen = Object.entries(workloads).filter(([name]) =>
  filters.some((f) => (workloads[f] ? name === f : name.includes(f))),
);
if (chosen.length === 0) {
  console.error(`No workload contains "${options.filter}"; there are ${Object.keys(workloads).join(", ")}.`);
  process.exit(2);
}

const python = options.torch ? findTorch() : undefined;
if (options.torch && !python) say("No Python with PyTorch was found: measuring our side alone.\n");
if (python) {
  const { torch, blas, matmulGflops } = describeTorch(python, threadCounts.at(-1));
  say(`PyTorch ${torch}, ${blas}, ${matmulGflops} GFLOPS in a float32 product\n`);
}

/** Both sides of one workload in turn. */
async function compare({ make, peers, reach }) {
  const ours = new Map();
  for (const threads of threadCounts) ours.set(threads, { side: await make(threads), times: [] });
  const servers = python ? threadCounts.map((threads) => [threads, startTorch(python, threads)]) : [];
  const theirs = new Map();
  // The first measurement of each side warms up.
  for (let round = -1; round < rounds; round++) {
    for (const threads of threadCounts) {
      const { us } = await ours.get(threads).side.measure(seconds);
      if (round >= 0) ours.get(threads).times.push(us);
    }
    for (const [threads, server] of servers) {
      for (const peer of peers) {
        const { us } = await server.measure(peer, seconds);
        const key = `${peer} ${threads}`;
        if (!theirs.has(key)) theirs.set(key, { peer, threads, times: [] });
        if (round >= 0) theirs.get(key).times.push(us);
      }
    }
  }
  for (const [, server] of servers) server.stop();
  const best = (all) => all.map((x) => ({ ...x, us: median(x.times) })).sort((a, b) => a.us - b.us)[0];
  const mine = best([...ours].map(([threads, { times }]) => ({ threads, times })));
  const { executable } = ours.get(mine.threads).side;
  const peer = theirs.size > 0 ? best([...theirs.values()]) : undefined;
  for (const { side } of ours.values()) await side.executable.dispose();
  return {
    ours: mine.us,
    torch: peer?.us ?? null,
    ratio: peer ? mine.us / peer.us : null,
    threads: mine.threads,
    compileSeconds: executable.compileSeconds,
    runtime: executable.runtime,
    ...(peer ? { torchThreads: peer.threads, torchForm: peer.peer } : {}),
    reach,
  };
}

const round3 = (x) => (x === null ? "-" : x >= 100 ? x.toFixed(0) : x.toPrecision(3));
const results = {};
if (!options.json) {
  console.log("workload               ours us  torch us    ratio  to reach  threads  compile s  runtime");
}
for (const [name, workload] of chosen) {
  say(options.json ? `${name}\n` : "");
  const r = await compare(workload);
  results[name] = r;
  if (!options.json) {
    const cells = [
      round3(r.ours).padStart(9),
      round3(r.torch).padStart(9),
      round3(r.ratio).padStart(8),
      String(r.reach).padStart(9),
    ];
    console.log(
      `${name.padEnd(20)} ${cells.join(" ")} ${String(r.threads).padStart(8)} ${r.compileSeconds.toFixed(2).padStart(10)}  ${r.runtime}`,
    );
  }
}
if (options.json) console.log(JSON.stringify(results, null, 2));
process.exit(0);
