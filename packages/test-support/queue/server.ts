import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";

/** The server that this computer has; without one the tests are skipped. */
export const serverProgram = ["valkey-server", "redis-server"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** A server of a test's own, on a free port of this computer. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** `kill -9`; what it had written is there when it starts again. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it, and its files go. */
  end(): Promise<void>;
}

export async function startServer(...settings: string[]): Promise<TestServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "isoloss-queue-"));
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const start = async () => {
    child = spawn(
      serverProgram as string,
      [
        ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
        ...["--appendonly", "yes", "--loglevel", "warning", ...settings],
      ],
      { stdio: "ignore" },
    );
    const probe = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null, retryStrategy: () => 50 });
    probe.on("error", () => {});
    while ((await probe.ping().catch((error: Error) => error.message)) === undefined) await pause(20);
    probe.disconnect();
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    start,
    async end() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
