// What is found in the architectures of Debian's libonnx-testdata, how long that takes, and that it holds.

import type { ImportedModel, NdArray, Tensor } from "isoloss";
import { compile, namedArrays, simplify, spec, symmetriesOf, trace } from "isoloss";
import { createRng } from "isoloss/data";
import { sum } from "isoloss/ops";
import { isRefusal, scaling } from "isoloss/symmetry";
import { randomT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { hasLightModels, lightModel } from "./light-models.js";

interface Row {
  readonly name: string;
  /** Convolutions and fully connected layers. */
  readonly layers: number;
  /** Those of them that no scaling of units reaches, and why. */
  readonly missing: readonly string[];
  /** Scalings, and their units. */
  readonly scalings: number;
  readonly units: number;
  readonly permutations: number;
}

// A response normalization x / (c + sum of x^2)^b is not homogeneous: layers before one are reached from the other side
// alone, and the first layer reads data. In ShuffleNet the groups of convolutions do not end where joined pieces do, so
// that only whole parameters are scaled on both sides of them.
const rows: readonly Row[] = [
  { name: "resnet50", layers: 54, missing: [], scalings: 37, units: 11456, permutations: 38 },
  { name: "densenet121", layers: 121, missing: [], scalings: 1311, units: 83584, permutations: 59 },
  {
    name: "inception_v1",
    layers: 58,
    missing: ["conv1/7x7_s2_w_0"],
    scalings: 55,
    units: 7024,
    permutations: 56,
  },
  { name: "inception_v2", layers: 70, missing: [], scalings: 138, units: 19904, permutations: 70 },
  { name: "squeezenet", layers: 26, missing: [], scalings: 25, units: 2944, permutations: 26 },
  {
    name: "shufflenet",
    layers: 50,
    missing: ["conv3_0_w_0", "gconv1_3_w_0", "gconv1_5_w_0", "gconv1_7_w_0", "gconv1_9_w_0", "pred_w_0"].map(
      (layer) => `gpu_0/${layer}`,
    ),
    scalings: 85,
    units: 839,
    permutations: 13,
  },
  { name: "vgg19", layers: 19, missing: [], scalings: 18, units: 13696, permutations: 19 },
  {
    name: "bvlc_alexnet",
    layers: 8,
    missing: ["conv1_w_0", "conv2_w_0"],
    scalings: 8,
    units: 8710,
    permutations: 7,
  },
  {
    name: "zfnet512",
    layers: 8,
    missing: ["gpu_0/conv1_w_0", "gpu_0/conv2_w_0"],
    scalings: 5,
    units: 6656,
    permutations: 6,
  },
];

/** Seconds that this process computed during a call. */
function seconds<R>(f: () => R): { result: R; time: number } {
  const before = process.cpuUsage();
  const result = f();
  const { user, system } = process.cpuUsage(before);
  return { result, time: (user + system) / 1e6 };
}

const inputsOf = ({ inputs }: ImportedModel) =>
  Object.fromEntries(inputs.map(({ name, shape, dtype }) => [name, spec(shape as readonly number[], dtype)]));

function read(bytes: Uint8Array) {
  const model = fromOnnx(bytes);
  const [output] = model.outputs;
  const loss = (p: Record<string, Tensor>, x: Record<string, Tensor>) => sum(model.apply(p, x)[output]);
  return { model, found: symmetriesOf(loss, model.params, inputsOf(model)).found };
}

describe.skipIf(!hasLightModels)("The architectures of libonnx-testdata", () => {
  it.each(rows)("$name is read and its scalings are found", async (row) => {
    const bytes = lightModel(row.name);
    const runs = [0, 1].map(() => seconds(() => read(bytes)));
    // Usual are 1 to 3 seconds; what grows with more than the size of a model takes minutes.
    expect(Math.min(...runs.map(({ time }) => time))).toBeLessThan(30);
    const { model, found } = runs[0].result;
    const layers = Object.entries(model.params).flatMap(([name, { shape }]) =>
      shape.length > 1 ? [name] : [],
    );
    const reached = new Set(
      found.scalings.flatMap(({ size, axes }) => (size > 1 ? axes : [])).map(({ path }) => path),
    );
    expect({
      layers: layers.length,
      missing: layers.filter((name) => !reached.has(name)),
      scalings: found.scalings.length,
      units: found.scalings.reduce((n, { size }) => n + size, 0),
      permutations: found.permutations.length,
    }).toEqual({
      layers: row.layers,
      missing: row.missing,
      scalings: row.scalings,
      units: row.units,
      permutations: row.permutations,
    });
  });

  it.each(["resnet50", "densenet121", "inception_v1", "inception_v2", "squeezenet", "shufflenet"])(
    "%s computes the same after all its scalings",
    async (name) => {
      const { model, found } = read(lightModel(name));
      const rng = createRng(2);
      const x = Object.fromEntries(
        Object.entries(inputsOf(model)).map(([input, { shape }]) => [
          input,
          {
            shape,
            data: Float32Array.from({ length: shape.reduce((a, n) => a * n, 1) }, () => rng.normal()),
          },
        ]),
      );
      const { graph } = trace(({ p, x: at }) => model.apply(p, at), { p: model.params, x });
      const run = await compile(simplify(graph), { runtime: "onnx" });
      const output = async (p: Readonly<Record<string, NdArray>>) =>
        Object.values(await run.run(namedArrays({ p, x })))[0].data as Float32Array;
      const symmetry = scaling<Readonly<Record<string, NdArray>>>(found.scalings);
      const units = symmetry.algebra.reduce((n, [size]) => n + size, 0);
      const moved = await symmetry.act(
        model.params,
        randomT(symmetry.algebra, 0.3 * Math.sqrt(units), 1),
        {},
      );
      if (isRefusal(moved)) throw new Error(moved.refused);
      const [before, after] = [await output(model.params), await output(moved)];
      const difference = Math.hypot(...after.map((v, i) => v - before[i]));
      expect(difference / Math.hypot(...before)).toBeLessThan(1e-4);
      await run.dispose();
    },
  );
});
