// Losses and measures of the benchmarks' tasks, against plain loops and the numbers of constant predictions.

import type { Batch, BatchTensors, Tensor } from "isoloss";
import {
  astype,
  flattenTree as flatten,
  full,
  isNdArray,
  type NdArray,
  namedArrays,
  ndarray,
  torchGenerator,
} from "isoloss";
import type { StreamingMetric } from "isoloss/metrics";
import { deltaM } from "isoloss/mtl";
import { resnet18 } from "isoloss/nn";
import { digitQuestions } from "isoloss/problems";
import { evaluate, float64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { attributeTasks } from "../../src/problems/attribute-tasks.js";
import type { BenchmarkTasks } from "../../src/problems/benchmark-tasks.js";
import { denseTasks } from "../../src/problems/dense-tasks.js";
import { moleculeTasks } from "../../src/problems/molecule-tasks.js";
import { ownImageTasks } from "../../src/problems/own-image-tasks.js";

const measured = (
  metric: StreamingMetric | undefined,
  batches: readonly { output: NdArray; labels: NdArray }[],
) => metric?.result(batches.reduce((sum, batch) => metric.update(sum, batch), metric.init()));

const countsOf = (tree: unknown) => flatten<NdArray>(tree, isNdArray).leaves.length;

const filled = (shape: readonly number[], value: (...at: number[]) => number): NdArray => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = new Float64Array(size);
  const at = shape.map(() => 0);
  for (let i = 0; i < size; i++) {
    data[i] = value(...at);
    for (let d = shape.length - 1; d >= 0; d--) {
      at[d] = ((at[d] as number) + 1) % (shape[d] as number);
      if (at[d] !== 0) break;
    }
  }
  return ndarray(data, shape);
};

describe("denseTasks", () => {
  const { measures, tasks } = denseTasks({ classes: 13, normals: true, channels: [2, 2] });

  it("has the published metrics of constant predictions on the maps of a formula", () => {
    // Four maps of 128 x 256, class 0 and depth 0.25 everywhere: numbers computed outside of this program.
    const [H, W] = [128, 256];
    const batches = [0, 1, 2, 3].map((n) => {
      const label = filled([1, H, W], (_, y = 0, x = 0) =>
        y < 8 ? -1 : (Math.floor((7 * x) / 256) + n) % 7,
      );
      const semantic = {
        output: filled([1, 7, H, W], (_, c) => (c === 0 ? 1 : 0)),
        labels: ndarray(BigInt64Array.from(numbers(label), BigInt), [1, H, W]),
      };
      const depth = {
        output: filled([1, 1, H, W], () => 0.25),
        labels: filled([1, 1, H, W], (_, __, y = 0, x = 0) =>
          y < 16 ? 0 : 0.1 + (0.3 * (256 * y + x)) / (128 * 256 - 1),
        ),
      };
      return { semantic, depth };
    });
    const of = (task: "semantic" | "depth", name: string) =>
      measured(
        measures[task]?.[name],
        batches.map((batch) => batch[task]),
      ) as number;
    const values = [
      of("semantic", "iou"),
      of("semantic", "accuracy"),
      of("depth", "absolute"),
      of("depth", "relative"),
    ];
    const want = [0.0203683, 0.14257812, 0.06696633, 0.26461238];
    values.forEach((value, k) => {
      expect(Math.abs(value / (want[k] as number) - 1)).toBeLessThan(1e-6);
    });
    const delta = deltaM(values, [0.7401, 0.9316, 0.0125, 27.77], [true, true, false, false]);
    expect(delta).toBeCloseTo(129.65668853, 4);
  });

  it("measures angles of normals as means over batches", () => {
    const up = filled([1, 3, 1, 2], (_, c) => (c === 2 ? 1 : 0));
    const tilted = (degrees: readonly number[]) =>
      filled([1, 3, 1, 2], (_, c, __, x = 0) => {
        const angle = ((degrees[x] as number) * Math.PI) / 180;
        return c === 0 ? Math.sin(angle) : c === 1 ? 0 : Math.cos(angle);
      });
    const batches = [
      { output: up, labels: tilted([10, 20]) },
      { output: up, labels: tilted([25, 45]) },
    ];
    expect(tasks).toEqual(["semantic", "depth", "normal"]);
    const { mean, within11, within22, within30 } = measures.normal ?? {};
    expect(measured(mean, batches)).toBeCloseTo(25, 9);
    expect([within11, within22, within30].map((m) => measured(m, batches))).toEqual([0.25, 0.5, 0.75]);
  });

  it("has losses that are means over the known pixels of a batch", () => {
    const dense = denseTasks({ classes: 3, normals: true, channels: [2, 2] });
    const params = dense.params(torchGenerator(0));
    const [n, H, W] = [2, 4, 4];
    const single = (a: NdArray) => astype(a, "float32");
    const batch: Batch = {
      image: single(
        filled([n, 3, H, W], (i = 0, c, y, x) => Math.sin(i + 2 * (c ?? 0) + 3 * (y ?? 0) + 5 * (x ?? 0))),
      ),
      semantic: ndarray(
        BigInt64Array.from({ length: n * H * W }, (_, i) => BigInt((i % 4) - 1)),
        [n, H, W],
      ),
      depth: single(filled([n, 1, H, W], (i = 0, _, y = 0, x = 0) => (y === 0 ? 0 : 1 + i + x))),
      normal: single(
        filled([n, 3, H, W], (_, c, y = 0, x = 0) =>
          x === 0 ? 0 : c === 0 ? Math.sin(y) : c === 2 ? Math.cos(y) : 0,
        ),
      ),
    };
    const run = evaluate(
      (p: never, b: BatchTensors, state: never) => {
        const context = { training: false, state };
        return {
          losses: dense.losses(p, b as never, context) as unknown as Tensor,
          outputs: dense.outputs(p, b as never, context) as never,
        };
      },
      params as never,
      batch,
      dense.state as never,
    ) as unknown as {
      losses: NdArray[];
      outputs: Record<"semantic" | "depth" | "normal", { output: NdArray }>;
    };
    const [semantic, depth, normal] = run.losses.map((a) => numbers(a)[0]);
    const pixels = H * W;
    let [ce, ceCount, l1, l1Count, cosine, known] = [0, 0, 0, 0, 0, 0];
    const { outputs } = run;
    for (let i = 0; i < n; i++) {
      for (let p = 0; p < pixels; p++) {
        const at = (a: NdArray, channels: number, c: number) =>
          Number(a.data[(i * channels + c) * pixels + p]);
        const label = Number(batch.semantic?.data[i * pixels + p]);
        if (label >= 0) {
          const z = [0, 1, 2].map((c) => at(outputs.semantic.output, 3, c));
          ce += Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0)) - (z[label] as number);
          ceCount++;
        }
        const t = at(batch.depth as NdArray, 1, 0);
        if (t !== 0) {
          l1 += Math.abs(at(outputs.depth.output, 1, 0) - t);
          l1Count++;
        }
        const truth = [0, 1, 2].map((c) => at(batch.normal as NdArray, 3, c));
        if (truth.some((v) => v !== 0)) {
          const said = [0, 1, 2].map((c) => at(outputs.normal.output, 3, c));
          expect(Math.hypot(...said)).toBeCloseTo(1, 6);
          cosine += truth.reduce((sum, v, c) => sum + v * (said[c] as number), 0);
          known++;
        }
      }
    }
    expect(semantic).toBeCloseTo(ce / ceCount, 5);
    expect(depth).toBeCloseTo(l1 / l1Count, 5);
    expect(normal).toBeCloseTo(1 - cosine / known, 5);
  });
});

describe("the other benchmarks", () => {
  it("are measured by F1, mean absolute error in units, and accuracy", () => {
    const faces = attributeTasks({ attributes: ["Young"], stages: [[2]], hidden: [3] });
    // Half of them are young: all said to be so have F1 = 2 pi / (1 + pi).
    const labels = float64([1, 0, 1, 0]);
    const said = float64([1, 1, 1, 1], [4, 1]);
    expect(measured(faces.measures.Young?.f1, [{ output: said, labels }])).toBeCloseTo(2 / 3, 12);
    const molecules = moleculeTasks({ tasks: ["homo"], units: [2500], width: 2, hidden: 2 });
    const errors = { output: float64([0, 0]), labels: float64([1, -2]) };
    expect(measured(molecules.measures.homo?.mae, [errors])).toBeCloseTo(3750, 9);
    const office = ownImageTasks({ tasks: ["a"], classes: 2, width: 2, hidden: 3 });
    const classes = { output: float64([1, 0, 1, 0], [2, 2]), labels: ndarray(BigInt64Array.of(0n, 1n), [2]) };
    expect(measured(office.measures.a?.accuracy, [classes])).toBe(0.5);
  });

  it.each<[string, BenchmarkTasks<never, never>]>([
    ["dense", denseTasks({ channels: [2, 2] }) as never],
    ["attributes", attributeTasks({ attributes: ["a", "b"], stages: [[2]], hidden: [3] }) as never],
    ["molecules", moleculeTasks({ tasks: ["a", "b"], width: 2, hidden: 2 }) as never],
    ["own images", ownImageTasks({ tasks: ["a", "b"], classes: 2, width: 2, hidden: 3 }) as never],
  ])("have a baseline of each task alone: %s", (_, problem) => {
    const [first = ""] = problem.tasks;
    const alone = problem.only(first);
    expect(alone.tasks).toEqual([first]);
    const whole = problem.params(torchGenerator(0)) as { heads: object };
    const own = alone.params(torchGenerator(0)) as { heads: object };
    expect(Object.keys(own.heads)).toEqual([first]);
    expect(countsOf(own)).toBeLessThan(countsOf(whole));
  });

  it("start from a ResNet-18's tensors by name, each baseline too, and say what does not fit", () => {
    const sizes = { classes: 2, width: 2, hidden: 3 };
    const { params, state } = resnet18({ stem: "imagenet", width: 2 }).init(torchGenerator(7));
    const weights = {
      ...namedArrays(params),
      ...namedArrays({ ...state, num_batches_tracked: full([], 3) }),
    };
    const office = ownImageTasks({ tasks: ["a", "b"], ...sizes, weights });
    for (const problem of [office, office.only("b")]) {
      const { shared, heads } = problem.params(torchGenerator(0));
      expect(shared.trunk).toEqual(
        Object.fromEntries(Object.keys(shared.trunk).map((k) => [k, params[k as never]])),
      );
      expect(problem.state.trunk).toEqual(state);
      expect(Object.keys(heads)).toEqual(problem.tasks);
    }
    const { "bn1.running_var": _, ...less } = weights;
    expect(() => ownImageTasks({ tasks: ["a"], ...sizes, weights: less })).toThrow(
      '"bn1.running_var" is missing',
    );
    expect(() => ownImageTasks({ tasks: ["a"], ...sizes, width: 3, weights })).toThrow(
      '"conv1.weight" is [2, 3, 7, 7] instead of [3, 3, 7, 7]',
    );
  });
});

it("a problem has only its own tasks alone, and molecules a unit for each", () => {
  const attributes = attributeTasks({ attributes: ["Smiling"], stages: [[2]], hidden: [2] });
  expect(() => attributes.only("Smile")).toThrow('attributes has no task "Smile"; it has Smiling.');
  expect(() => digitQuestions().only("odd")).toThrow(
    /^digit-attributes has no task "odd"; it has even, prime/,
  );
  expect(() => moleculeTasks({ tasks: ["mu", "alpha"], units: [1.5] })).toThrow(
    "moleculeTasks: units must be one number for each of the 2 tasks; got 1.",
  );
});
