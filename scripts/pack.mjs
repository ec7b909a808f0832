// Packs the packages for an installation from this checkout: `npm run pack` writes `tarballs/*.tgz` and prints the line that installs them.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = join(root, "tarballs");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
// Inside an npm script the running npm is known; a bare "npm" is a .cmd file on Windows and needs a shell.
const cli = process.env.npm_execpath;
const [command, ...first] = cli?.endsWith(".js") ? [process.execPath, cli] : ["npm"];
const workspaces = ["core", "onnx", "benchmarks", "figures", "queue", "cli"].map(
  (name) => `--workspace=packages/${name}`,
);
execFileSync(command, [...first, "pack", "--silent", "--pack-destination", folder, ...workspaces], {
  cwd: root,
  stdio: ["ignore", "ignore", "inherit"],
});
const files = readdirSync(folder).map((name) => join(folder, name));
console.log(`In your project:\n\nnpm install --ignore-scripts ${files.join(" ")}`);
