import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeModel } from "../../src/runtime/onnx/codec.js";
import { runCode } from "./run-code.js";

const folder = new URL("../../../../examples/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));

/** Lines that an example promises, in order. Numbers from a formula or a published value are spelt out. */
const promises: Readonly<Record<string, readonly RegExp[]>> = {
  // Gradient descent at rate 1e-3 from (-1, -1): 404, 42.1879149056, 0.761726059487506, 0.11134068265746125.
  "01-your-own-loss.mjs": [
    /^runtime: javascript$/,
    /^loss at step 0: 404\.000000$/,
    /^loss at step 1: 42\.187915$/,
    /^loss at step 100: 0\.761726$/,
    /^loss at step 1000: 0\.111341$/,
    /^w after 1001 steps: \(0\.66\d, 0\.44\d\)$/,
  ],
  "02-train-digits.mjs": [
    /^step 200: training loss \d\.\d{3}$/,
    /^step 400: training loss 0\.0\d\d$/,
    /^step 600: training loss 0\.0\d\d$/,
    /^test loss 0\.[01]\d\d, accuracy 9[5-9]\.\d %$/,
  ],
  "03-teleport.mjs": [50, 100, 150].flatMap((step) => [
    new RegExp(`^step ${step}: loss \\d\\.\\d{4}, relative drift (0\\.0e\\+0|\\d\\.\\de-(0?[5-9]|\\d\\d))$`),
    /^ {2}\|\|grad L\|\|\^2 \S+ -> \S+$/,
    /^ {2}(not )?moved: \S+/,
  ]),
  "04-export-onnx.mjs": [
    /^out\/digits\.onnx: \d{4,5} bytes, \d+ nodes$/,
    /^inputs: images$/,
    /^outputs: probabilities$/,
  ],
  // 2 (x + 2y - 7) + 4 (2x + y - 5), ...; H = [[10, 8], [8, 10]]; 2 H g; (1, 3).
  "05-second-order.mjs": [
    /^gradient at \(5, -5\): \(-24\.0000, -48\.0000\)$/,
    /^Hessian times \(1, 0\): \(10\.0000, 8\.0000\)$/,
    /^gradient of \|\|grad L\|\|\^2: \(-1248\.0000, -1344\.0000\)$/,
    /^after one Newton step: \(1\.0000, 3\.0000\)$/,
  ],
  // Spec, section 7, number 4: 2.4e-15 after 500 steps, ||g||^2 2.8751 -> 2208.31.
  "06-minimize.mjs": [
    /^plain: loss 0\.257 after 500 steps$/,
    /^best angle every 100: loss 2\.38e-15 after 500 steps$/,
    /^ {2}step 99: \|\|grad L\|\|\^2 times 768, drift below 1e-9$/,
    /^ascent at step 99: loss 0\.\d+ after 500 steps$/,
    /^ {2}step 99: \|\|grad L\|\|\^2 times \d+, drift below 1e-9$/,
  ],
  "07-symmetries-of-a-loss.mjs": [
    /^scaling of 8 units: a axis 1 times a, b axis 0 by a$/,
    /^scaling of 6 units: b axis 1 times a, u axis 0 by a$/,
    /^scaling of 3 units: u axis 1 times a, v axis 0 by a$/,
    /^GL\(3\) between u and v$/,
    /^positive scaling: \|\|grad L\|\|\^2 x1\.\d\d, largest curvature x1\.\d\d, drift below 1e-12$/,
    /^general linear: \|\|grad L\|\|\^2 x1\.\d\d, largest curvature x1\.\d\d, drift below 1e-12$/,
  ],
  // Booth at (5, -5): L = 144, ||g||^2 = 2880, eigenvalues 2 and 18, and 2880 / (2 * 18 * 144) = 55.6 %.
  "08-diagnose.mjs": [
    /^The loss is 144, .* \|\|g\|\|\^2 = 2880\.$/,
    /^The Hessian's eigenvalues go from 2 to 18: /,
    /curvature along the gradient/,
    /cos\(g, Hg\)/,
    /cos\(g, H\^-1 g\)/,
    /^\|\|g\|\|\^2 is 55\.6 % of the largest on this level set/,
    /^One optimal teleport suffices/,
    /to first order/,
    /^A speed-up is not known/,
    /^How long a gain lasts is not known/,
    /^largest eigenvalue: 18\.000000$/,
  ],
  "09-your-own-loop.mjs": [
    /^step 0: loss 2\.3\d\d$/,
    /^step 40: moved, \|\|grad L\|\|\^2 times 1\.\d\d, drift below 1e-4: true$/,
    /^step 80: moved, \|\|grad L\|\|\^2 times 1\.\d\d, drift below 1e-4: true$/,
    /^step 119: loss 0\.[45]\d\d$/,
  ],
  // The guard's bound on the drift of every task is 5 %.
  "10-several-tasks.mjs": [
    /^tasks: even, prime, above four, closed loop, multiple of three, power of two, straight strokes, square$/,
    /^steps with a weak conflict: \d\d %, a dominated one: \d+ %$/,
    ...[11, 22, 33].map(
      (step) =>
        new RegExp(
          `^step ${step}: (accepted|negligible|rejected), \\d\\.\\d % of the parameters, largest drift of a task [0-4]\\.\\d %$`,
        ),
    ),
    /^all losses fell: true$/,
    /^least accuracy on test data: [6-9]\d %$/,
  ],
  "11-onnx-model.mjs": [
    /^found: positive scaling and permutations$/,
    /^\|\|grad L\|\|\^2 times 1\.\d\d, drift below 1e-4: true$/,
    /^the same loss from both files: true$/,
  ],
  "12-checkpoints.mjs": [
    /^saved after 30 steps and 1 teleport$/,
    /^went on to step 60; losses equal bit for bit: true$/,
  ],
};

let work: string;
const before = process.cwd();

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "isoloss-examples-"));
  process.chdir(work);
});

afterAll(() => {
  process.chdir(before);
  rmSync(work, { recursive: true });
});

describe("the examples", () => {
  it("are all in the list of examples", () => {
    const list = readFileSync(new URL("README.md", folder), "utf8");
    expect(files.filter((name) => !list.includes(`(${name})`))).toEqual([]);
  });

  it("each have their promises here", () => {
    expect(Object.keys(promises)).toEqual(files);
  });

  it.each(files)("%s prints what it promises", async (name) => {
    const lines = await runCode(readFileSync(new URL(name, folder), "utf8"));
    expect(lines).toHaveLength(promises[name].length);
    promises[name].forEach((promise, i) => {
      expect(lines[i]).toMatch(promise);
    });
  });

  it("leave an ONNX file that takes images and holds its parameters", () => {
    const { inputs, initializers } = decodeModel(readFileSync(join(work, "out/digits.onnx"))).graph;
    expect(inputs.map(({ name }) => name)).toEqual(["images"]);
    const sizes = (initializers ?? []).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    expect(sizes).toEqual(expect.arrayContaining([64 * 32, 32, 32 * 10, 10]));
  });
});
