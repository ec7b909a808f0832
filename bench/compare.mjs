// One workload measured: both sides in turn, the best thread count of each counts.
import { startRevision } from "./revision.mjs";
import { startTorch } from "./torch-peer.mjs";
import { median } from "./workloads/support.mjs";

const best = (all) => all.map((x) => ({ ...x, us: median(x.times) })).sort((a, b) => a.us - b.us)[0];

/** The ratio of times in microseconds, with those of each round, and how a line says how far they are apart. */
function ratioOf(mine, theirs, count = 1) {
  // Two infinite ones are alike.
  const ratio = (a, b) => (a === b ? 1 : a / (count * b));
  const ratios = mine.times.map((time, k) => ratio(time, theirs.times?.[k] ?? theirs.us));
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  return {
    ratio: ratio(mine.us, theirs.us),
    ratios,
    note: `rounds ${least.toFixed(2)} to ${most.toFixed(2)}`,
  };
}

/** Sides of our own, one for each thread count. */
async function ownSides(make, threadCounts) {
  const sides = [];
  for (const threads of threadCounts) sides.push({ threads, side: await make(threads), times: [] });
  return {
    async measure(seconds, counts) {
      for (const { side, times } of sides) {
        const { us } = await side.measure(seconds);
        if (counts) times.push(us);
      }
    },
    best: () => best(sides),
    async stop() {
      for (const { side } of sides) await side.dispose?.();
    },
  };
}

/** PyTorch's forms of a workload, in a process for each thread count. */
function torchSides(python, peers, threadCounts) {
  const servers = threadCounts.map((threads) => ({ threads, server: startTorch(python, threads) }));
  const all = servers.flatMap(({ threads, server }) =>
    peers.map((form) => ({ form, threads, server, times: [] })),
  );
  return {
    async measure(seconds, counts) {
      for (const { form, server, times } of all) {
        const { us } = await server.measure(form, seconds);
        if (counts) times.push(us);
      }
    },
    best: () => best(all),
    async stop() {
      for (const { server } of servers) server.stop();
    },
  };
}

/** The other side of a workload; undefined where it is PyTorch and there is none. */
async function otherSide({ peers, base }, python, threadCounts) {
  if (base?.us !== undefined) {
    const fixed = { threads: 1, us: base.us };
    return { count: 1, against: base.name, async measure() {}, best: () => fixed, async stop() {} };
  }
  if (base) return { ...(await ownSides(base.make, threadCounts)), count: base.count, against: base.name };
  return python && { ...torchSides(python, peers, threadCounts), count: 1, against: "PyTorch" };
}

/** Times of both sides in microseconds and their ratio. */
export async function compare(workload, { python, threadCounts, rounds, seconds }) {
  const { make, reach, isSlow = false } = workload;
  const counts = isSlow ? threadCounts.slice(-1) : threadCounts;
  const ours = await ownSides(make, counts);
  const other = await otherSide(workload, python, counts);
  // The first measurement of each side warms up.
  for (let round = isSlow ? 0 : -1; round < (isSlow ? 1 : rounds); round++) {
    await ours.measure(seconds, round >= 0);
    await other?.measure(seconds, round >= 0);
  }
  const mine = ours.best();
  const theirs = other?.best();
  await ours.stop();
  await other?.stop();
  const { note: own, ...notes } = mine.side.notes?.() ?? {};
  const { note: spread, ...ratios } = theirs ? ratioOf(mine, theirs, other.count) : { ratio: null };
  return {
    ours: mine.us,
    other: theirs ? other.count * theirs.us : null,
    ...ratios,
    threads: mine.threads,
    compileSeconds: mine.side.compileSeconds,
    runtime: mine.side.runtime,
    against: other?.against ?? "PyTorch",
    ...(theirs ? { otherThreads: theirs.threads, otherForm: theirs.form } : {}),
    ...notes,
    note: [spread, own].filter((text) => text).join("; "),
    reach,
  };
}

/** A workload of this checkout and of another revision's `folder`, in turn: times in microseconds and their ratio. */
export async function compareRevisions(
  name,
  { isSlow = false, study },
  { folder, threadCounts, rounds, seconds },
) {
  const counts = isSlow || study ? threadCounts.slice(-1) : threadCounts;
  const [ours, other] = [startRevision(), startRevision(folder)].map((revision) => ({
    revision,
    all: counts.map((threads) => ({ threads, times: [] })),
  }));
  try {
    const isOnce = isSlow || study;
    for (let round = isOnce ? 0 : -1; round < (isOnce ? 1 : rounds); round++) {
      // Whoever is second may find a warmer machine: they take turns at it.
      for (const { revision, all } of round % 2 === 0 ? [ours, other] : [other, ours]) {
        for (const one of all) {
          const answer = await revision.ask({ workload: name, threads: one.threads, seconds, rounds });
          if (answer.absent)
            return { ours: null, other: null, ratio: null, against: "a revision without this row" };
          if (round >= 0) one.times.push(Number(study ? answer.ratio : answer.us));
          Object.assign(one, { compileSeconds: answer.compileSeconds, runtime: answer.runtime });
        }
      }
    }
  } finally {
    ours.revision.stop();
    other.revision.stop();
  }
  const [mine, theirs] = [best(ours.all), best(other.all)];
  return {
    ours: mine.us,
    other: theirs.us,
    ...ratioOf(mine, theirs),
    threads: mine.threads,
    otherThreads: theirs.threads,
    compileSeconds: mine.compileSeconds,
    otherCompileSeconds: theirs.compileSeconds,
    runtime: mine.runtime,
  };
}
