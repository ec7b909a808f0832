import { afterEach, describe, expect, it, vi } from "vitest";
import { array } from "../../src/array.js";
import { digits } from "../../src/data/digits.js";
import { cond } from "../../src/graph/control/cond.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { greater, where } from "../../src/graph/ops/compare.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { gd } from "../../src/optim/sgd.js";
import { rosenbrock } from "../../src/problems/rosenbrock.js";
import { compile } from "../../src/runtime/compile.js";
import { programKey } from "../../src/runtime/program-cache.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import type { VectorParams } from "../../src/symmetry/rotation/quadratic-rotation.js";
import { bestAngle } from "../../src/teleport/search/best-angle.js";
import { levelSet } from "../../src/teleport/search/level-set/level-set.js";
import type { SearchFactory } from "../../src/teleport/search/search.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import { every } from "../../src/teleport/when.js";
import { lbfgs } from "../../src/train/line-search/directions.js";
import { createMinimizer } from "../../src/train/minimize/minimize.js";
import { createLineSearchMinimizer } from "../../src/train/minimize/minimize-by-line-search.js";
import { createTrainer } from "../../src/train/trainer.js";

/** Counts the functions that are made of generated code. */
function countingPrograms() {
  const original = globalThis.Function;
  let count = 0;
  const counted = new Proxy(original, {
    construct(target, given) {
      count++;
      return Reflect.construct(target, given);
    },
  });
  vi.stubGlobal("Function", counted);
  return () => count;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

const times = (factor: ReturnType<typeof array>, name = "y", length = 3) =>
  trace(({ x }) => ({ [name]: sum(mul(x, constant(factor))) }), { x: spec([length], "float64") }).graph;
const js = { runtime: "javascript" } as const;
const run = async (graph: ReturnType<typeof times>, options = {}) => {
  const executable = await compile(graph, { ...js, ...options });
  const results = await executable.run({ x: array([1, 2, 3], "float64") });
  await executable.dispose();
  return Object.values(results).map(({ data }) => Number(data[0]));
};

describe("programs in JavaScript", () => {
  it("are compiled once for the same computation, and run after another user's disposal", async () => {
    const count = countingPrograms();
    expect(await run(times(array([4, 5, 7], "float64")))).toEqual([35]);
    expect(count()).toBe(1);
    const again = await compile(times(array([4, 5, 7], "float64")), js);
    expect(await run(times(array([4, 5, 7], "float64")))).toEqual([35]);
    expect(count()).toBe(1);
    expect((await again.run({ x: array([1, 0, 0], "float64") })).y.data[0]).toBe(4);
    await again.dispose();
    await expect(again.run({ x: array([1, 0, 0], "float64") })).rejects.toThrow("disposed");
  });

  it("are others for other constants, signs of zero, names, types and loops", async () => {
    const factor = array([4, 5, 8], "float64");
    const signed = async (zero: number) => {
      const { graph } = trace(({ x }) => ({ y: where(greater(x, 0), constant(zero, "float64"), 1) }), {
        x: spec([], "float64"),
      });
      const executable = await compile(graph, js);
      return Number((await executable.run({ x: 1 })).y.data[0]);
    };
    expect(await run(times(factor))).toEqual([38]);
    // The same memory with another number in it.
    factor.data[2] = 9;
    expect(await run(times(factor))).toEqual([41]);
    expect([await signed(0), await signed(-0)].map((x) => Object.is(x, -0))).toEqual([false, true]);
    const named = await compile(times(factor, "z"), js);
    expect(Object.keys(await named.run({ x: array([1, 2, 3], "float64") }))).toEqual(["z"]);
    const single = await compile(times(factor), { ...js, dtype: "float32" });
    expect((await single.run({ x: array([1, 2, 3]) })).y.data).toBeInstanceOf(Float32Array);
  });

  it("have keys that grow with the number of nested branches, and differ by what is in the innermost", () => {
    const nested = (depth: number, factor: number) => {
      const inner = (x: Tensor, left: number): Tensor =>
        left === 0
          ? mul(factor, x)
          : cond(
              greater(x, left),
              () => inner(x, left - 1),
              () => x,
            );
      return programKey(trace((x) => inner(x, depth), [spec([])]).graph, {}) as string;
    };
    expect(nested(8, 2).length).toBeLessThan(3 * nested(4, 2).length);
    expect(nested(8, 2)).toBe(nested(8, 2));
    expect(nested(8, 2)).not.toBe(nested(8, 3));
  });

  it("leave when many others have come", async () => {
    const count = countingPrograms();
    const graphs = Array.from({ length: 70 }, (_, k) => () => times(array([k, 0.5, 0.25], "float64")));
    for (const graph of graphs) await run(graph());
    const before = count();
    expect(before).toBe(70);
    await run(graphs[69]());
    expect(count()).toBe(before);
    await run(graphs[0]());
    expect(count()).toBe(before + 1);
  });

  const problem = rosenbrock();
  const { loss, start: params } = problem;
  const again: Record<string, (search: SearchFactory<VectorParams>) => Promise<Repeated>> = {
    async teleporter(search) {
      const { teleport, dispose } = await createTeleporter({ search, loss, params, batch: {} });
      return { run: () => teleport(params, {}), dispose };
    },
    minimizer: (search) =>
      createMinimizer(problem, {
        optimizer: gd(),
        learningRate: 1e-3,
        steps: 30,
        teleport: { when: every(10), search },
      }),
    "minimizer by line searches": (search) =>
      createLineSearchMinimizer(problem, {
        directions: lbfgs(),
        steps: 5,
        teleport: { when: every(2), search },
      }),
    async trainer(_) {
      const { images, labels } = digits();
      const trainer = await createTrainer({
        model: mlp({ sizes: [64, 3, 10], activation: "leakyRelu" }),
        data: { inputs: images, labels },
        optimizer: gd(),
        learningRate: 0.1,
        batchSize: 20,
        runtime: "javascript",
        teleport: { when: every(2), symmetry: (p) => positiveScaling(p, { activation: "leakyRelu" }) },
      });
      return { run: () => trainer.run({ steps: 4 }), dispose: () => trainer.dispose() };
    },
  };
  const searches = {
    bestAngle: bestAngle(problem.symmetry()),
    levelSet: levelSet<VectorParams>({ steps: 3 }),
  };

  const used = ["teleporter", "minimizer", "minimizer by line searches"].flatMap((name) =>
    Object.keys(searches).map((search) => [name, search] as const),
  );
  it.each([...used, ["trainer", "scaling"] as const])(
    "of a %s are those of the one before: %s",
    async (name, search) => {
      const count = countingPrograms();
      const counts: number[] = [];
      for (let k = 0; k < 2; k++) {
        const { run: runOf, dispose } = await again[name](searches[search as keyof typeof searches]);
        const made = count();
        await runOf();
        // Nothing is left for the first run to compile.
        expect(count()).toBe(made);
        await runOf();
        await dispose();
        counts.push(count());
      }
      expect(counts[1]).toBe(counts[0]);
    },
  );
});

interface Repeated {
  run(): Promise<unknown>;
  dispose(): Promise<void>;
}
