import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const copy = mkdtempSync(join(tmpdir(), "isoloss-additions-"));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

/** One file and one row. */
interface Addition {
  readonly file: string;
  readonly text: string;
  readonly registry: string;
  readonly importLine?: string;
  /** The line that the row follows. */
  readonly after: string;
  readonly row: string;
}

const additions: Readonly<Record<string, Addition>> = {
  "an operation": {
    file: "packages/core/src/graph/ops/cube.ts",
    text: `import { apply, type Tensor } from "../tensor.js";
import { mul } from "./arithmetic.js";
import { square, unary } from "./elementary.js";

const cubeOp = unary({
  name: "cube",
  js: (x) => \`(\${x}*\${x}*\${x})\`,
  onnx: (e, x, { dtype }) => e.emit("Pow", [x, e.scalar(3, dtype)]),
  vjp: (g, x) => mul(g, mul(3, square(x))),
});

export const cube = (x: Tensor): Tensor => apply(cubeOp, [x], {});
`,
    registry: "packages/core/src/entries/ops.ts",
    after: 'export { logSoftmax, softmax } from "../graph/ops/softmax.js";',
    row: 'export { cube } from "../graph/ops/cube.js";',
  },
  "an optimizer": {
    file: "packages/core/src/optim/sign-descent.ts",
    text: `import { mapTree } from "../graph/autodiff.js";
import { sign } from "../graph/ops/elementary.js";
import { optionTable } from "../options.js";
import { chain } from "./chain.js";
import type { Optimizer } from "./optimizer.js";

export const signDescentOptions = optionTable("signDescent", {});

export const signDescent = (): Optimizer =>
  chain("signDescent", [
    {
      name: "sign",
      trees: {},
      keepsGradients: false,
      apply: (gradients) => ({ direction: mapTree(sign, gradients), trees: {} }),
    },
  ]);
`,
    registry: "packages/core/src/optim/registry.ts",
    importLine: 'import { signDescent, signDescentOptions } from "./sign-descent.js";',
    after: "export const optimizers = {",
    row: 'signDescent: { make: signDescent, options: signDescentOptions, summary: "w - eta sign(g)" },',
  },
  "a symmetry": {
    file: "packages/core/src/symmetry/first-scaling.ts",
    text: `import type { MlpParams } from "../nn/models/mlp.js";
import { positiveScalingOptions } from "./positive-scaling.js";
import { scaling } from "./scaling.js";
import type { Symmetry } from "./symmetry.js";

export const firstScalingOptions = positiveScalingOptions;

/** Scales the units of the first hidden layer, without biases. */
export const firstScaling = <P extends MlpParams>(params: P, _options: object = {}): Symmetry<P> =>
  scaling([
    {
      kind: "scaling",
      size: params.layers[0].weight.shape[0],
      exact: true,
      axes: [
        { path: "layers.0.weight", view: params.layers[0].weight.shape, axis: 0, power: 1 },
        { path: "layers.1.weight", view: params.layers[1].weight.shape, axis: 1, power: -1 },
      ],
    },
  ]);
`,
    registry: "packages/core/src/symmetry/registry.ts",
    importLine: 'import { firstScaling, firstScalingOptions } from "./first-scaling.js";',
    after: "export const mlpSymmetries = {",
    row: 'firstScaling: { make: firstScaling, options: firstScalingOptions, summary: "the first units, scaled" },',
  },
  "a search": {
    file: "packages/core/src/teleport/search/sign-ascent.ts",
    text: `import { mul } from "../../graph/ops/arithmetic.js";
import { sign } from "../../graph/ops/elementary.js";
import { constant, fill } from "../../graph/ops/leaf.js";
import { integerFrom, type OptionsOf, optionTable } from "../../options.js";
import type { Symmetry } from "../../symmetry/symmetry.js";
import { ascentAlong, compileOrbitWalk, contextAt, orbitSearch } from "./orbit-walk.js";
import type { SearchFactory } from "./search.js";

export const signAscentOptions = optionTable("signAscent", {
  /** Number of steps; default 3. */
  steps: integerFrom(0).default(3),
});

/** Ascent by the signs of the gradient in T. */
export function signAscent<P>(
  symmetry: Symmetry<P>,
  options: OptionsOf<typeof signAscentOptions> = {},
): SearchFactory<P> {
  const { steps } = signAscentOptions.read(options);
  return async (problem) => {
    const { dtype } = problem;
    const program = await compileOrbitWalk(symmetry, problem, {
      steps,
      given: {},
      reasons: [],
      first: { T: symmetry.algebra.map((shape) => fill(shape, 0, dtype)) },
      element: (_from, { T }, { scale }) => T.map((t) => mul(scale, t)),
      onward({ params, batch, slope }) {
        const { context } = contextAt(symmetry, params, batch, dtype);
        const gradient = ascentAlong(symmetry, slope(), { params, batch, context, dtype });
        return { state: { T: gradient.map((g) => mul(0.05, sign(g))) }, stop: constant(0, dtype) };
      },
    });
    return orbitSearch(symmetry, symmetry.bound, program, { steps });
  };
}
`,
    registry: "packages/core/src/teleport/search/registry.ts",
    importLine: 'import { signAscent, signAscentOptions } from "./sign-ascent.js";',
    after: "export const orbitSearches = {",
    row: 'signAscent: { make: signAscent, options: signAscentOptions, summary: "ascent by signs" },',
  },
  "a multi-task method": {
    file: "packages/core/src/mtl/methods/first-task.ts",
    text: `import { checkedMethod } from "../method.js";
import type { MultiTaskMethod } from "../method.js";

export const firstTask = (): MultiTaskMethod<null> =>
  checkedMethod({
    name: "first-task",
    needs: "losses",
    headGradient: "weighted",
    init: () => null,
    combine: ({ losses }, state) => ({ weights: losses.map((_, k) => (k === 0 ? 1 : 0)), state }),
  });
`,
    registry: "packages/core/src/mtl/registry.ts",
    importLine: 'import { firstTask } from "./methods/first-task.js";',
    after: "export const methods = {",
    row: 'firstTask: { make: firstTask, options: optionTable("firstTask", {}), summary: "the first task alone" },',
  },
  "a command": {
    file: "packages/cli/src/commands/model/size.ts",
    text: `import { readModelFile } from "../../formats/read-model.js";
import { json, type Values, value } from "../../option-rows.js";
import { positiveInteger } from "../../parse.js";
import type { Result } from "../command.js";

const options = { per: value("<n>", "bytes of a unit", positiveInteger, 1), json: json() };

async function run(path: string, { per }: Values<typeof options>): Promise<Result> {
  const { bytes } = await readModelFile(path);
  const units = bytes.length / per;
  return { document: { units }, text: [\`\${units} units\`] };
}

export const size = { options, help: "Example:\\n  isoloss model size model.onnx", run };
`,
    registry: "packages/cli/src/commands/registry.ts",
    after: "export const modelCommands: readonly ListedCommand[] = [",
    row: '{ usage: "size <file>", summary: "size of a file", load: async () => (await import("./model/size.js")).size },',
  },
};

/** What a user does with each, in both runtimes and on the command line. */
const usage = `import { writeFileSync } from "node:fs";
import { inProcess } from "../../test-support/cli/in-process.js";
import { perceptron } from "./model/model-files.js";
import { array, grad, jit } from "isoloss";
import { createMethod } from "isoloss/mtl";
import { mlp, torchGenerator } from "isoloss/nn";
import * as ops from "isoloss/ops";
import { createOptimizer } from "isoloss/optim";
import { square, sub, sum } from "isoloss/ops";
import { mlpSymmetries, positiveScaling } from "isoloss/symmetry";
import { orbitSearches, teleport } from "isoloss/teleport";
import { expect, it } from "vitest";

it.each(["javascript", "onnx"] as const)("an operation is computed and differentiated in %s", async (runtime) => {
  const x = array([1, -2], "float32");
  const run = await jit((x) => ({ y: ops.cube(x), g: grad((x) => ops.sum(ops.cube(x)))(x) }), [x], { runtime });
  const { y, g } = await run(x);
  expect([...y.data]).toEqual([1, -8]);
  expect([...g.data]).toEqual([3, 12]);
});

it("an optimizer, a symmetry and a method are made by name", () => {
  expect(createOptimizer("signDescent").name).toBe("signDescent");
  const { params } = mlp({ sizes: [2, 3, 1] }).init(torchGenerator(0));
  expect(mlpSymmetries.firstScaling.make(params).paths).toEqual(["layers.0.weight", "layers.1.weight"]);
  expect(createMethod("firstTask").name).toBe("first-task");
});

it.each(["javascript", "onnx"] as const)("a search is one loop with guard, race and report in %s", async (runtime) => {
  const net = mlp({ sizes: [2, 3, 1] });
  const { params } = net.init(torchGenerator(0), { dtype: "float64" });
  const batch = { x: array([[1, 2], [-1, 0.5]], "float64"), y: array([[1], [2]], "float64") };
  const loss = (p, { x, y }) => sum(square(sub(net.apply(p, x).output, y)));
  const search = orbitSearches.signAscent.make(positiveScaling(params), { steps: 2 });
  const guard = { race: { learningRate: 1e-4, steps: 1 }, curvature: 0 };
  const { report } = await teleport({ search, loss, params, batch, runtime, guard });
  expect(report).toMatchObject({ steps: 2, accepted: true, reason: "2 steps taken" });
  expect(report.drift).toBeLessThan(1e-12);
});

it.each([
  ["optimizers", "signDescent"],
  ["symmetries", "firstScaling"],
  ["searches", "signAscent"],
  ["methods", "firstTask"],
])("isoloss list %s has %s", async (what, name) => {
  expect(await inProcess(["list", what], ".")).toMatchObject({ stdout: expect.stringContaining(name), stderr: "" });
});

it("a command has help, and prints text and a document", async () => {
  writeFileSync("model.onnx", perceptron("relu"));
  const run = (...args: string[]) => inProcess(["model", "size", ...args], ".");
  expect((await run("--help")).stdout).toMatch(/--per <n> .*bytes of a unit \\(default: 1\\)/);
  const { stdout } = await run("model.onnx", "--per", "2");
  const { units } = JSON.parse((await run("model.onnx", "--per", "2", "--json")).stdout);
  expect(stdout).toBe(\`\${units} units\\n\`);
});
`;

describe("One file and one row add", () => {
  it(`${Object.keys(additions).join(", ")}`, () => {
    for (const name of ["package.json", "tsconfig.base.json", "vitest.config.ts", "scripts", "experiments"])
      cpSync(join(root, name), join(copy, name), { recursive: true });
    cpSync(join(root, "packages"), join(copy, "packages"), {
      recursive: true,
      filter: (path) => !/[\\/](node_modules|dist)$/.test(path),
    });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    for (const { file, text, registry, importLine, after, row } of Object.values(additions)) {
      writeFileSync(join(copy, file), text);
      const before = readFileSync(join(copy, registry), "utf8");
      expect(before).toContain(`${after}\n`);
      const withRow = before.replace(`${after}\n`, `${after}\n${row}\n`);
      writeFileSync(join(copy, registry), importLine ? `${importLine}\n${withRow}` : withRow);
    }
    writeFileSync(join(copy, "packages/cli/test/usage.test.ts"), usage);
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, "node_modules/vitest/vitest.mjs"), "run", "packages/cli/test/usage.test.ts"],
      { cwd: copy, encoding: "utf8" },
    );
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toContain("10 passed, 0 failed, 0 skipped");
  });
});
