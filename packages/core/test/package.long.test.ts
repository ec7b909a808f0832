import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { coreEntries, entries } from "../../../scripts/entries.js";
import { createPackedProject, type PackedProject } from "./packed-project.js";

/** The packages whose code the files of ours hold. */
const bundled = ["is-any-array", "ml-array-max", "ml-array-min", "ml-array-rescale", "ml-matrix"];

let project: PackedProject;

beforeAll(async () => {
  project = await createPackedProject();
});

afterAll(() => project?.remove());

/** Gradient of x'x at (1, 2, 3) on a runtime: (2, 4, 6), as a line of JSON. */
const program = `
import { array, grad, jit, spec } from "isoloss";
import { square, sum } from "isoloss/ops";
import { loadCheckpoint } from "isoloss/node";
const results = {};
for (const runtime of ["javascript", "onnx"]) {
  const f = await jit((x) => grad((v) => sum(square(v)))(x), [spec([3])], { runtime });
  results[runtime] = Array.from((await f(array([1, 2, 3]))).data);
  await f.dispose();
}
const missing = await loadCheckpoint("no-such-file").catch((error) => error.name);
`;

const expected = { javascript: [2, 4, 6], onnx: [2, 4, 6], missing: "DataError" };

function run(name: string, source: string, folder = project.folder): unknown {
  writeFileSync(join(folder, name), source);
  return JSON.parse(execFileSync(process.execPath, [name], { cwd: folder, encoding: "utf8" }));
}

describe("the npm package", () => {
  it("holds the built library, its declarations and the licenses, and nothing else", () => {
    const chunk = /-[\w-]{8,10}(?=\.(d\.ts|js)$)/;
    const kinds = project.files.map((path) => (chunk.test(path) ? path.replace(chunk, "-*") : path));
    const names = [...coreEntries.map((name) => name.split("/")[1] ?? "index"), "internal", "internal-node"];
    const named = kinds.filter((path) => !path.includes("-*"));
    expect(named).toEqual(
      [
        ...[...names, "ort-node", "ort-web"].flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`]),
        ...[...names, "ort-node"].map((name) => `dist/node/${name}.js`),
        ...bundled.map((name) => `dist/LICENSE-${name}`),
        "LICENSE",
        "README.md",
        "package.json",
        "src/data/LICENSE-digits.txt",
      ].sort(),
    );
    const chunks = kinds.filter((path) => path.includes("-*"));
    expect(chunks.every((path) => path.startsWith("dist/"))).toBe(true);
  });

  it("is under the license of the repository, as the command line is", () => {
    const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
    const license = read("../../../LICENSE");
    expect(readFileSync(join(project.folder, "node_modules/isoloss/LICENSE"), "utf8")).toBe(license);
    expect(read("../../cli/LICENSE")).toBe(license);
  });

  it("runs in Node on both runtimes from its tarball", () => {
    const result = run("main.mjs", `${program}console.log(JSON.stringify({ ...results, missing }));`);
    expect(result).toEqual(expected);
  });

  it("has every entry point, each with its names", () => {
    const source = `
      const names = {};
      for (const entry of ${JSON.stringify(entries)}) names[entry] = Object.keys(await import(entry)).length;
      console.log(JSON.stringify(names));
    `;
    const counts = run("entries.mjs", source) as Record<string, number>;
    expect(Object.keys(counts)).toEqual(entries);
    expect(Object.entries(counts).filter(([, count]) => count < 2)).toEqual([]);
    // What the README and the first guide need, not everything.
    expect(counts.isoloss).toBeLessThan(80);
  });

  it("has the file that a thread of `isoloss-onnx` loads, which imports nothing", () => {
    const path = join(project.folder, "node_modules/isoloss-onnx/dist/layer-rounding.js");
    expect(readFileSync(path, "utf8")).not.toMatch(/^import |\bfrom "/m);
  });

  it("is one build in Node, in which `isoloss` is a few files", () => {
    const all = [...coreEntries, "isoloss/internal", "isoloss/internal-node"];
    const source = `
      const folders = ${JSON.stringify(all)}.map((name) => new URL(".", import.meta.resolve(name)).href);
      console.log(JSON.stringify([...new Set(folders)].map((url) => url.split("/isoloss/")[1])));
    `;
    expect(run("builds.mjs", source)).toEqual(["dist/node/"]);
    const files = new Set(["index.js"]);
    for (const name of files) {
      const code = readFileSync(join(project.folder, "node_modules/isoloss/dist/node", name), "utf8");
      for (const [, imported] of code.matchAll(/(?:\bfrom|^import) "\.\/([^"]+)"/gm)) files.add(imported);
    }
    expect([...files].some((name) => name.startsWith("main-"))).toBe(true);
    expect(files.size).toBeLessThan(5);
  });

  describe("without ONNX Runtime", () => {
    const advice =
      /^This graph runs as JavaScript; ONNX Runtime is expected to be [\d.e+]+ times as fast\. ONNX Runtime is not installed\. Type: npm install onnxruntime-node --ignore-scripts$/;

    it("is imported and computes in JavaScript; a large graph, too, with advice", () => {
      const source = `
        import { array, compile, ones, spec, trace } from "isoloss";
        import { matmul, square } from "isoloss/ops";
        const graphs = [
          trace(({ x }) => square(x), { x: spec([3]) }),
          trace(({ x }) => matmul(x, x), { x: spec([128, 128]) }),
        ];
        const results = [];
        for (const { graph } of graphs) {
          const executable = await compile(graph);
          const { shape } = graph.inputs[0].tensor;
          const { result } = await executable.run({ x: ones(shape) });
          results.push({ runtime: executable.runtime, first: result.data[0], advice: executable.advice ?? "" });
        }
        console.log(JSON.stringify(results));
      `;
      expect(run("auto.mjs", source, project.withoutOnnx)).toEqual([
        { runtime: "javascript", first: 1, advice: "" },
        { runtime: "javascript", first: 128, advice: expect.stringMatching(advice) },
      ]);
    });

    it.each(['{ runtime: "onnx" }', '{ provider: "cpu" }', '{ provider: "webgpu" }'])(
      "says what to type where %s is asked for",
      (options) => {
        const source = `
          import { compile, spec, trace } from "isoloss";
          import { square } from "isoloss/ops";
          const { graph } = trace((x) => square(x), [spec([3])]);
          const error = await compile(graph, ${options}).catch((e) => e);
          console.log(JSON.stringify([error.name, error.message]));
        `;
        expect(run("onnx.mjs", source, project.withoutOnnx)).toEqual([
          "RuntimeError",
          "ONNX Runtime is not installed. Type: npm install onnxruntime-node --ignore-scripts",
        ]);
      },
    );
  });

  it("runs in a worker thread while the main thread uses it, too", () => {
    writeFileSync(
      join(project.folder, "worker.mjs"),
      `import { parentPort } from "node:worker_threads";${program}parentPort.postMessage({ ...results, missing });`,
    );
    const main = `
      import { Worker } from "node:worker_threads";
      ${program}
      const fromWorker = await new Promise((resolve, reject) => {
        new Worker(new URL("./worker.mjs", import.meta.url)).on("message", resolve).on("error", reject);
      });
      console.log(JSON.stringify([{ ...results, missing }, fromWorker]));
    `;
    expect(run("with-worker.mjs", main)).toEqual([expected, expected]);
  });

  it("exports its package.json", () => {
    const source = `
      import info from "isoloss/package.json" with { type: "json" };
      console.log(JSON.stringify(info.name));
    `;
    expect(run("version.mjs", source)).toBe("isoloss");
  });

  it.each(["bundler", "node16", "nodenext"] as const)(
    "has types that a strict project with %s resolution accepts, and that reject wrong calls",
    (moduleResolution) => {
      const file = join(project.folder, `types-${moduleResolution}.ts`);
      writeFileSync(
        file,
        `
         import { array, jit, type NdArray, spec } from "isoloss";
         import { sum } from "isoloss/ops";
         import { readFileOrThrow } from "isoloss/node";
         const f = await jit((x) => sum(x), [spec([3])] as const);
         export const result: NdArray = await f(array([1, 2, 3]));
         export const bytes: Uint8Array = await readFileOrThrow("file");
         // @ts-expect-error a shape is a list of numbers
         spec("3");
        `,
      );
      expect(messagesOf(programOf(file, moduleResolution))).toEqual([]);
    },
  );

  it("has arrays whose numbers are read without a cast, and symmetries of parameters that may be changed", () => {
    const file = join(project.folder, "numbers.ts");
    writeFileSync(
      file,
      `
       import { array, createPredictor, createTrainer, digits, mlp, type NdArray, nested, numbers, positiveScaling, sgd, teleport, torchGenerator, zeros } from "isoloss";
       import { mul, sum } from "isoloss/ops";
       const { images, labels } = digits();
       const model = mlp({ sizes: [64, 10] });
       const data = { inputs: images, labels };
       const trainer = await createTrainer({ model, data, optimizer: sgd(), learningRate: 0.1 });
       const prediction = await trainer.predict(images);
       const predictor = await createPredictor(model, model.init(torchGenerator(0)));
       const same = await predictor.predict(images);
       export const twice = [prediction, same, array([1, 2]), zeros([2], "float64")].map((a) => numbers(a));
       export const halves = [prediction.data.map((v) => v / 2), same.data.map((v) => v / 2), array([1, 2]).data.map((v) => v / 2)];
       export const bigger: BigInt64Array = array([1, 2], "int64").data.map((v) => v + 1n);
       export const rows = nested(prediction);
       interface Layer { weight: NdArray; bias: NdArray }
       const params: { layers: Layer[] } = {
         layers: [8, 2].map((n) => ({ weight: zeros([n, 8]), bias: zeros([n]) })),
       };
       const { params: moved } = await teleport({
         symmetry: positiveScaling(params),
         loss: ({ layers: [first] }, { x }) => sum(mul(first?.weight ?? x, x)),
         params,
         batch: { x: zeros([8, 8]) },
       });
       export const layers: Layer[] = moved.layers;
      `,
    );
    expect(messagesOf(programOf(file, "nodenext"))).toEqual([]);
  });

  it.each(["bundler", "nodenext"] as const)(
    "compiles with examples/strict and %s resolution, its declarations checked, too",
    (moduleResolution) => {
      const folder = join(project.folder, `strict-${moduleResolution}`);
      cpSync(fileURLToPath(new URL("../../../examples/strict", import.meta.url)), folder, {
        recursive: true,
      });
      const { config } = ts.readConfigFile(join(folder, "tsconfig.json"), ts.sys.readFile);
      const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, folder);
      expect(options).toMatchObject({
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
        skipLibCheck: false,
      });
      expect(fileNames.length).toBeGreaterThan(3);
      const program = ts.createProgram(fileNames, { ...options, ...resolutions[moduleResolution] });
      expect(messagesOf(program)).toEqual([]);
      const casts = fileNames.flatMap((name) => castsIn(program.getSourceFile(name) as ts.SourceFile));
      expect(casts).toEqual([]);
    },
  );

  it("has types that need neither Node's, nor ONNX Runtime's, nor the declarations of skipped libraries", () => {
    const file = join(project.withoutOnnx, "types-browser.ts");
    const rooms = entries.filter((entry) => !entry.endsWith("/node"));
    writeFileSync(
      file,
      `${rooms.map((entry, i) => `import * as room${i} from "${entry}";`).join("\n")}
       export const all = [${rooms.map((_, i) => `room${i}`).join(", ")}];
       import { createTrainer, digits, mlp, sgd } from "isoloss";
       const { images, labels } = digits();
       const data = { inputs: images, labels };
       const trainer = await createTrainer({ model: mlp({ sizes: [64, 10] }), data, optimizer: sgd(), learningRate: 0.1 });
       export const weight: readonly number[] = trainer.current.params.layers[0].weight.shape;
      `,
    );
    expect(messagesOf(programOf(file, "bundler", { types: [], skipLibCheck: false }))).toEqual([]);
  });

  it("shows in editors what the options of an optimizer, a method and a search are", () => {
    const file = join(project.withoutOnnx, "options.ts");
    writeFileSync(
      file,
      `import type { NadamOptions } from "isoloss/optim";
       import type { CostOptions } from "isoloss/mtl";
       import type { BalanceOptions } from "isoloss/teleport";
       export interface All extends Omit<NadamOptions, never>, Omit<CostOptions, never>, Omit<BalanceOptions, never> {}`,
    );
    const program = programOf(file, "bundler");
    const checker = program.getTypeChecker();
    const [, , , all] = program.getSourceFile(file)?.statements ?? [];
    const options = checker.getTypeAtLocation(all).getProperties();
    expect(options.map(({ name }) => name)).toEqual(expect.arrayContaining(["epsilon", "trigger", "sweeps"]));
    const silent = options.filter((option) => option.getDocumentationComment(checker).length === 0);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});

const resolutions = {
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
} as const;

function programOf(
  file: string,
  resolution: keyof typeof resolutions,
  options: ts.CompilerOptions = { types: ["node"], skipLibCheck: true },
): ts.Program {
  return ts.createProgram([file], {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    ...resolutions[resolution],
    typeRoots: [join(dirname(file), "node_modules/@types")],
    ...options,
  });
}

/** Where a source says of a type what the compiler does not know. */
function castsIn(source: ts.SourceFile): string[] {
  const isCast = (node: ts.Node) =>
    ts.isAsExpression(node) ||
    ts.isTypeAssertionExpression(node) ||
    ts.isNonNullExpression(node) ||
    node.kind === ts.SyntaxKind.AnyKeyword;
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isCast(node)) found.push(node.getText(source));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const messagesOf = (program: ts.Program): string[] =>
  ts
    .getPreEmitDiagnostics(program)
    .map((d) => `${d.file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`);
