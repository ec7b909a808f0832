import { spawn } from "node:child_process";
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { MissingDataError, OptionError } from "isoloss";
import sirv from "sirv";
import { untilInterrupted } from "../interrupt.js";
import { flagOff, json, type Values, value } from "../option-rows.js";
import { hostAddress, portNumber } from "../parse.js";
import { show } from "./command.js";

const options = {
  port: value("<n>", "port; default the first free one from 4173 on", portNumber),
  host: value(
    "<address>",
    "address to listen on; another one than this computer's own lets others in",
    hostAddress,
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

// The lab's files over HTTP, for the browser of this computer.

interface LabServerOptions {
  /** Default the first free one from 4173 on; 0: any. */
  readonly port?: number | undefined;
  readonly host: string;
}

export interface LabServer {
  readonly url: string;
  close(): Promise<void>;
}

const firstPort = 4173;
const mostTries = 20;

const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "X-Content-Type-Options": "nosniff",
  // Graphs become functions: unsafe-eval.
  "Content-Security-Policy": [
    "default-src 'self'",
    "script-src 'self' 'unsafe-eval'",
    "worker-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data: blob:",
    "style-src 'self' 'unsafe-inline'",
    "frame-ancestors 'self'",
  ].join("; "),
} as const;

export const isLoopback = (host: string): boolean => /^(127\.|localhost$|(0*:)+0*1$)/.test(host);

/** The WebAssembly of ONNX Runtime, which the package leaves out: 14 MB. */
const wasmFile = /\/assets\/ort-wasm-simd-threaded[-\w]*\.wasm$/;

/** Where that is installed: beside this program, or where it was started. */
function installedWasm(): string | undefined {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return createRequire(from).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm");
    } catch {
      // The next place may have it.
    }
  }
  return undefined;
}

/** Names with a hash never change what they name. */
const immutable = { "Cache-Control": "max-age=31536000, immutable" };

function sendWasm(path: string, isHead: boolean, response: ServerResponse): void {
  response.writeHead(200, {
    "Content-Type": "application/wasm",
    "Content-Length": statSync(path).size,
    // The name is that of the lab's build, the bytes are those of whichever version is installed.
    "Cache-Control": "no-cache",
  });
  if (isHead) response.end();
  else createReadStream(path).pipe(response);
}

interface Packed {
  readonly type: string;
  readonly bytes: Buffer;
}

/** The scripts and styles of a folder by their paths, compressed when they are first asked for. */
function packedFiles(folder: string): (path: string) => Packed | undefined {
  const types: Readonly<Record<string, string>> = { js: "text/javascript", css: "text/css" };
  const typeOf = (path: string) => types[/\/assets\/[^/]*\.(js|css)$/.exec(path)?.[1] ?? ""];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const known = new Set(names.map((name) => `/${name.replaceAll(sep, "/")}`).filter(typeOf));
  const made = new Map<string, Packed>();
  return (path) => {
    if (!known.has(path)) return undefined;
    const packed = made.get(path) ?? {
      type: typeOf(path),
      bytes: gzipSync(readFileSync(join(folder, path))),
    };
    made.set(path, packed);
    return packed;
  };
}

/**
 * Serves a folder as it is at the start, and the WebAssembly of ONNX Runtime as it is installed: other paths, and files that
 * come later, are not found.
 *
 * @throws OptionError where it cannot listen
 */
export async function serveLab(folder: string, { port, host }: LabServerOptions): Promise<LabServer> {
  const files = sirv(folder, {
    etag: true,
    setHeaders: (response, path) =>
      response.setHeader(
        "Cache-Control",
        path.includes("/assets/") ? immutable["Cache-Control"] : "no-cache",
      ),
  });
  const packedOf = packedFiles(folder);
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader("Vary", "Accept-Encoding");
    const end = (status: number, text: string) => {
      response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" });
      response.end(request.method === "HEAD" ? undefined : text);
    };
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      end(405, "The lab answers GET and HEAD.\n");
      return;
    }
    const isPacking = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    const packed = isPacking ? packedOf(request.url ?? "") : undefined;
    if (packed !== undefined) {
      response.writeHead(200, {
        "Content-Type": packed.type,
        "Content-Encoding": "gzip",
        "Content-Length": packed.bytes.length,
        ...immutable,
      });
      response.end(request.method === "HEAD" ? undefined : packed.bytes);
      return;
    }
    files(request, response, () => {
      if (!wasmFile.test(request.url ?? "")) {
        end(404, "The lab has no such file.\n");
        return;
      }
      const path = installedWasm();
      if (path === undefined) end(404, "ONNX Runtime is not installed: type npm install onnxruntime-web.\n");
      else sendWasm(path, request.method === "HEAD", response);
    });
  });
  const ports = port === undefined ? Array.from({ length: mostTries }, (_, i) => firstPort + i) : [port];
  for (const [i, candidate] of ports.entries()) {
    const error = await listening(server, candidate, host);
    if (error === undefined) break;
    const isLast = i === ports.length - 1;
    if (error.code !== "EADDRINUSE" || isLast) throw new OptionError(whyNot(error, candidate, host));
  }
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number, host: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(error);
    server.once("error", failed);
    server.listen(port, host, () => {
      server.off("error", failed);
      resolve(undefined);
    });
  });
}

function whyNot({ code, message }: NodeJS.ErrnoException, port: number, host: string): string {
  if (code === "EADDRINUSE") return `Port ${port} of ${host} is taken: choose another with --port.`;
  if (code === "EACCES") return `Port ${port} needs more rights: choose one above 1023 with --port.`;
  return `The lab cannot be served on ${host}, port ${port}: ${message}.`;
}
