// Runs the commands of docs/sweeps.md for many machines, with a server on another port and the worker in the background.
import { spawn } from "node:child_process";
import { serverProgram, startServer } from "isoloss-test-support/queue/server";
import { expect, it } from "vitest";
import { workbench } from "../commands/support.js";
import { readDocument } from "./tables.js";

const bench = workbench();
const text = readDocument("sweeps.md");
const lines = [...text.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].flatMap(([, code]) =>
  (code ?? "").trim().split("\n"),
);

it.skipIf(!serverProgram)("docs/sweeps.md: a sweep with a worker runs as printed", async () => {
  const [start, serve, ...rest] = lines;
  const settings = (start ?? "")
    .split(" ")
    .slice(5)
    .map((word) => (word === '""' ? "" : word));
  expect(start).toMatch(/^valkey-server --bind 127.0.0.1 --port 6379 /);
  const server = await startServer(...settings);
  const args = (line = "") => line.replace("redis://127.0.0.1:6379", server.url).split(" ").slice(1);
  const worker = spawn(process.execPath, [bench.cli.script, ...args(serve)], { cwd: bench.folder });
  try {
    bench.write("rates.yaml", /^```yaml\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? "");
    expect(rest.length).toBe(3);
    for (const line of rest) {
      const { status, stdout, stderr } = await bench.run(...args(line));
      expect([line, status, stderr.match(/isoloss: .*failed.*/g)]).toEqual([line, 0, null]);
      expect(stdout).toMatch(/6 trials|completed|worker|classify-digits/);
    }
  } finally {
    worker.kill("SIGKILL");
    await server.end();
  }
});
