// PyTorch in a process of its own, asked for one measurement at a time.
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

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
  const child = spawn(python, [script, "--serve", "--threads", String(threads)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async measure(workload, seconds) {
      child.stdin.write(`${JSON.stringify({ workload, seconds })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`PyTorch ended before it answered for ${workload}.`);
      const answer = JSON.parse(value);
      if (answer.error) throw new Error(`PyTorch, ${workload}: ${answer.error}`);
      return answer;
    },
    stop: () => child.kill(),
  };
}
