import { normals, subject } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { elu, leakyRelu, relu } from "../../../src/graph/ops/activation.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { createRng } from "../../../src/math/rng.js";
import type { Activation } from "../../../src/nn/activation.js";
import { linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import type { BijectionSite } from "../../../src/symmetry/discovery/descriptors.js";
import { analyze } from "../../../src/symmetry/discovery/discovery.js";
import { namedArrays } from "../../../src/tree.js";

const rng = createRng(2);
const params = { w: normals(rng, [4, 3]), b: normals(rng, [4]), v: normals(rng, [2, 4]) };
const data = { x: normals(rng, [5, 3]) };
type P = Record<"w" | "b" | "v", Tensor>;

const sites = (loss: (p: P, x: Tensor) => Tensor): readonly BijectionSite[] =>
  subject((p, d) => loss(p as P, d.x), params, data).found.bijections;

const layered = (activate: (z: Tensor) => Tensor) => (p: P, x: Tensor) =>
  sum(square(linear(activate(linear(x, { weight: p.w, bias: p.b })), { weight: p.v })));

describe("Sites of the hidden action", () => {
  it.each<[Activation, object]>([
    ["leakyRelu", { slope: 0.2 }],
    ["elu", {}],
    ["tanh", {}],
    ["sigmoid", {}],
    ["softplus", {}],
  ])("are the hidden layers of a perceptron with %s", (activation, attributes) => {
    const model = mlp({ sizes: [3, 4, 5, 2], activation, slope: 0.2 });
    const { params } = model.init(torchGenerator(0));
    const [x, y] = [normals(rng, [6, 3]), normals(rng, [6, 2])].map(({ shape, data }) => ({
      shape,
      data: Float32Array.from(data as Float64Array),
    }));
    const { graph } = trace((given) => mseLoss(model.apply(given.p, given.x).output, given.y), {
      p: params,
      x,
      y,
    });
    const { bijections } = analyze(graph, Object.keys(namedArrays({ p: params })));
    const layer = (m: number) => `p.layers.${m}`;
    expect(bijections.map(({ input: _h, preActivation: _z, output: _s, ...described }) => described)).toEqual(
      [0, 1].map((m) => ({
        kind: "bijection",
        activation,
        attributes,
        size: [4, 5][m],
        weight: { path: `${layer(m)}.weight`, out: 0, in: 1 },
        bias: `${layer(m)}.bias`,
        next: { path: `${layer(m + 1)}.weight`, out: 0, in: 1 },
        unitAxis: 1,
      })),
    );
  });

  it.each(["relu", "relu6", "gelu", "silu", "identity"] as const)("are none with %s", (activation) => {
    const model = mlp({ sizes: [3, 4, 5, 2], activation });
    const { params } = model.init(torchGenerator(0), { dtype: "float64" });
    const { found } = subject((p, d) => sum(model.apply(p, d.x).output), params, data);
    expect(found.bijections).toEqual([]);
  });

  it("are where samples are columns, too", () => {
    const [columns] = sites((p, x) =>
      sum(square(matmul(p.v, tanh(add(matmul(p.w, transpose(x)), reshape(p.b, [4, 1])))))),
    );
    expect(columns).toMatchObject({
      unitAxis: 0,
      weight: { path: "p.w", out: 0, in: 1 },
      bias: "p.b",
      next: { path: "p.v", out: 0, in: 1 },
    });
  });

  it("give H, Z and s(Z) as matrices of the graph", () => {
    const s = subject(
      (p, d) => layered((z) => leakyRelu(z, 0.1))(p as P, reshape(d.x, [5, 1, 3])),
      params,
      data,
    );
    const [site] = s.found.bijections;
    expect([site.input, site.preActivation, site.output].map(({ shape }) => shape)).toEqual([
      [5, 3],
      [5, 4],
      [5, 4],
    ]);
    const outputs = { h: site.input, z: site.preActivation, s: site.output };
    const run = compileJavaScript({
      inputs: s.graph.inputs,
      outputs: Object.entries(outputs).map(([name, tensor]) => ({ name, tensor })),
    });
    const { h, z, s: activated } = run.runSync({ ...s.values, ...namedArrays({ d: data }) });
    expect([...h.data]).toEqual([...data.x.data]);
    expect([...activated.data]).toEqual(Array.from(z.data as Float64Array, (v) => (v > 0 ? v : 0.1 * v)));
    const [w, b] = [params.w.data, params.b.data].map((values) => values as Float64Array);
    const [x0, x1, x2] = data.x.data as Float64Array;
    expect(Number(z.data[0])).toBeCloseTo(x0 * w[0] + x1 * w[1] + x2 * w[2] + b[0], 12);
  });

  it("are none where something else reads the layer's values or its weights", () => {
    expect(sites(layered(tanh))).toHaveLength(1);
    const also = (other: (p: P, x: Tensor) => Tensor) =>
      sites((p, x) => add(layered(tanh)(p, x), sum(square(other(p, x)))));
    expect(also((p) => p.w)).toEqual([]);
    expect(also((p) => p.b)).toEqual([]);
    expect(also((p) => p.v)).toEqual([]);
    expect(
      sites((p, x) => {
        const z = linear(x, { weight: p.w, bias: p.b });
        return add(sum(matmul(tanh(z), p.v, { transposeB: true })), sum(z));
      }),
    ).toEqual([]);
    expect(
      sites((p, x) => {
        const y = elu(linear(x, { weight: p.w }));
        return add(sum(matmul(y, p.v, { transposeB: true })), sum(y));
      }),
    ).toEqual([]);
  });

  it("are none where the result of the activation, or another shape of it, is an output", () => {
    const hidden = (p: P, x: Tensor) => tanh(linear(x, { weight: p.w, bias: p.b }));
    expect(sites(hidden)).toEqual([]);
    expect(sites((p, x) => reshape(hidden(p, x), [20]))).toEqual([]);
    expect(sites((p, x) => reshape(reshape(hidden(p, x), [20]), [4, 5]))).toEqual([]);
  });

  it("are none where the input is made of parameters alone, or the slope makes no bijection", () => {
    expect(sites(layered((z) => leakyRelu(z, 0)))).toEqual([]);
    expect(sites(layered(relu))).toEqual([]);
    expect(sites((p) => sum(matmul(tanh(matmul(transpose(p.w), p.w)), p.w, { transposeB: true })))).toEqual(
      [],
    );
  });
});
