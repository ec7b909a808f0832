import { describe, expect, it } from "vitest";
import { taskGradients } from "../../src/mtl/gradients/task-gradients.js";
import type { MultiTaskMethod } from "../../src/mtl/method.js";
import { famo } from "../../src/mtl/methods/famo.js";
import { imtlG } from "../../src/mtl/methods/imtl-g.js";
import { linearScalarisation } from "../../src/mtl/methods/linear-scalarisation.js";
import { mgda } from "../../src/mtl/methods/mgda.js";
import { nashMtl } from "../../src/mtl/methods/nash-mtl.js";
import { pcgrad } from "../../src/mtl/methods/pcgrad.js";
import { createMultiTaskTrainer } from "../../src/mtl/trainer.js";
import { adam } from "../../src/optim/adam.js";
import { twoTaskToy } from "../../src/problems/toy.js";
import golden from "../golden/mtl-toy.json" with { type: "json" };

type Point = readonly [number, number];

async function measureAt(x: Point, scale: number) {
  const toy = twoTaskToy({ scale });
  const params = toy.at(x);
  const gradients = taskGradients({ losses: toy.losses, params, batch: {}, keep: true });
  return gradients.measure(params, {});
}

describe("the two-task toy", () => {
  it.each(golden.values)("has the golden file's losses and Jacobian at $x, scale $scale_f1", async (row) => {
    const { losses, jacobian } = await measureAt(row.x as unknown as Point, row.scale_f1);
    row.f.forEach((f, k) => {
      expect(losses[k]).toBeCloseTo(f, 12);
    });
    row.J.flat().forEach((g, i) => {
      expect(Number(jacobian?.data[i])).toBeCloseTo(g, 12);
    });
  });

  it("has its Pareto front where the gradients are opposite", async () => {
    const toy = twoTaskToy();
    expect(toy.front(0.5).x[1]).toBeCloseTo(-8.3552, 3);
    for (const t of [0.001, 0.2, 0.5, 0.9]) {
      const { x, losses } = toy.front(t);
      const found = await measureAt(x, 1);
      expect([...found.losses]).toEqual(losses.map((l) => expect.closeTo(l, 12)));
      const [a, b, , c] = found.gramian.data;
      expect(b / Math.sqrt(a * c)).toBeCloseTo(-1, 9);
      expect(toy.distanceToFront(toy.at(x))).toBeCloseTo(0, 12);
    }
    expect(toy.distanceToFront(toy.at([10, toy.front(0).x[1]]))).toBeCloseTo(3, 12);
    expect(toy.front(0.5).losses[0]).toBeCloseTo(-15.09163845, 7);
  });
});

describe("trajectories on the toy", () => {
  // The golden file's note says which scale each method has there.
  const methods: Record<string, (scale: number) => MultiTaskMethod> = {
    LS: () => linearScalarisation(),
    PCGrad: () => pcgrad(),
    MGDA: () => mgda({ scale: "sum" }),
    "IMTL-G": () => imtlG(),
    "Nash-MTL": () => nashMtl(),
    "FAMO(gamma=0)": (scale) => famo({ gamma: 0, minLosses: [-21 * scale, -21] }),
  };
  const runs = Object.entries(golden.trajectories).map(([name, steps]) => {
    const [method, scale] = name.split(" scale=");
    return { method, scale: Number(scale), steps };
  });

  it.each(runs)(
    "of $method at scale $scale are those of the golden file",
    async ({ method, scale, steps }) => {
      const toy = twoTaskToy({ scale });
      for (const [i, start] of golden.inits.entries()) {
        const trainer = createMultiTaskTrainer({
          losses: toy.losses,
          params: toy.at(start as unknown as Point),
          tasks: toy.tasks,
          method: methods[method](scale),
          optimizer: adam(),
          learningRate: 1e-3,
          runtime: "javascript",
          ...(method === "PCGrad" ? { clipNorm: 0 } : {}),
        });
        // From (0, 0) the gradients are collinear: x1 starts as rounding, which Adam makes steps of.
        const digits = i === 1 ? 3 : 9;
        for (const [step, { x, f }] of Object.entries(steps).filter(([s]) => Number(s) <= 1000)) {
          await trainer.run({ steps: Number(step) - trainer.current.step });
          const got = trainer.current.params.shared.w.data as Float64Array;
          expect([...got], `${start} at ${step}`).toEqual(x[i].map((v) => expect.closeTo(v, digits)));
          const { losses } = await trainer.evaluate({});
          expect([...losses]).toEqual(f[i].map((v) => expect.closeTo(v, digits - 2)));
        }
      }
    },
  );

  it("of LS at scale 0.1 end on the front from (-8.5, 7.5), and on the ridge from (9, 9)", async () => {
    const toy = twoTaskToy({ scale: 0.1 });
    const { x: ends } = golden.trajectories["LS scale=0.1"]["50000"];
    for (const [i, [start, reaches]] of [
      [toy.starts[0], true] as const,
      [toy.starts[2], false] as const,
    ].entries()) {
      const trainer = createMultiTaskTrainer({
        losses: toy.losses,
        params: toy.at(start),
        method: linearScalarisation(),
        optimizer: adam(),
        learningRate: 1e-3,
        runtime: "javascript",
      });
      await trainer.run({ steps: 50_000 });
      const { params } = trainer.current;
      expect(toy.distanceToFront(params) < 1e-3).toBe(reaches);
      // Steps across the ridge, where the logarithm ends, multiply rounding.
      const near = Array.from(ends[2 * i], (v) => expect.closeTo(v, reaches ? 6 : 1));
      expect(Array.from(params.shared.w.data, Number)).toEqual(near);
      expect(trainer.history.losses[0].length).toBe(50_000);
    }
  });
});
