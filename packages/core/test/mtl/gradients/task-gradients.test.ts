import { describe, expect, it } from "vitest";
import { array, type NdArray, ndarray } from "../../../src/array.js";
import { greater } from "../../../src/graph/ops/compare.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { taskGradients } from "../../../src/mtl/gradients/task-gradients.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { linear } from "../../../src/nn/linear.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { flat, type NetParams, nudged, randomArray, randomNet, trunk } from "./networks.js";

/** J J' by a plain loop. */
function gramianOf({ shape: [K, P], data }: NdArray): number[] {
  return Array.from({ length: K * K }, (_, i) => {
    let sum = 0;
    for (let p = 0; p < P; p++) {
      sum += Number(data[Math.floor(i / K) * P + p]) * Number(data[(i % K) * P + p]);
    }
    return sum;
  });
}

const expectClose = (got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number) => {
  const largest = Math.max(...Array.from(want, Math.abs));
  expect(got.length).toBe(want.length);
  const error = Math.max(...Array.from(want, (x, i) => Math.abs(got[i] - x)));
  expect(error / largest).toBeLessThan(tolerance);
};

describe("measuring gradients", () => {
  it("gives the Jacobian that difference quotients give, tasks as rows and shared leaves in order", async () => {
    const { params, batch, losses } = randomNet();
    const gradients = taskGradients({ losses, params, batch, keep: true });
    const { jacobian, heads } = await gradients.measure(params, batch);
    const h = 1e-5;
    const slope = async (leaf: number, at: number) => {
      const up = (await gradients.forward(nudged(params, leaf, at, h), batch)).losses;
      const down = (await gradients.forward(nudged(params, leaf, at, -h), batch)).losses;
      return up.map((x, k) => (x - down[k]) / (2 * h));
    };
    // Leaves: two layers of weight and bias, then heads.
    const columns: Float64Array[] = [];
    for (const [leaf, size] of [15, 5, 20, 4].entries()) {
      for (let at = 0; at < size; at++) columns.push(await slope(leaf, at));
    }
    const want = [0, 1, 2].flatMap((k) => columns.map((column) => column[k]));
    expect(jacobian?.shape).toEqual([3, 44]);
    expectClose(Array.from(jacobian?.data ?? [], Number), want, 1e-8);
    const ofSecondHead = await slope(6, 3);
    expect(Number(heads?.[2].data[3])).toBeCloseTo(ofSecondHead[1], 8);
    expect(ofSecondHead[0]).toBe(0);
  });

  it("leaves out those of frozen parameters", async () => {
    const { params, batch, losses } = randomNet();
    const isFrozen = (path: string) => path.startsWith("shared.0.") || path === "heads.task1.bias";
    const all = await taskGradients({ losses, params, batch, keep: true }).measure(params, batch);
    const some = await taskGradients({ losses, params, batch, isFrozen, keep: true }).measure(params, batch);
    // The first layer has 20 of the 44 shared parameters.
    const want = flat(all.jacobian).map((x, i) => (i % 44 < 20 ? 0 : x));
    expectClose(flat(some.jacobian), want, 1e-15);
    expectClose(some.gramian.data, gramianOf({ shape: [3, 44], data: Float64Array.from(want) }), 1e-14);
    expect(some.heads?.map((head) => flat(head).some((x) => x !== 0))).toEqual([
      ...[true, true, true, false, true, true],
    ]);
  });

  it.each([
    ["javascript", "float64", 1e-14],
    ["onnx", "float64", 1e-14],
    ["onnx", "float32", 2e-6],
    ["javascript", "float32", 2e-6],
  ] as const)(
    "makes G = J J' on %s in %s, whatever the groups of leaves",
    async (runtime, dtype, tolerance) => {
      for (const [seed, tasks] of [1, 2, 3, 9, 20].entries()) {
        const { params, batch, losses } = randomNet({ seed, tasks, sizes: [3, 7, 5, 4], dtype });
        const kept = taskGradients({ losses, params, batch, keep: true, runtime });
        const { jacobian, gramian } = await kept.measure(params, batch);
        const want = gramianOf(jacobian as NdArray);
        expectClose(gramian.data, want, tolerance);
        for (const groupLimit of [1, 30 * tasks]) {
          const byLayers = taskGradients({ losses, params, batch, groupLimit, runtime });
          const found = await byLayers.measure(params, batch);
          expectClose(found.gramian.data, want, tolerance);
          expect(found.jacobian).toBeUndefined();
          await byLayers.dispose();
        }
        await kept.dispose();
      }
    },
  );

  it("measures the same losses with and without gradients", async () => {
    const { params, batch, losses } = randomNet();
    const gradients = taskGradients({ losses, params, batch });
    expectClose(
      (await gradients.measure(params, batch)).losses,
      (await gradients.forward(params, batch)).losses,
      1e-15,
    );
  });

  it("takes gradients in the representation that is named", async () => {
    const { params, batch, losses } = randomNet();
    const representation = ({ shared }: never, { x }: never) => trunk(shared, x);
    const gradients = taskGradients({
      losses,
      params,
      batch,
      representation: representation as never,
      keep: true,
    });
    const { jacobian, gramian } = await gradients.measure(params, batch);
    // dL_k/dz = 2 (z W' + b - y) W / (number of outputs), by a plain loop.
    const { executable, z } = await representationOf(params, batch.x);
    const want = gradients.tasks.flatMap((name) => {
      const { weight, bias } = params.heads[name];
      const out: number[] = [];
      for (let n = 0; n < 6; n++) {
        const residual = [0, 1].map((o) => {
          let y = Number(bias?.data[o]) - Number(batch[name].data[2 * n + o]);
          for (let i = 0; i < 4; i++) y += Number(weight.data[4 * o + i]) * z[4 * n + i];
          return y;
        });
        for (let i = 0; i < 4; i++) {
          out.push(
            (2 / 12) * (residual[0] * Number(weight.data[i]) + residual[1] * Number(weight.data[4 + i])),
          );
        }
      }
      return out;
    });
    expect(gradients.width).toBe(24);
    expectClose(Array.from(jacobian?.data ?? [], Number), want, 1e-13);
    expectClose(gramian.data, gramianOf(jacobian as NdArray), 1e-14);
    await executable.dispose();
  });

  it("takes gradients in several tensors as in one that holds their numbers", async () => {
    const { params, batch, losses } = randomNet();
    const columns = (z: Tensor, from: number, to: number) =>
      slice(z, { starts: [0, from], ends: [z.shape[0] as number, to] });
    const parts = ({ shared }: never, { x }: never) => {
      const z = trunk(shared, x);
      return [columns(z, 0, 1), columns(z, 1, 4)];
    };
    const joined: typeof losses = (p, b, context) =>
      losses(p, b, { ...context, representation: concat(context.representations ?? [], { axis: 1 }) });
    const whole = ({ shared }: never, { x }: never) => trunk(shared, x);
    const measure = (l: typeof losses, representation: unknown) =>
      taskGradients({ losses: l, params, batch, representation: representation as never, keep: true });
    const [several, one] = [measure(joined, parts), measure(losses, whole)];
    expect(several.width).toBe(24);
    const [got, want] = [await several.measure(params, batch), await one.measure(params, batch)];
    expectClose(got.gramian.data, want.gramian.data, 1e-14);
    // A row of J has the six numbers of the first tensor, then those of the second.
    const row = Array.from(want.jacobian?.data.slice(0, 24) ?? [], Number);
    const first = row.filter((_, i) => i % 4 === 0);
    const rest = row.filter((_, i) => i % 4 > 0);
    expectClose(Array.from(got.jacobian?.data.slice(0, 24) ?? [], Number), [...first, ...rest], 1e-14);
  });
});

async function representationOf(params: NetParams, x: NdArray) {
  const { jit } = await import("../../../src/runtime/jit.js");
  const f = await jit((p: never, input: never) => trunk((p as NetParams).shared as never, input), [
    params,
    x,
  ] as never);
  const result = (await (f as unknown as (p: unknown, x: unknown) => Promise<NdArray>)(params, x)).data;
  return { executable: f, z: Float64Array.from(result as Float64Array) };
}

describe("missing labels", () => {
  const params = { shared: { weight: randomArray([2, 3], 1) }, heads: {} };
  type P = typeof params;
  const x = randomArray([4, 3], 2);
  const labels = ndarray(BigInt64Array.of(0n, 1n, 1n, 0n), [4]);
  const targets = randomArray([4, 2], 3);
  const losses: TaskLosses<P> = ({ shared }, batch) => {
    const y = linear(batch.x, shared);
    return [
      crossEntropy(y, batch.labels, { ignoreIndex: -100 }),
      mseLoss(y, batch.targets, { mask: greater(batch.known, 0) }),
    ];
  };
  const tasks = ["classes", "values"];

  it("are as if the examples were not there", async () => {
    const known = array([[1], [0], [1], [1]], "float64");
    const some = ndarray(BigInt64Array.of(0n, -100n, 1n, -100n), [4]);
    const batch = { x, labels: some, targets, known };
    const masked = taskGradients({ losses, params, batch, tasks, keep: true });
    const { losses: values, jacobian } = await masked.measure(params, batch);
    const rows = (a: NdArray, keep: number[]) => {
      const width = a.data.length / 4;
      const data = keep.flatMap((i) => Array.from(a.data.slice(width * i, width * (i + 1)) as Float64Array));
      return {
        shape: [keep.length, ...a.shape.slice(1)],
        data: Reflect.construct(a.data.constructor, [data]),
      } as NdArray;
    };
    for (const [task, present] of [
      [0, 2],
      [0, 2, 3],
    ].entries()) {
      const few = Object.fromEntries(
        Object.entries({ ...batch, labels }).map(([k, a]) => [k, rows(a, present)]),
      );
      const gradients = taskGradients({ losses, params, batch: few, tasks, keep: true });
      const alone = await gradients.measure(params, {
        ...few,
        known: array(
          present.map(() => [1]),
          "float64",
        ),
      });
      expect(values[task]).toBeCloseTo(alone.losses[task], 14);
      const row = (j: NdArray | undefined) => Array.from(j?.data.slice(6 * task, 6 * task + 6) ?? [], Number);
      expectClose(row(jacobian), row(alone.jacobian), 1e-14);
    }
  });

  it("give loss and gradient 0 to a task without any label in the batch", async () => {
    const known = array([[0], [0], [0], [0]], "float64");
    const batch = { x, labels: ndarray(new BigInt64Array(4).fill(-100n), [4]), targets, known };
    const gradients = taskGradients({ losses, params, batch, tasks, keep: true });
    const { losses: values, gramian, jacobian } = await gradients.measure(params, batch);
    expect(Array.from(values, Math.abs)).toEqual([0, 0]);
    expect(Array.from((jacobian?.data ?? []) as ArrayLike<number>, Math.abs)).toEqual(new Array(12).fill(0));
    expect(Array.from(gramian.data, Math.abs)).toEqual([0, 0, 0, 0]);
  });
});

describe("misuse", () => {
  const { params, batch, losses, tasks } = randomNet();

  it("is a loss that is no scalar, or not one a task", () => {
    expect(() => taskGradients({ losses: (_, { x }) => [x], params, batch })).toThrow(
      "The loss of task 0 must be one number (a float tensor of size 1); got float64[6, 3].",
    );
    expect(() => taskGradients({ losses, params, batch, tasks: tasks.slice(1) })).toThrow(
      "one loss for each of the 2 tasks task1, task2; got 3",
    );
    expect(() => taskGradients({ losses: () => [], params, batch })).toThrow("at least one; got none");
  });

  it("is parameters of unknown tasks, none that are shared, or of two precisions", () => {
    const named = { losses, params, batch, tasks: ["a", "b", "c"] };
    expect(() => taskGradients(named)).toThrow(
      '"heads.task0.weight" belong to task "task0", which is not one of a, b, c',
    );
    const taskOf = () => "task0";
    expect(() => taskGradients({ losses, params, batch, tasks, taskOf })).toThrow("must share parameters");
    const mixed = {
      ...params,
      shared: [...params.shared.slice(1), ...randomNet({ dtype: "float32" }).params.shared],
    };
    expect(() => taskGradients({ losses, params: mixed, batch })).toThrow(
      "must all be float32 or all float64",
    );
  });
});

it("tells heads by a predicate where the tree is another", async () => {
  const { params, batch, losses } = randomNet({ tasks: 2 });
  const taskOf = (path: string) => (path.startsWith("heads.task1") ? "second" : undefined);
  const gradients = taskGradients({ losses, params, batch, tasks: ["first", "second"], taskOf, keep: true });
  const { jacobian, heads } = await gradients.measure(params, batch);
  expect(jacobian?.shape).toEqual([2, 44 + 10]);
  expect(heads?.length).toBe(2);
  expect(flat(params).length).toBe(44 + 20);
});
