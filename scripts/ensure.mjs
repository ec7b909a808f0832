// Makes a checkout runnable: installs and builds what is missing or out of date, and is silent otherwise.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packages = ["core", "onnx", "benchmarks", "figures", "queue", "lab", "cli"].map((name) => {
  const folder = `packages/${name}`;
  return { folder, outputs: outputsOf(folder) };
});

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Isoloss needs Node.js 20.19 or later; this is ${process.versions.node}. Install a newer Node.js.`);
}

const installed = modified("node_modules/.package-lock.json");
if (installed < modified("package-lock.json")) {
  npm(installed === 0 ? "node_modules is missing" : "package-lock.json is newer than node_modules", "ci");
}

const stale = packages.filter((p) => oldest(p) < newest(p));
if (stale.length > 0) {
  npm(`${stale.map((p) => p.folder).join(" and ")} not built, or sources are newer`, "run", "build");
}

// npm links no command to a file that is not there, and installs before anything is built: npx isoloss needs this.
if (!existsSync(join(root, "node_modules/.bin/isoloss"))) {
  npm("the command isoloss is not linked", "rebuild", "isoloss-cli");
}

/** The scripts that a package.json promises; the lab is a page. */
function outputsOf(folder) {
  if (folder === "packages/lab") return ["dist/index.html"];
  const text = readFileSync(join(root, folder, "package.json"), "utf8");
  return [...text.matchAll(/"\.\/(dist\/[^"]*\.js)"/g)].map(([, path]) => path);
}

/** Time of change in milliseconds; 0 for what is not there. */
function modified(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function oldest({ folder, outputs }) {
  return Math.min(...outputs.map((path) => modified(`${folder}/${path}`)));
}

function newest({ folder }) {
  const sources = existsSync(join(root, folder, "src"))
    ? readdirSync(join(root, folder, "src"), { recursive: true }).map((path) => `src/${path}`)
    : [];
  return Math.max(
    ...["package.json", "tsdown.config.ts", "vite.config.ts", "index.html", ...sources].map((path) =>
      modified(`${folder}/${path}`),
    ),
  );
}

function npm(reason, ...args) {
  process.stderr.write(`isoloss: npm ${args.join(" ")} (${reason})\n`);
  // Inside an npm script the running npm is known; a bare "npm" is a .cmd file on Windows and needs a shell.
  const cli = process.env.npm_execpath;
  const [command, ...rest] = cli?.endsWith(".js") ? [process.execPath, cli, ...args] : ["npm", ...args];
  const { status, error } = spawnSync(command, rest, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: command === "npm" && process.platform === "win32",
  });
  if (status !== 0) {
    fail(
      `npm ${args.join(" ")} failed (${error?.message ?? `exit status ${status}`}). See its output above.`,
    );
  }
}

function fail(message) {
  process.stderr.write(`isoloss: ${message}\n`);
  process.exit(1);
}
