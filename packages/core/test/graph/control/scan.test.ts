// Loops against the same loops written out, in values, first and second derivatives, and both runtimes.

import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { ndarray, sizeOf } from "../../../src/array.js";
import { backward, grad, jacobian } from "../../../src/graph/autodiff.js";
import { type ScanOptions, scan } from "../../../src/graph/control/scan.js";
import { bodiesOf, type Graph, nodesOf, printGraph } from "../../../src/graph/graph.js";
import { sigmoid } from "../../../src/graph/ops/activation.js";
import { add, cast, mul } from "../../../src/graph/ops/arithmetic.js";
import { sin, square, tanh } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import { peakBytes } from "../../../src/graph/peak-bytes.js";
import { simplify } from "../../../src/graph/simplify.js";
import { apply, type Op, type Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { expectSame } from "./support.js";

const length = 7;
const values = {
  h: uniform(1, [2, 3]),
  w: uniform(2, [3, 3], -0.8, 0.8),
  b: uniform(3, [3]),
  xs: uniform(4, [length, 2, 3]),
};

interface Args {
  readonly h: Tensor;
  readonly w: Tensor;
  readonly b: Tensor;
  readonly xs: Tensor;
}

type Loop = (args: Args) => { readonly last: Tensor; readonly ys: Tensor };

const step = (h: Tensor, x: Tensor, { w, b }: Args) => tanh(add(add(matmul(h, w), x), b));

/** The loop as an operation, with a count of steps that is an integer. */
const looped =
  (options: ScanOptions): Loop =>
  (args) => {
    const [{ h }, ys] = scan(
      ({ h: before, count }: { h: Tensor; count: Tensor }, x: Tensor) => {
        const after = step(before, mul(x, cast(count, x.dtype)), args);
        return [{ h: after, count: add(count, 1) }, mul(after, sin(args.b))];
      },
      { h: args.h, count: constant(1, "int64") },
      args.xs,
      options,
    );
    return { last: h, ys };
  };

/** The same loop written out. */
const writtenOut =
  ({ reverse = false }: ScanOptions): Loop =>
  (args) => {
    let h = args.h;
    const ys: Tensor[] = [];
    for (let k = 0; k < length; k++) {
      const t = reverse ? length - 1 - k : k;
      const x = reshape(slice(args.xs, { starts: [t, 0, 0], ends: [t + 1, 2, 3] }), [2, 3]);
      h = step(h, mul(x, k + 1), args);
      ys[t] = reshape(mul(h, sin(args.b)), [1, 2, 3]);
    }
    return { last: h, ys: concat(ys, { axis: 0 }) };
  };

const asSquares = ({ last, ys }: ReturnType<Loop>) => add(sum(square(last)), sum(sin(ys)));

describe("scan", () => {
  const cases: readonly ScanOptions[] = [
    {},
    { reverse: true },
    { recompute: 3 },
    { recompute: 1 },
    { recompute: 2, reverse: true },
    { recompute: 100 },
  ];
  it.each(sampledRows(cases))(
    "computes what the loop written out computes, in values and derivatives: %j",
    (options) => expectSame(looped(options), writtenOut(options), asSquares, values),
  );

  describe("of a gated cell", () => {
    const width = 32;
    const cell = {
      h: uniform(1, [2, width]),
      w: uniform(2, [2 * width, width], -0.3, 0.3),
      xs: uniform(3, [3, 2, 2 * width]),
    };
    type Cell = { readonly [K in keyof typeof cell]: Tensor };
    const next = (h: Tensor, x: Tensor, w: Tensor) => {
      const gates = add(x, matmul(h, w, { transposeB: true }));
      const [kept, fresh] = [0, 1].map((k) =>
        slice(gates, { starts: [0, k * width], ends: [2, (k + 1) * width] }),
      );
      return mul(sigmoid(kept), tanh(mul(fresh, 2)));
    };
    type Step = (h: Tensor, x: Tensor, w: Tensor) => [Tensor, Tensor];
    const steps: Readonly<Record<string, Step>> = {
      "the cell itself": (h, x, w) => {
        const after = next(h, x, w);
        return [after, after];
      },
      // Two are kept, of which one is stacked anyway; for the others, of which one is carried, there is no room.
      "more products than are kept": (h, x, w) => {
        const kept = matmul(tanh(add(x, matmul(h, w, { transposeB: true }))), w);
        return [matmul(tanh(matmul(sin(kept), w, { transposeB: true })), w), kept];
      },
    };
    const cellLoop =
      (step: Step, options: ScanOptions = {}) =>
      ({ h, w, xs }: Cell) => {
        const [last, ys] = scan((before: Tensor, x: Tensor) => step(before, x, w), h, xs, options);
        return { last, ys };
      };
    const gated = cellLoop(steps["the cell itself"]);
    const writtenOutCell =
      (step: Step, { reverse = false }: ScanOptions) =>
      ({ h, w, xs }: Cell) => {
        let last = h;
        const ys: Tensor[] = [];
        for (let k = 0; k < 3; k++) {
          const t = reverse ? 2 - k : k;
          const x = slice(xs, { starts: [t, 0, 0], ends: [t + 1, 2, 2 * width] });
          const [after, y] = step(last, reshape(x, [2, 2 * width]), w);
          last = after;
          ys[t] = reshape(y, [1, 2, width]);
        }
        return { last, ys: concat(ys, { axis: 0 }) };
      };

    it.each(
      Object.entries(steps).flatMap(([name, step]) =>
        [{}, { reverse: true }, { recompute: 2 }].map((options: ScanOptions) => ({ name, options, step })),
      ),
    )("computes what the loop written out computes, in values and derivatives: $name, $options", (row) =>
      expectSame(cellLoop(row.step, row.options), writtenOutCell(row.step, row.options), asSquares, cell),
    );

    it("computes no product or function again, and the gradient of its weight in one product after the loop", () => {
      const { graph } = trace((args: Cell) => grad((at: Cell) => asSquares(gated(at)))(args), cell);
      const simple = simplify(graph);
      const countIn = (g: Graph, name: string) => nodesOf(g).filter(({ op }) => op.name === name).length;
      const bodies = nodesOf(simple).flatMap(bodiesOf);
      expect(bodies.map((body) => countIn(body, "matmul"))).toEqual([1, 1]);
      expect(bodies.map((body) => countIn(body, "sigmoid") + countIn(body, "tanh"))).toEqual([2, 0]);
      expect(countIn(simple, "matmul")).toBe(1);
      // Nor does it put the gradients of the gates into zeros.
      expect(bodies.map((body) => countIn(body, "place"))).toEqual([0, 0]);
    });
  });

  describe("of results that are carried on", () => {
    const width = 32;
    const cell = {
      h: uniform(1, [2, width]),
      w: uniform(2, [width, width], -0.3, 0.3),
      u: uniform(3, [width, 4 * width], -0.3, 0.3),
      v: uniform(4, [4 * width, width], -0.3, 0.3),
      xs: uniform(5, [3, 2, width]),
    };
    type Cell = { readonly [K in keyof typeof cell]: Tensor };
    type Step = (c: Tensor, x: Tensor, args: Cell) => readonly [Tensor, Tensor | []];
    /** How often the loop computes an operation in a step, and its derivative by `w`. */
    const counts = (name: string, step: Step) => {
      const loss = (args: Cell) => {
        const [last, ys] = scan((c: Tensor, x: Tensor) => step(c, x, args), args.h, args.xs);
        return [last, ys]
          .flat()
          .map((y) => sum(square(y)))
          .reduce(add);
      };
      const { graph } = trace((args: Cell) => grad((w: Tensor) => loss({ ...args, w }))(args.w), cell);
      const bodies = nodesOf(simplify(graph)).flatMap(bodiesOf);
      return bodies.map((body) => nodesOf(body).filter(({ op }) => op.name === name).length);
    };

    it("computes no function again", () => {
      expect(counts("tanh", (c, x, { w }) => [tanh(add(x, matmul(c, w))), []])).toEqual([1, 0]);
    });

    it("computes no product again", () => {
      const step: Step = (c, x, { w }) => {
        const next = matmul(add(c, x), w);
        return [next, sum(square(square(next)))];
      };
      expect(counts("matmul", step)).toEqual([1, 2]);
    });

    it("leaves room that only gradients which nobody asks for would take", () => {
      const step: Step = (c, x, { w, u, v }) => {
        const wide = tanh(matmul(x, u));
        return [tanh(add(matmul(wide, v), matmul(c, w))), []];
      };
      expect(counts("tanh", step)).toEqual([2, 0]);
    });
  });

  it("takes a loop without carried values, and one without sequences", async () => {
    const apart = ({ xs, b }: Args) => ({
      ys: scan((_: never[], x: Tensor) => [[], sin(mul(x, b))], [], xs)[1],
    });
    const whole = ({ xs, b }: Args) => ({ ys: sin(mul(xs, b)) });
    await expectSame(apart, whole, ({ ys }) => sum(square(ys)), values);
    const powers = ({ w, b }: Args) => ({
      last: scan((c: Tensor) => [matmul(c, w), []], reshape(b, [1, 3]), [], { length: 3 })[0],
    });
    const product = ({ w, b }: Args) => ({ last: matmul(matmul(matmul(reshape(b, [1, 3]), w), w), w) });
    await expectSame(powers, product, ({ last }) => sum(square(last)), values);
  });

  it("swaps carried values, and returns those that it got", async () => {
    const swapped = ({ b, h }: Args) => {
      const [last] = scan(([x, y]: readonly Tensor[]) => [[y, x], []], [b, sum(h, { axes: [0] })], [], {
        length: 3,
      });
      return { x: last[0], y: last[1] };
    };
    const once = ({ b, h }: Args) => ({ x: sum(h, { axes: [0] }), y: b });
    await expectSame(swapped, once, ({ x, y }) => sum(mul(square(x), y)), values);
  });

  it("carries what no step changes, of more elements than variables", async () => {
    const kept = ({ xs, h, w }: Args) => {
      const [last, ys] = scan((c: Tensor, x: Tensor) => [mul(w, 2), matmul(x, c)], sin(w), xs);
      return { last, ys, h };
    };
    const apart = ({ xs, h, w }: Args) => {
      const after = matmul(slice(xs, { starts: [1] }), mul(w, 2));
      return { last: mul(w, 2), ys: concat([matmul(slice(xs, { ends: [1] }), sin(w)), after]), h };
    };
    await expectSame(kept, apart, ({ last, ys }) => add(sum(square(last)), sum(sin(ys))), values);
  });

  it("nests: a loop in a loop", async () => {
    const rows = ({ h, xs, w }: Args) => {
      const [total, ys] = scan(
        (sumSoFar: Tensor, x: Tensor) => {
          const [inner] = scan(
            (c: Tensor, row: Tensor) => [tanh(add(c, matmul(reshape(row, [1, 3]), w))), []],
            h,
            x,
          );
          return [add(sumSoFar, inner), inner];
        },
        mul(h, 0),
        xs,
      );
      return { total, ys };
    };
    const writtenOutRows = ({ h, xs, w }: Args) => {
      const ys = Array.from({ length }, (_, t) =>
        [0, 1].reduce((c, r) => {
          const row = reshape(slice(xs, { starts: [t, r, 0], ends: [t + 1, r + 1, 3] }), [1, 3]);
          return tanh(add(c, matmul(row, w)));
        }, h),
      );
      return {
        total: ys.reduce(add),
        ys: concat(
          ys.map((y) => reshape(y, [1, 2, 3])),
          { axis: 0 },
        ),
      };
    };
    await expectSame(rows, writtenOutRows, ({ total, ys }) => add(sum(square(total)), sum(sin(ys))), values);
  });

  it("takes the derivative of a step once, however deep its loops are", () => {
    let count = 0;
    const counted = (x: Tensor): Tensor => {
      const { op, inputs, attrs } = tanh(x);
      const vjp: Op["vjp"] = (...args) => {
        count++;
        return op.vjp?.(...args) ?? [];
      };
      return apply({ ...op, vjp }, inputs, attrs);
    };
    const nest = (x: Tensor, depth: number): Tensor =>
      depth === 0 ? counted(x) : scan((c: Tensor) => [nest(c, depth - 1), []], x, [], { length: 2 })[0];
    trace(({ b }) => grad((x: Tensor) => sum(nest(x, 5)))(b), { b: values.b });
    expect(count).toBe(1);
  });

  it("is differentiated again where several derivatives were taken of it", async () => {
    const rows = (loop: Loop) => (args: Args) => {
      const [, { h, w }] = jacobian((p: Args) => {
        const { last, ys } = loop({ ...args, ...p });
        return [sum(square(last)), sum(sin(ys))];
      })(args);
      return { h, w };
    };
    await expectSame(
      rows(looped({})),
      rows(writtenOut({})),
      ({ h, w }) => add(sum(square(h)), sum(sin(w))),
      values,
    );
  });

  it("stops at once for no steps", () => {
    const none = ndarray(new Float64Array(0), [0, 3]);
    const { graph } = trace(({ b, xs }) => scan((c: Tensor, x: Tensor) => [add(c, x), x], b, xs), {
      b: values.b,
      xs: none,
    });
    const results = compileJavaScript(simplify(graph)).runSync({ b: values.b, xs: none });
    expect(results[0]).toEqual(values.b);
    expect(results[1].shape).toEqual([0, 3]);
  });

  it("computes equal loops once, and only what is used", () => {
    const { graph } = trace(
      ({ at }) => {
        const first = looped({})(at);
        const again = looped({})(at);
        return {
          both: add(first.last, again.last),
          g: grad((args: Args) => sum(looped({})(args).last))(at).w,
        };
      },
      { at: values },
    );
    const scans = nodesOf(simplify(graph)).filter(({ op }) => op.name === "scan");
    expect(scans.map(({ results }) => results?.length)).toEqual([4, 2]);
  });

  it("computes once what does not change, of constants and of captured values", () => {
    const table = constant(uniform(5, [2, 3]));
    const { graph } = trace(({ h, w, xs }: Args) => {
      const step = (c: Tensor, x: Tensor): [Tensor, Tensor[]] => {
        const upper = slice(w, { ends: [2, 3] });
        return [tanh(mul(c, add(x, upper))), [square(table), sin(w)]];
      };
      return scan(step, h, xs);
    }, values);
    const [loop] = nodesOf(simplify(graph)).filter(({ op }) => op.name === "scan");
    const inside = bodiesOf(loop).flatMap(nodesOf);
    expect(new Set(inside.map(({ op }) => op.name))).toEqual(new Set(["input", "add", "mul", "tanh"]));
  });

  it("keeps fewer values for derivatives where it may compute them again", () => {
    const long = spec([100, 2, 3], "float64");
    const kept = (options: ScanOptions): number => {
      const { graph } = trace(
        ({ h, xs }) =>
          grad((h0: Tensor) => sum(scan((c: Tensor, x: Tensor) => [sin(add(c, x)), []], h0, xs, options)[0]))(
            h,
          ),
        { h: values.h, xs: long },
      );
      return largestStack(simplify(graph));
    };
    expect(kept({})).toBe(100 * 6);
    expect(kept({ recompute: 10 })).toBe(10 * 6);
  });

  describe("in memory", () => {
    const [steps, batch, width] = [200, 2, 32];
    /** Bytes of a value of each step that is as large as the state. */
    const stack = 8 * steps * batch * width;
    const types = { h: [batch, width], w: [width, width], v: [width, 4 * width], xs: [steps, batch, width] };
    const specs = Object.fromEntries(Object.entries(types).map(([k, shape]) => [k, spec(shape, "float64")]));
    type Wide = { readonly [K in keyof typeof types]: Tensor };
    const peak = (loss: (args: Wide) => Tensor, by: "w" | "v"): number => {
      const f = ({ at }: { at: Wide }) => grad((p: Tensor) => loss({ ...at, [by]: p }))(at[by]);
      return peakBytes(simplify(trace(f, { at: specs } as never).graph));
    };
    const layer =
      ({ w }: Wide) =>
      (c: Tensor, x: Tensor): [Tensor, Tensor] => {
        const y = tanh(add(x, matmul(c, w)));
        return [y, y];
      };

    it("keeps beside stacked results and their cotangents little where it may compute values again", () => {
      const loss = (args: Wide) => sum(sin(scan(layer(args), args.h, args.xs, { recompute: 10 })[1]));
      expect(peak(loss, "w")).toBeLessThan(2.6 * stack);
    });

    it("keeps states and products for the gradient of a weight, and stacks no gradients that are not asked for", () => {
      const loss = (args: Wide) => sum(square(scan(layer(args), args.h, args.xs)[0]));
      expect(peak(loss, "w")).toBeLessThan(2.4 * stack);
    });

    it("keeps no products that are larger than the states and elements", () => {
      const loss = ({ h, v }: Wide) => {
        const step = (c: Tensor): [Tensor, []] => {
          const parts = [0, 1, 2, 3].map((k) =>
            slice(matmul(c, v), { starts: [0, k * width], ends: [batch, (k + 1) * width] }),
          );
          return [tanh(parts.reduce(mul)), []];
        };
        return sum(square(scan(step, h, [], { length: steps })[0]));
      };
      expect(peak(loss, "v")).toBeLessThan(2 * stack);
    });
  });

  it("matches carried values by their names, whatever their order", async () => {
    const named = ({ b, h }: Args) =>
      scan(
        ({ x, y }: { x: Tensor; y: Tensor }): [{ x: Tensor; y: Tensor }, []] => [
          { y: mul(y, 3), x: sin(x) },
          [],
        ],
        { x: b, y: sum(h, { axes: [0] }) },
        [],
        { length: 3, recompute: 2 },
      )[0];
    const writtenOut = ({ b, h }: Args) => ({ x: sin(sin(sin(b))), y: mul(27, sum(h, { axes: [0] })) });
    await expectSame(named, writtenOut, ({ x, y }) => sum(mul(square(x), y)), values);
  });

  it("says what is wrong", () => {
    const run = (f: (args: Args) => unknown) => () => trace(({ at }) => f(at), { at: values });
    const keep = (c: Tensor, x: Tensor): [Tensor, Tensor] => [c, x];
    expect(run(({ h, xs }) => scan((c: Tensor, x: Tensor) => [sum(add(c, x)), x], h, xs))).toThrow(
      "must keep their types, float64[2, 3]; the step returned float64[]",
    );
    const renamed = (c: { h: Tensor }) => [{ g: c.h }, []] as unknown as [{ h: Tensor }, []];
    expect(run(({ h }) => scan(renamed, { h }, [], { length: 2 }))).toThrow(
      "scan: the carried values that the step returns must have the entries h; got g.",
    );
    const alone = (c: Tensor) => c as unknown as [Tensor, []];
    expect(run(({ h }) => scan(alone, h, [], { length: 2 }))).toThrow(
      /must return a list of the carried values .* got a tensor float64\[2, 3\]. Write \(c, x\) => \[next, y\]/,
    );
    expect(run(({ h, xs }) => scan(keep, h, xs, { length: 3 }))).toThrow("must be equal; got 7, 3");
    expect(run(({ h }) => scan((c: Tensor) => [c, []], h, []))).toThrow("must be equal; got none");
    expect(run(({ h, xs }) => scan(keep, h, xs, { recompute: 0 }))).toThrow(
      "recompute must be an integer >= 1; got 0",
    );
    const { graph } = trace(({ at }) => scan((c: Tensor, x: Tensor) => [add(c, x), []], at.h, at.xs)[0], {
      at: values,
    });
    const { tensor } = simplify(graph).outputs[0];
    expect(() => backward([tensor], [tensor], [graph.inputs[0].tensor])).toThrow(
      "simplify the graph after grad",
    );
  });

  it("is printed with its body", () => {
    const { graph } = trace(({ h, xs }) => scan((c: Tensor, x: Tensor) => [add(c, x), []], h, xs)[0], values);
    expect(printGraph(simplify(graph))).toContain("\n  %2 = add(%0, %1): float64[2, 3]\n  return 0 = %2\n");
  });
});

/** Elements of the largest tensor that a loop stacks, except inside loops. */
function largestStack(graph: Graph): number {
  const stacks = nodesOf(graph).flatMap(({ results = [] }) =>
    results.filter(({ shape }) => shape.length > 2),
  );
  return Math.max(...stacks.map(({ shape }) => sizeOf(shape)));
}
