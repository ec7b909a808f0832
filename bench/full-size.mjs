// Seconds a step and memory of the benchmarks' networks at full size, on generated data in the published formats:
//   node bench/full-size.mjs NETWORK LS|conflicts|LS-COST [--provider NAME] [--limit SECONDS]
// LS: plain steps; conflicts: steps that also measure the tasks' gradients, as COST does until it teleports in an epoch; LS-COST: the
// preset `default`, whose teleport is in the first step, as if the tasks conflicted there. Three steps, a JSON line after each; the
// first one compiles. `processor` is the time of all cores together, which other programs hardly change. A process of its own
// computes: what it was doing at the limit, or when memory ran out, is the last line.
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { adam, createMultiTaskTrainer, torchGenerator } from "isoloss";
import { readEpoch } from "isoloss/data";
import { cost, linearScalarization } from "isoloss/mtl";
import { loadBenchmark, writeSample } from "isoloss-benchmarks/node";

/** The convolutions of MTAN that the adapter moves, as in the experiments. */
const convolutions = ["encoder_block*.0.weight", "decoder_block*.0.weight", "conv_block_*.0.weight"];
const office = { sample: { examples: 18 }, batchSize: 64 };
/** What each network needs: its sample, its batch size, the layers of the adapter where not all, whether it reads its images as it trains. */
const networks = {
  cityscapes: {
    sample: { examples: 24, size: [128, 256] },
    batchSize: 8,
    layers: convolutions,
    isStreamed: true,
  },
  nyuv2: {
    sample: { examples: 6, size: [288, 384] },
    batchSize: 2,
    layers: convolutions,
    isStreamed: true,
  },
  celeba: { sample: { examples: 128 }, batchSize: 256 },
  qm9: { sample: { examples: 600 }, batchSize: 120, layers: ["lin0.weight", "lin1.weight"] },
  office31: office,
  officeHome: office,
};

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { provider: { type: "string" }, limit: { type: "string", default: "600" } },
});
const [name, mode] = positionals;
if (!Object.hasOwn(networks, name ?? "") || !["LS", "conflicts", "LS-COST"].includes(mode)) {
  throw new Error(
    `Give a network, ${Object.keys(networks).join(", ")}, and LS, conflicts or LS-COST; got ${positionals.join(" ")}.`,
  );
}

const round = (x) => Number(x.toFixed(2));

/** Reports to the process that prints, with the processor's seconds so far. */
function tell(message) {
  const { user, system } = process.cpuUsage();
  process.send({ ...message, total: (user + system) / 1e6 });
}

/** COST with a teleport in the first step, whatever the gradients are: those of generated data need not conflict. */
function teleporting(layers) {
  const { beforeStep } = cost({ adapter: { layers }, schedule: { start: { epoch: 0 } } });
  return (context) =>
    beforeStep({
      ...context,
      conflict: async () => ({ ...(await context.conflict()), dominated: true }),
      async unload() {
        tell({ doing: "a teleport" });
        await context.unload();
      },
    });
}

/** The measurement, in the process that computes. */
async function measure() {
  const { sample, batchSize, layers, isStreamed } = networks[name];
  const at = join(process.cwd(), name);
  await writeSample(name, at, sample);
  const loaded = await loadBenchmark(name, at, { isWhole: false });
  const problem = loaded.problem();
  const data = isStreamed ? loaded.train : [];
  if (!isStreamed) for (const stream of [loaded.train].flat()) data.push(await readEpoch(stream));
  const trainer = await createMultiTaskTrainer({
    losses: problem.losses,
    params: problem.params(torchGenerator(0)),
    state: problem.state,
    tasks: problem.tasks,
    outputs: problem.outputs,
    data,
    batchSize,
    method: linearScalarization(),
    optimizer: adam(),
    learningRate: 1e-4,
    provider: values.provider,
    recordGradients: mode === "conflicts",
    ...(mode === "LS-COST" ? { beforeStep: teleporting(layers) } : {}),
  });
  let before = 0;
  for (let step = 0; step < 3; step++) {
    tell({ doing: `step ${step}` });
    await trainer.run({ steps: 1 });
    const { seconds, events } = trainer.history;
    const { event } = events.find((one) => one.step === step) ?? {};
    tell({
      step,
      seconds: round(seconds.at(-1) - before),
      ...(event ? { teleport: round(event.seconds), outcome: event.outcome, why: event.reason } : {}),
    });
    before = seconds.at(-1);
  }
  await trainer.dispose();
  process.disconnect();
}

/** Prints what the process that computes reports, with the largest memory that it had. */
async function watch() {
  const folder = await mkdtemp(join(tmpdir(), "isoloss-full-size-"));
  const child = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { cwd: folder });
  let [doing, since, gigabytes] = ["its data and trainer", performance.now(), 0];
  // The processor's seconds in all, when the current thing began, and when the step began.
  let [total, begun, stepBegun] = [0, 0, 0];
  const look = () => {
    try {
      const [status, stat] = ["status", "stat"].map((name) =>
        readFileSync(`/proc/${child.pid}/${name}`, "utf8"),
      );
      const [, kilobytes] = /VmHWM:\s*(\d+)/.exec(status) ?? [];
      if (kilobytes) gigabytes = round(kilobytes / 2 ** 20);
      const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      total = (Number(ticks[11]) + Number(ticks[12])) / 100;
    } catch {
      // It has ended: the last values stand.
    }
  };
  const print = (line) => console.log(name, mode, JSON.stringify({ ...line, gigabytes }));
  const looking = setInterval(look, 500);
  const limit = setTimeout(() => {
    look();
    child.kill("SIGKILL");
  }, values.limit * 1000);
  child.on("message", ({ doing: next, total: spent, ...line }) => {
    look();
    if (next === undefined) return print({ ...line, processor: round(spent - stepBegun) });
    if (next.startsWith("step")) stepBegun = spent;
    [doing, since, begun] = [next, performance.now(), spent];
  });
  child.on("exit", async (code, signal) => {
    clearInterval(looking);
    clearTimeout(limit);
    const seconds = Math.round((performance.now() - since) / 1000);
    const end = signal ?? `exit ${code}`;
    if (code !== 0) print({ unfinished: doing, seconds, processor: round(total - begun), end });
    process.exitCode = signal ? 1 : code;
    await rm(folder, { recursive: true });
  });
}

await (process.send ? measure() : watch());
