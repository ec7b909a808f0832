import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MissingDataError } from "isoloss";
import { untilInterrupted } from "../interrupt.js";
import { flagOff, json, type Values, value } from "../option-rows.js";
import { portNumber } from "../parse.js";
import { show } from "./command.js";
import { isLoopback, serveLab } from "./lab-server.js";

const options = {
  port: value("<n>", "port; default the first free one from 4173 on", portNumber),
  host: value(
    "<address>",
    "address to listen on; another one than this computer's own lets others in",
    String,
    "127.0.0.1",
  ),
  open: flagOff("print the address, and open no browser"),
  json: json("the address as a JSON document on stdout"),
};

type Settings = Values<typeof options>;

const help = `Everything is computed in the browser, and nothing leaves it. The address in the browser holds the settings: it can be
bookmarked and shared. The lab runs until Ctrl-C.

The document of --json: url.

Examples:
  isoloss lab
  isoloss lab --port 8080 --no-open`;

/** `isoloss lab`: serves the lab to the browser of this computer, until Ctrl-C. */
async function run({ port, host, open, json }: Settings): Promise<undefined> {
  await untilInterrupted(
    () => {},
    async (signal) => {
      const server = await serveLab(labFolder(), { port, host });
      try {
        if (!isLoopback(host)) {
          process.stderr.write(`isoloss: other computers can open the lab, as --host is ${host}.\n`);
        }
        await show({ document: { url: server.url }, text: [server.url] }, { json });
        if (!json) process.stderr.write("isoloss: the lab runs until Ctrl-C.\n");
        if (open && hasDisplay()) openBrowser(server.url);
        await aborted(signal);
      } finally {
        await server.close();
      }
    },
  );
}

export const lab = { options, help, run };

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
function openBrowser(url: string): void {
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
