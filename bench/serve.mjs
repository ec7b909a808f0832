// Measures the workloads of a checkout: `node bench/serve.mjs FOLDER` answers {workload, threads, seconds} with {us, ...}, a
// line each. A workload that is a study answers with its ratio.
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { workloads } = await import(pathToFileURL(join(process.argv[2], "bench/workloads.mjs")).href);
const sides = new Map();

async function measure({ workload: name, threads, seconds, rounds }) {
  const workload = workloads[name];
  if (!workload) return { absent: true };
  if (workload.study) return workload.study({ rounds });
  const key = `${name} ${threads}`;
  if (!sides.has(key)) sides.set(key, await workload.make(threads));
  const side = sides.get(key);
  const { us } = await side.measure(seconds);
  return { us, compileSeconds: side.compileSeconds, runtime: side.runtime };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await measure(JSON.parse(line)).catch((error) => ({ error: error.message }));
  // A study's ratio is infinite where teleports never reach the loss of the plain run: JSON would make it null.
  console.log(JSON.stringify(answer, (_, x) => (x === Infinity ? "Infinity" : x)));
}
