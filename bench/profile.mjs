// Where the steps of a workload go: ONNX Runtime's kernels beside the limits of arithmetic and of memory, as a table in Markdown.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compile, trace } from "isoloss";
import { matmul } from "isoloss/ops";
import * as ort from "onnxruntime-node";
import { unit } from "./formula.mjs";
import { workloads } from "./workloads.mjs";

const help = `node bench/profile.mjs [--threads 1] [--seconds 1] WORKLOAD...

ONNX Runtime's kernels in a workload's steps: their share of the time, GFLOPS of those that multiply, GB/s of what they read and
write, and how much of their time the slower of both limits would take, which are measured first. Run nothing beside it.`;

const { values: options, positionals: names } = parseArgs({
  options: { threads: { type: "string", default: "1" }, seconds: { type: "string", default: "1" } },
  allowPositionals: true,
});
if (names.length === 0 || names.some((name) => !workloads[name])) {
  console.error(`${help}\n\nWorkloads: ${Object.keys(workloads).join(", ")}`);
  process.exit(2);
}
const threads = Number(options.threads);
const seconds = Number(options.seconds);

/** Milliseconds, the least of some. */
async function leastTime(once) {
  const times = [];
  for (let k = 0; k < 8; k++) {
    const begin = performance.now();
    await once();
    times.push(performance.now() - begin);
  }
  return Math.min(...times);
}

/** GFLOPS of a large product, and GB/s of a copy that no cache holds. */
async function limits() {
  const n = 1024;
  const square = unit([n, n], 0);
  const product = await compile(trace(({ a }) => matmul(a, a), { a: square }).graph, { threads });
  const gflops = (2 * n ** 3) / (1e6 * (await leastTime(() => product.run({ a: square }))));
  await product.dispose();
  const [from, to] = [new Float32Array(1 << 24).fill(1), new Float32Array(1 << 24)];
  const gbs = (2 * from.byteLength) / (1e6 * (await leastTime(() => to.set(from))));
  return { gflops, gbs };
}

const sizeOf = (shape) => shape.reduce((a, n) => a * n, 1);
const shapesOf = (types = []) => types.map((type) => Object.values(type)[0]);

/** Floating-point operations of a kernel that mostly multiplies; 0 of others. */
function flopsOf(op, inputs, [out]) {
  const [a, b] = inputs;
  if (!out || !b) return 0;
  if (/^(Fused)?MatMul$/.test(op))
    return 2 * sizeOf(out) * Math.sqrt((sizeOf(a) * sizeOf(b)) / sizeOf(out) / sizeOf(a.slice(0, -2)));
  if (/^(Fused)?Gemm$/.test(op)) return 2 * sizeOf(out) * Math.sqrt((sizeOf(a) * sizeOf(b)) / sizeOf(out));
  if (/^(Fused)?Conv$/.test(op)) return 2 * sizeOf(out) * sizeOf(b.slice(1));
  return op === "ConvTranspose" ? 2 * sizeOf(a) * sizeOf(b.slice(1)) : 0;
}

/** The kernels of a workload's steps: calls, microseconds, operations and bytes of each kind. */
async function kernelsOf({ make }) {
  const prefix = `isoloss-profile-${process.pid}`;
  const { create } = ort.InferenceSession;
  const sessions = new Set();
  ort.InferenceSession.create = async (bytes, settings) => {
    const session = await create.call(ort.InferenceSession, bytes, {
      ...settings,
      enableProfiling: true,
      profileFilePrefix: join(tmpdir(), prefix),
    });
    const release = session.release.bind(session);
    sessions.add(session);
    session.release = () => {
      session.endProfiling();
      sessions.delete(session);
      return release();
    };
    return session;
  };
  const side = await make(threads);
  ort.InferenceSession.create = create;
  await side.measure(seconds);
  await side.dispose?.();
  for (const session of sessions) session.endProfiling();
  const calls = new Map();
  for (const file of readdirSync(tmpdir()).filter((name) => name.startsWith(prefix))) {
    const path = join(tmpdir(), file);
    for (const { cat, name, dur, args } of JSON.parse(readFileSync(path, "utf8"))) {
      // A loop's time is that of what is in it.
      if (cat !== "Node" || !name.endsWith("_kernel_time") || /^(Loop|Scan|If)$/.test(args.op_name)) continue;
      const [inputs, outputs] = [shapesOf(args.input_type_shape), shapesOf(args.output_type_shape)];
      const key = JSON.stringify([args.op_name, inputs, outputs]);
      const alike = calls.get(key) ?? { op: args.op_name, inputs, outputs, times: [] };
      alike.times.push(dur);
      calls.set(key, alike);
    }
    rmSync(path);
  }
  const kinds = new Map();
  for (const { op, inputs, outputs, times } of calls.values()) {
    const kind = kinds.get(op) ?? { calls: 0, us: 0, flops: 0, bytes: 0 };
    const count = times.length;
    // Of calls that are alike the quick ones count: other programs slow the rest.
    kind.us += count * times.sort((a, b) => a - b)[count >> 2];
    kind.calls += count;
    kind.flops += count * flopsOf(op, inputs, outputs);
    kind.bytes += count * 4 * [...inputs, ...outputs].reduce((sum, shape) => sum + sizeOf(shape), 0);
    kinds.set(op, kind);
  }
  return kinds;
}

const { gflops, gbs } = await limits();
console.log(
  `${threads} thread(s): ${gflops.toFixed(0)} GFLOPS in a product, ${gbs.toFixed(0)} GB/s in a copy\n`,
);
for (const name of names) {
  const kinds = await kernelsOf(workloads[name]);
  const all = [...kinds.values()];
  const total = all.reduce((sum, { us }) => sum + us, 0);
  const bound = all.map(({ flops, bytes }) => Math.max(flops / gflops, bytes / gbs) / 1e3);
  console.log(`| ${name} | share | calls | us a call | GFLOPS | GB/s | at the limit |`);
  console.log("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
  const rows = [...kinds].map(([op, kind], k) => ({ ...kind, op, least: bound[k] }));
  for (const { op, calls, us, flops, bytes, least } of rows.sort((a, b) => b.us - a.us)) {
    if (us < total / 50) continue;
    const cells = [
      `${((100 * us) / total).toFixed(0)} %`,
      calls,
      (us / calls).toFixed(1),
      flops > 0 ? (flops / us / 1e3).toFixed(0) : "",
      (bytes / us / 1e3).toFixed(1),
      `${((100 * least) / us).toFixed(0)} %`,
    ];
    console.log(`| ${op} | ${cells.join(" | ")} |`);
  }
  // A kernel above the measured limits makes up for no other.
  const least = rows.reduce((sum, { least, us }) => sum + Math.min(least, us), 0);
  console.log(`| all | 100 % | | | | | ${((100 * least) / total).toFixed(0)} % |\n`);
}
process.exit(0);
