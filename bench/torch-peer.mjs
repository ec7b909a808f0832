// PyTorch in a process of its own, asked for one measurement at a time.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startProcess } from "./process.mjs";

const script = fileURLToPath(new URL("torch/bench.py", import.meta.url));

/** A Python that has PyTorch, or undefined. */
export function findTorch() {
  for (const python of ["/usr/bin/python3", "python3", "python"]) {
    const probe = spawnSync(python, ["-c", "import torch"], { stdio: "ignore" });
    if (probe.status === 0) return python;
  }
  return undefined;
}

/** What PyTorch and its linear algebra are, as bench.py tells. */
export function describeTorch(python, threads) {
  const { stdout } = spawnSync(python, [script, "--environment", "--threads", String(threads)], {
    encoding: "utf8",
  });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** Starts a server; `measure(name, seconds)` gives microseconds of a step. */
export function startTorch(python, threads) {
  const { ask, stop } = startProcess(python, [script, "--serve", "--threads", String(threads)], "PyTorch");
  return { measure: (workload, seconds) => ask({ workload, seconds }), stop };
}
