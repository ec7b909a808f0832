// One workload measured: both sides in turn, the best thread count of each counts.
import { startTorch } from "./torch-peer.mjs";
import { median } from "./workloads/support.mjs";

const best = (all) => all.map((x) => ({ ...x, us: median(x.times) })).sort((a, b) => a.us - b.us)[0];

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
  return {
    ours: mine.us,
    other: theirs ? other.count * theirs.us : null,
    ratio: theirs ? mine.us / (other.count * theirs.us) : null,
    threads: mine.threads,
    compileSeconds: mine.side.compileSeconds,
    runtime: mine.side.runtime,
    against: other?.against ?? "PyTorch",
    ...(theirs ? { otherThreads: theirs.threads, otherForm: theirs.form } : {}),
    ...mine.side.notes?.(),
    reach,
  };
}
