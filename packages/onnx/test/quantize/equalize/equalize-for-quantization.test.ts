// Files that are moved to where quantization makes least noise.

import type { NdArray } from "isoloss";
import { createRng } from "isoloss/data";
import { int } from "isoloss/internal";
import { equalizeForQuantization, fromOnnx, withParams } from "isoloss-onnx";
import { fileOf, float32, node, runOrt } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { ints } from "../../../../core/src/runtime/onnx/schema.js";
import { randomFile } from "../../model-file/random-file.js";
import { images, keepsItsFunction } from "./files.js";

it.each([5])("random file %i keeps its function to rounding where bounds are kept", keepsItsFunction);

it("refuses batches that do not fit the model, and unknown bounds", async () => {
  const bytes = randomFile(1);
  const call = (batches: unknown, options = {}) => equalizeForQuantization(bytes, batches as never, options);
  await expect(call(images(2, [1, 4, 8, 8]), { bounds: "relu" })).rejects.toThrow(
    'bounds must be expected, lifted or exact; got "relu"',
  );
  await expect(call([{ image: images(1, [1, 4, 8, 8])[0]?.x }])).rejects.toThrow(
    'an array for the model\'s input "x"; it has image',
  );
  await expect(call(images(1, [1, 4, 8, 8])[0])).rejects.toThrow("takes a list of batches");
  await expect(call(images(2, [1, 4, 8, 8]), { clips: "exact" })).rejects.toThrow('no option "clips"');
});

it("scales what a norm reads with its epsilon, of which the file gets one of its own", async () => {
  const rng = createRng(3);
  const draw = (shape: readonly number[], scale: number): NdArray =>
    float32(
      Array.from({ length: shape.reduce((a, b) => a * b) }, () => scale * rng.normal()),
      shape,
    );
  /** x / sqrt(mean x^2 + epsilon), whose epsilon another norm has, too. */
  const norm = (x: string, y: string) => [
    node("Mul", [x, x], {}, [`${y}.squares`]),
    node("ReduceMean", [`${y}.squares`], { axes: ints([-1]), keepdims: int(1) }, [`${y}.mean`]),
    node("Add", [`${y}.mean`, "epsilon"], {}, [`${y}.sum`]),
    node("Sqrt", [`${y}.sum`], {}, [`${y}.root`]),
    node("Div", [x, `${y}.root`], {}, [y]),
  ];
  const bytes = fileOf({
    inputs: { x: draw([8, 6], 1) },
    initializers: {
      a: draw([6, 8], 100),
      b: draw([8, 4], 1),
      c: draw([8, 4], 0.01),
      d: draw([6, 4], 1),
      epsilon: float32([1e-4], []),
    },
    // The stream x a is read by a norm, and by c without one.
    nodes: [
      node("MatMul", ["x", "a"], {}, ["stream"]),
      ...norm("stream", "normed"),
      node("MatMul", ["normed", "b"], {}, ["first"]),
      node("MatMul", ["stream", "c"], {}, ["second"]),
      ...norm("x", "own"),
      node("MatMul", ["own", "d"], {}, ["third"]),
      node("Sum", ["first", "second", "third"]),
    ],
    opset: 13,
  });
  const batches = Array.from({ length: 4 }, () => ({ x: draw([8, 6], 1) }));
  const { prepared, candidates } = await equalizeForQuantization(bytes, batches, { powersOfTwo: true });
  const equalized = candidates.find(({ name }) => name === "equal weight ranges");
  const params = equalized?.params as Readonly<Record<string, NdArray>>;
  const before = fromOnnx(bytes, { epsilons: true }).params;
  const factor = (name: string) => Number(params[name].data[0]) / Number(before[name].data[0]);
  expect(factor("a")).toBeLessThan(1 / 16);
  expect(factor("normed.sum.epsilon")).toBe(factor("a") ** 2);
  expect(factor("own.sum.epsilon")).toBe(1);
  const moved = withParams(prepared, params);
  const epsilons = Object.entries(fromOnnx(moved, { epsilons: true }).params).filter(([name]) =>
    name.endsWith(".epsilon"),
  );
  expect(epsilons.map(([name, { data }]) => [name, data[0]])).toEqual(
    ["normed.sum.epsilon", "own.sum.epsilon"].map((name) => [name, params[name].data[0]]),
  );
  expect(await runOrt(moved, batches[0])).toEqual(await runOrt(bytes, batches[0]));
});
