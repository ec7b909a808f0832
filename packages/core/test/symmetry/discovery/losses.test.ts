import {
  describeFound,
  expectKept,
  listing,
  normals,
  subject,
} from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { array, type NdArray, ndarray } from "../../../src/array.js";
import { leakyRelu, relu } from "../../../src/graph/ops/activation.js";
import { add, cast, div, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { abs, cos, exp, sin, sqrt, square, tanh } from "../../../src/graph/ops/elementary.js";
import { gather } from "../../../src/graph/ops/gather.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { mean, sum } from "../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import { analyze } from "../../../src/symmetry/discovery/discovery.js";

const rng = createRng(5);
const normal = (...shape: number[]): NdArray => normals(rng, shape);

/** What is found in a loss of one parameter or more, each line checked on numbers. */
function found(
  loss: (p: Record<string, Tensor>, d: Record<string, Tensor>) => Tensor,
  params: Record<string, NdArray>,
  data: Record<string, NdArray> = {},
): string[] {
  const s = subject(loss, params, data);
  expectKept(s);
  return listing(s.found);
}

describe("What is found in a factorization of a matrix", () => {
  const params = { u: normal(4, 2), v: normal(3, 2) };
  const loss = (p: Record<string, Tensor>, d: Record<string, Tensor>) =>
    sum(square(sub(d.x, matmul(p.u, p.v, { transposeB: true }))));

  it("is the linear group of its inner space, and what that holds", () => {
    expect(found(loss, params, { x: normal(4, 3) })).toEqual([
      "scaling 2: p.u[4,2]@1^1 p.v[3,2]@1^-1",
      "sign 2: p.u[4,2]@1 p.v[3,2]@1",
      "permutation 2: p.u[4,2]@1 p.v[3,2]@1",
      "linear 2: p.u[4,2]@1+ p.v[3,2]@1-",
    ]);
  });

  it("is no linear group and no scaling with a penalty on the factors", () => {
    const penalized = (p: Record<string, Tensor>, d: Record<string, Tensor>) =>
      add(loss(p, d), add(sum(square(p.u)), sum(square(p.v))));
    expect(found(penalized, params, { x: normal(4, 3) })).toEqual([
      "sign 2: p.u[4,2]@1 p.v[3,2]@1",
      "permutation 2: p.u[4,2]@1 p.v[3,2]@1",
    ]);
  });

  it("is no linear group where both factors are one parameter: g would have to be its own inverse transposed", () => {
    const tied = (p: Record<string, Tensor>, d: Record<string, Tensor>) =>
      sum(square(sub(d.x, matmul(p.u, p.u, { transposeB: true }))));
    expect(found(tied, { u: normal(4, 2) }, { x: normal(4, 4) })).toEqual([
      "sign 2: p.u[4,2]@1",
      "permutation 2: p.u[4,2]@1",
    ]);
  });
});

describe("What is found in a product of parameters", () => {
  it("is a scaling of each element against the other factor, although data tell the elements apart", () => {
    const loss = (p: Record<string, Tensor>, d: Record<string, Tensor>) =>
      sum(square(sub(d.y, matmul(d.x, reshape(mul(p.u, p.v), [3, 1])))));
    expect(found(loss, { u: normal(3), v: normal(3) }, { x: normal(5, 3), y: normal(5, 1) })).toEqual([
      "scaling 3: p.u[3]@0^1 p.v[3]@0^-1",
      "sign 3: p.u[3]@0 p.v[3]@0",
    ]);
  });

  it("has powers", () => {
    const loss = (p: Record<string, Tensor>) => exp(mul(mul(square(p.a), p.b), sqrt(abs(p.c))));
    const one = () => ndarray(new Float64Array([1.3]), [1]);
    const lines = found((p) => sum(loss(p)), { a: one(), b: one(), c: one() });
    // a^2 b sqrt(c): a pays with b^-2, c with b^-1/2 or (smaller integers) c^2 with b^-1.
    expect(lines.filter((line) => line.startsWith("scaling"))).toEqual([
      "scaling 1: p.a[1,1]@0^1 p.b[1,1]@0^-2",
      "scaling 1: p.a[1,1]@0^1 p.c[1,1]@0^-4",
    ]);
    // a is squared; b is not; c has no sign.
    expect(lines.filter((line) => line.startsWith("sign"))).toEqual([
      "sign 1: p.a[1,1]@0",
      "sign 1: p.c[1,1]@0",
    ]);
  });

  it("is a scaling of a direction that is normalized, exactly without and inexactly with a small constant", () => {
    const loss = (epsilon: number) => (p: Record<string, Tensor>, d: Record<string, Tensor>) => {
      const norm = sqrt(add(sum(square(p.v)), epsilon));
      return sum(square(sub(matmul(d.x, reshape(div(p.v, norm), [3, 1])), 1)));
    };
    const data = { x: normal(4, 3) };
    const scalings = (epsilon: number) => {
      const s = subject(loss(epsilon), { v: normal(3) }, data);
      expectKept(s);
      return s.found.scalings.map(describeFound);
    };
    expect(scalings(0)).toEqual(["scaling 1: p.v[1,3]@0^1"]);
    expect(scalings(1e-5)).toEqual(["scaling 1 inexact: p.v[1,3]@0^1"]);
    expect(scalings(0.1)).toEqual([]);
  });
});

describe("What is found for a parameter that is used twice", () => {
  it("keeps both uses", () => {
    // w goes in and out of the hidden layer: its unit axes must cancel by themselves.
    const tied = (p: Record<string, Tensor>, d: Record<string, Tensor>) =>
      sum(square(sub(d.x, matmul(relu(matmul(d.x, p.w)), p.w, { transposeB: true }))));
    expect(found(tied, { w: normal(3, 4) }, { x: normal(5, 3) })).toEqual(["permutation 4: p.w[3,4]@1"]);
  });

  it("ties the scalings of layers that share weights", () => {
    const shared = (p: Record<string, Tensor>, d: Record<string, Tensor>) => {
      const first = relu(matmul(d.x, p.w));
      const second = relu(matmul(d.z, p.w));
      return sum(square(sub(matmul(first, p.v), matmul(second, p.u))));
    };
    const data = { x: normal(5, 3), z: normal(5, 3) };
    expect(found(shared, { w: normal(3, 4), v: normal(4, 2), u: normal(4, 2) }, data)[0]).toBe(
      "scaling 4: p.w[3,4]@1^1 p.v[4,2]@0^-1 p.u[4,2]@0^-1",
    );
  });

  it("is nothing for a recurrent weight but what conjugates it", () => {
    const recurrent = (p: Record<string, Tensor>, d: Record<string, Tensor>) => {
      let h = relu(matmul(d.x, p.in));
      for (let k = 0; k < 3; k++) h = relu(matmul(h, p.w));
      return sum(square(matmul(h, p.out)));
    };
    const params = { in: normal(3, 4), w: normal(4, 4), out: normal(4, 2) };
    expect(found(recurrent, params, { x: normal(5, 3) })).toContain(
      "scaling 4: p.in[3,4]@1^1 p.w[4,4]@0^-1 p.w[4,4]@1^1 p.out[4,2]@0^-1",
    );
  });
});

describe("What breaks symmetries", () => {
  const params = { w: normal(3, 4), v: normal(4, 2) };
  const data = { x: normal(5, 3) };
  const kinds = (hidden: (h: Tensor) => Tensor) =>
    found((p, d) => sum(square(matmul(hidden(matmul(d.x, p.w)), p.v))), params, data)
      .filter((line) => line.includes("p.w"))
      .map((line) => line.split(" ")[0]);

  const turned = (h: Tensor) => gather(h, constant(array([1, 2, 3, 0], "int64")), { axis: 1 });

  it.each<[string, (h: Tensor) => Tensor, string[]]>([
    ["nothing", (h) => h, ["scaling", "sign", "permutation", "linear"]],
    ["relu: flips", (h) => relu(h), ["scaling", "permutation"]],
    ["leakyRelu: flips", (h) => leakyRelu(h, 0.2), ["scaling", "permutation"]],
    ["abs: the units' linear group", (h) => abs(h), ["scaling", "sign", "permutation"]],
    ["tanh: scalings", (h) => tanh(h), ["sign", "permutation"]],
    ["sine: scalings", (h) => sin(h), ["sign", "permutation"]],
    ["cosine: scalings", (h) => cos(h), ["sign", "permutation"]],
    ["exp: all but permutations", (h) => exp(h), ["permutation"]],
    ["a constant offset: all but permutations", (h) => relu(add(h, 0.5)), ["permutation"]],
    [
      "a constant offset a unit: everything",
      (h) => relu(add(h, constant(array([1, 2, 3, 4], "float64")))),
      [],
    ],
    [
      "a factor a unit: permutations",
      (h) => relu(mul(h, constant(array([1, 2, 3, 4], "float64")))),
      ["scaling"],
    ],
    [
      "a mean over the units: all but permutations",
      (h) => relu(sub(h, mean(h, { axes: 1, keepDims: true }))),
      ["permutation", "scaling"],
    ],
    ["a running change of places: all but a scaling and a flip of the whole", turned, ["scaling", "sign"]],
    ["a transpose and back: nothing", (h) => transpose(relu(transpose(h))), ["scaling", "permutation"]],
  ])("%s", (_, hidden, expected) => {
    expect(kinds(hidden).sort()).toEqual([...expected].sort());
  });
});

describe("Analysis", () => {
  it("takes an input that is not named for data", () => {
    const { graph } = trace(({ w, v }: { w: Tensor; v: Tensor }) => sum(matmul(w, v)), {
      w: normal(3, 4),
      v: normal(4, 2),
    });
    expect(analyze(graph, ["w", "v"]).linear).toHaveLength(1);
    expect(listing(analyze(graph, ["w"]))).toEqual(["permutation 3: w[3,4]@0"]);
  });

  it("takes an input that is no float for data", () => {
    const { graph } = trace(
      ({ w, mask }: { w: Tensor; mask: Tensor }) => sum(mul(w, cast(mask, "float64"))),
      { w: normal(3), mask: ndarray(new Uint8Array([1, 0, 1]), [3]) },
    );
    expect(listing(analyze(graph, ["w", "mask"]))).toEqual([]);
  });

  it("refuses a parameter that is no input, with the inputs' names", () => {
    const { graph } = trace(({ w }: { w: Tensor }) => sum(w), { w: normal(3) });
    expect(() => analyze(graph, ["weight"])).toThrow("w; got weight");
  });

  it("is the same every time", () => {
    const loss = () =>
      subject((p, d) => sum(relu(matmul(d.x, p.w))), { w: normal(3, 4) }, { x: normal(5, 3) });
    expect(listing(loss().found)).toEqual(listing(loss().found));
  });
});

describe("What is found where units are cut and joined", () => {
  it("is that of each piece", () => {
    const cut = (h: Tensor) =>
      concat([slice(h, { starts: [0, 1] }), slice(h, { ends: [5, 1] })], { axis: 1 });
    const loss = (p: Record<string, Tensor>, d: Record<string, Tensor>) =>
      sum(square(matmul(relu(cut(matmul(d.x, p.w))), p.v)));
    const lines = found(loss, { w: normal(3, 4), v: normal(4, 2) }, { x: normal(5, 3) });
    expect(lines.filter((line) => line.startsWith("scaling"))).toEqual([
      "scaling 3: p.w<1:1+3>[3,3]@1^1 p.v<0:0+3>[3,2]@0^-1",
      "scaling 1: p.w<1:0+1>[1,3,1]@0^1 p.v<0:3+1>[1,1,2]@0^-1",
    ]);
  });
});
