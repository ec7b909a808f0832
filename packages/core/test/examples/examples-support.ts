// What the examples promise to print.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runCode } from "./run-code.js";

export const folder = new URL("../../../../examples/", import.meta.url);
export const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));

/** Those that take long. */
export const slow: readonly string[] = [
  "03-teleport.mjs",
  "10-several-tasks.mjs",
  "13-tabular-regression.mjs",
  "14-image-folder.mjs",
  "15-sequence-tagging.mjs",
];

/** Lines that an example promises, in order. Numbers from a formula or a published value are spelt out. */
export const promises: Readonly<Record<string, readonly RegExp[]>> = {
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
  // The optimal teleport at steps 99, 199, .. by a plain loop: 2.4e-15 after 500 steps, ||g||^2 2.8751 -> 2208.31.
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
    /^The loss is 144, .* \|\|g\|\|\^2 is 2880\.$/,
    /^By the quadratic model, a step of gradient descent at the learning rate /,
    /^The Hessian's eigenvalues lie between 2 and 18: /,
    /curvature along the gradient/,
    /cos\(g, Hg\)/,
    /cos\(g, H\^-1 g\)/,
    /^\|\|g\|\|\^2 is 55\.6 % of the largest on this level set/,
    /^The loss is a convex quadratic: after one teleport/,
    /to first order/,
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
  "13-tabular-regression.mjs": [
    /^1500 throws; inputs ball=foot, ball=golf, ball=tennis, speed, angle$/,
    /^off by 0\.\d m on throws that were not seen, which spread by 2\d m$/,
  ],
  // Of the embedded digits 183 are threes, 182 fives and 174 eights.
  "14-image-folder.mjs": [
    /^539 images in 3, 5, 8$/,
    /^accuracy (9[3-9]|100) % on 108 that were not seen$/,
    /^mistaken: [0-7]$/,
  ],
  // An embedding of 8 numbers a character, twice 3 x 24 x (8 + 24 + 2), and 48 x 4 + 4 of the last layer.
  "15-sequence-tagging.mjs": [
    /^\d{4} parameters$/,
    /^accuracy 99\.\d %, F1 0\.9[89]\d$/,
    /^.{32}$/,
    /^[.dt$]{32}$/,
  ],
  "16-fine-tune-onnx.mjs": [
    /^negatives, as the file came: \d{1,2} % right$/,
    /^after epoch \d: (8|9)\d %$/,
    /^frozen: 80 of \d{4} numbers$/,
  ],
  "17-two-tasks.mjs": [/^digits: 9\d % right$/, /^ink: off by \d\.\d % of its range$/],
};

/** Runs examples in a folder of their own; what they leave is there, under the path that this returns, until all tests are over. */
export function expectPromises(names: readonly string[]): () => string {
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

  it.each(names)("%s prints what it promises", async (name) => {
    const lines = await runCode(readFileSync(new URL(name, folder), "utf8"));
    expect(lines).toHaveLength(promises[name].length);
    promises[name].forEach((promise, i) => {
      expect(lines[i]).toMatch(promise);
    });
  });
  return () => work;
}
