import { randomCases } from "isoloss-test-support/random-cases";
import { normals, type Subject, subject } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../../src/array.js";
import { scan } from "../../../../src/graph/control/scan.js";
import { nodesOf } from "../../../../src/graph/graph.js";
import { relu } from "../../../../src/graph/ops/activation.js";
import { add, mul } from "../../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../../src/graph/ops/conv.js";
import { square } from "../../../../src/graph/ops/elementary.js";
import { fill } from "../../../../src/graph/ops/leaf.js";
import { matmul } from "../../../../src/graph/ops/matmul.js";
import { avgPool2d } from "../../../../src/graph/ops/pool.js";
import { sum } from "../../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { createRng } from "../../../../src/math/rng.js";
import { compileJavaScript } from "../../../../src/runtime/javascript/executable.js";
import { cutsOf, type Part } from "../../../../src/symmetry/discovery/descriptors.js";
import { separateParts } from "../../../../src/symmetry/discovery/graph/parts.js";
import { separateChannels, splitJoins } from "../../../../src/symmetry/discovery/graph/prepare.js";
import { namedArrays } from "../../../../src/tree.js";
import { randomNetwork } from "../random-network.js";

/** The elements of a part of an array. */
function cut({ shape, data }: NdArray, { axis, start, count, period = count, times = 1 }: Part): NdArray {
  const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const isIn = (i: number) => {
    const at = (Math.floor(i / stride) % shape[axis]) - start;
    return at >= 0 && at < period * times && at % period < count;
  };
  return {
    shape: shape.map((n, d) => (d === axis ? count * times : n)),
    data: (data as Float64Array).filter((_, i) => isIn(i)),
  };
}

/** The parts of a subject's parameters, and its loss computed from these. */
function separated({ graph, values, data }: Subject): { parts: string[]; loss: number } {
  const refs = graph.inputs
    .filter(({ name }) => name in values)
    .map(({ name, tensor }) => ({ path: name, tensor }));
  const { graph: moved, parameters } = separateParts(splitJoins(separateChannels(graph)), refs);
  const read = new Set(nodesOf(moved));
  const pieces = parameters
    .filter(({ tensor }) => read.has(tensor))
    .map(({ path, tensor, part }, k) => ({
      port: { name: `part ${k}`, tensor },
      value: cutsOf(part).reduce(cut, values[path]),
      text: [
        path,
        ...cutsOf(part).map(
          ({ axis, start, count, period, times }) =>
            `${axis}: ${start}+${count}${times === undefined ? "" : ` ${times} times every ${period}`}`,
        ),
      ].join(" "),
    }));
  const others = graph.inputs.filter(({ name }) => !(name in values));
  const run = compileJavaScript({
    inputs: [...others, ...pieces.map(({ port }) => port)],
    outputs: moved.outputs,
  });
  const inputs = Object.fromEntries(pieces.map(({ port, value }) => [port.name, value]));
  const { result } = run.runSync({ ...namedArrays({ d: data }), ...inputs });
  return { parts: pieces.map(({ text }) => text), loss: Number(result.data[0]) };
}

describe("Parameters in parts", () => {
  const rng = createRng(4);
  const data = { x: normals(rng, [5, 3]) };
  const parts = (loss: (p: Record<string, Tensor>, x: Tensor) => Tensor): string[] => {
    const s = subject((p, d) => loss(p, d.x), { w: normals(rng, [6, 3]), v: normals(rng, [6, 2]) }, data);
    const result = separated(s);
    expect(result.loss).toBeCloseTo(s.evaluate(s.values), 10);
    return result.parts;
  };
  const halves = (h: Tensor) => [0, 3].map((k) => slice(h, { starts: [0, k], ends: [h.shape[0], k + 3] }));

  it("are those of a product whose result is only read in pieces", () => {
    const wide = (p: Record<string, Tensor>, x: Tensor) => matmul(x, p.w, { transposeB: true });
    expect(parts((p, x) => sum(halves(wide(p, x)).reduce(mul)))).toEqual(["p.w 0: 0+3", "p.w 0: 3+3"]);
    // Through a reshape into [2, 3], as attention splits queries from keys.
    const split = (h: Tensor) => transpose(reshape(h, [5, 2, 3]), [1, 0, 2]);
    const row = (h: Tensor, k: number) => slice(h, { starts: [k], ends: [k + 1] });
    expect(parts((p, x) => sum(mul(row(split(wide(p, x)), 0), relu(row(split(wide(p, x)), 1)))))).toEqual([
      "p.w 0: 0+3",
      "p.w 0: 3+3",
    ]);
  });

  it("are pieces of pieces where joined values meet weights whose results are read in pieces", () => {
    const columns = (x: Tensor, from: number, to: number) => slice(x, { starts: [0, from], ends: [5, to] });
    const gates = (w: Tensor, x: Tensor) => {
      const joined = concat([columns(x, 0, 1), relu(columns(x, 1, 3))], { axis: 1 });
      return halves(matmul(joined, w, { transposeB: true }));
    };
    expect(parts((p, x) => sum(gates(p.w, x).reduce(mul)))).toEqual([
      ...["p.w 0: 0+3 1: 0+1", "p.w 0: 0+3 1: 1+2"],
      ...["p.w 0: 3+3 1: 0+1", "p.w 0: 3+3 1: 1+2"],
    ]);
  });

  it("are those of a product that a loop reads in pieces", () => {
    const found = parts(({ w }, x) => {
      const [h, factor] = halves(matmul(x, w, { transposeB: true })).map(relu);
      return sum(scan((c: Tensor): [Tensor, Tensor[]] => [mul(c, factor), []], h, [], { length: 2 })[0]);
    });
    expect(found).toEqual(["p.w 0: 0+3", "p.w 0: 3+3"]);
  });

  it("are those of a factor of what is joined", () => {
    const joined = (p: Record<string, Tensor>, x: Tensor) =>
      sum(mul(matmul(relu(concat([x, mul(x, x)], { axis: 1 })), p.v), 2));
    expect(parts(joined)).toEqual(["p.v 0: 0+3", "p.v 0: 3+3"]);
  });

  it("are those of images that are joined, through filters of single channels and average poolings", () => {
    const joined = (x: Tensor) => {
      const image = reshape(x, [5, 3, 1, 1]);
      return avgPool2d(concat([image, relu(image)], { axis: 1 }), {
        kernel: 3,
        padding: 1,
        countPadding: false,
      });
    };
    const mixing = (p: Record<string, Tensor>, x: Tensor) =>
      sum(square(conv2d(joined(x), reshape(transpose(p.v), [2, 6, 1, 1]))));
    expect(parts(mixing)).toEqual(["p.v 0: 0+3", "p.v 0: 3+3"]);
    const filtering = (p: Record<string, Tensor>, x: Tensor) => {
      const filtered = conv2d(joined(x), reshape(p.w, [18, 1, 1, 1]), { groups: 6 });
      return sum(square(conv2d(filtered, fill([2, 18, 1, 1], 1, x.dtype))));
    };
    expect(parts(filtering)).toEqual(["p.w 0: 0+3", "p.w 0: 3+3"]);
  });

  it("are none where the whole is read, too, or a part of it alone, or pieces overlap", () => {
    const wide = (p: Record<string, Tensor>, x: Tensor) => matmul(x, p.w, { transposeB: true });
    expect(parts((p, x) => add(sum(halves(wide(p, x))[0]), sum(mul(wide(p, x), wide(p, x)))))).toEqual([
      "p.w",
    ]);
    // As of positions up to the length of a sequence, which is another one for other inputs.
    expect(parts((p, x) => sum(relu(halves(wide(p, x))[0])))).toEqual(["p.w"]);
    const overlapping = (h: Tensor) => [0, 2].map((k) => slice(h, { starts: [0, k], ends: [5, k + 4] }));
    expect(parts((p, x) => sum(overlapping(wide(p, x)).reduce(mul)))).toEqual(["p.w"]);
  });

  it("give the loss of the whole in random networks", () => {
    let taken = 0;
    for (let seed = 0; seed < randomCases(120); seed++) {
      const network = randomNetwork(seed);
      const { parts, loss } = separated(network);
      if (parts.some((text) => text.includes(":"))) taken++;
      const before = network.evaluate(network.values);
      expect(Math.abs(loss - before) / Math.abs(before), `network ${seed}`).toBeLessThan(1e-10);
    }
    expect(taken).toBeGreaterThan(randomCases(120) / 12);
  });
});
