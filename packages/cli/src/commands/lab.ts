import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MissingDataError } from "isoloss";
import { untilInterrupted } from "../interrupt.js";
import { isLoopback, serveLab } from "./lab-server.js";

export interface LabOptions {
  /** Default the first free one from 4173 on. */
  readonly port?: number;
  readonly host: string;
  readonly open: boolean;
  readonly json: boolean;
}

/** `isoloss lab`: serves the lab to the browser of this computer, until Ctrl-C. */
export async function lab({ port, host, open, json }: LabOptions): Promise<void> {
  await untilInterrupted(
    () => {},
    async (signal) => {
      const server = await serveLab(labFolder(), { port, host });
      try {
        if (!isLoopback(host)) {
          process.stderr.write(`isoloss: other computers can open the lab, as --host is ${host}.\n`);
        }
        process.stdout.write(json ? `${JSON.stringify({ url: server.url })}\n` : `${server.url}\n`);
        if (!json) process.stderr.write("isoloss: the lab runs until Ctrl-C.\n");
        if (open && hasDisplay()) show(server.url);
        await aborted(signal);
      } finally {
        await server.close();
      }
    },
  );
}

/** The lab that comes with the program: beside its files, or built in a checkout. */
export function labFolder(from = dirname(fileURLToPath(import.meta.url))): string {
  for (let at = from; ; at = dirname(at)) {
    const found = [join(at, "lab"), join(at, "lab/dist")].find((folder) =>
      existsSync(join(folder, "assets")),
    );
    if (found !== undefined) return found;
    if (dirname(at) === at) {
      throw new MissingDataError(
        "The lab is not there: install isoloss-cli again, or type npm run build in a checkout.",
      );
    }
  }
}

const hasDisplay = (): boolean =>
  process.stdout.isTTY === true &&
  (process.platform === "darwin" ||
    process.platform === "win32" ||
    Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY));

/** Opens the browser; without one, the address is on the terminal. */
function show(url: string): void {
  const [command, ...args] =
    process.platform === "darwin"
      ? ["open", url]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", "", url]
        : ["xdg-open", url];
  const child = spawn(command, args, { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
