// Epsilons of normalizations as parameters: the residual stream is scaled exactly.

import type { NdArray } from "isoloss";
import { decodeModel } from "isoloss/onnx";
import { type Discovery, describeDiscovery, type ScalingGenerator } from "isoloss/symmetry";
import { fromOnnx, withParams } from "isoloss-onnx";
import { opened } from "isoloss-test-support/model-file/builder";
import {
  type TransformerOptions,
  transformer,
  transformerInputs,
} from "isoloss-test-support/model-file/transformer";
import { fileOf, float32, int64, node, runImported, runOrt } from "isoloss-test-support/nn/onnx/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { shiftedAlong } from "../../src/half/descend.js";
import { tracedFile } from "../../src/model-file/traced-file.js";

const ids = int64(
  Array.from({ length: 16 }, (_, i) => (7 * i) % 64),
  [2, 8],
);

const traced = (bytes: Uint8Array) => tracedFile("test", opened(bytes), { sizes: {}, epsilons: true });

/** The exact scalings of what normalizations read, the most read first. */
const streamsOf = ({ scalings }: Pick<Discovery, "scalings">): ScalingGenerator[] =>
  scalings
    .filter(({ exact, stream }) => exact && stream)
    .sort((a, b) => (b.stream?.epsilons.length ?? 0) - (a.stream?.epsilons.length ?? 0));

function scaled(bytes: Uint8Array, { axes }: ScalingGenerator, k: number): Uint8Array {
  const { params } = fromOnnx(bytes, { epsilons: true });
  const moved: Record<string, NdArray> = {};
  for (const leg of axes)
    moved[leg.path] = shiftedAlong(moved[leg.path] ?? params[leg.path], leg, Int32Array.of(k));
  return withParams(bytes, moved);
}

const kinds: readonly (readonly [string, TransformerOptions])[] = [
  ["a decomposed LayerNorm", {}],
  ["a decomposed LayerNorm of Constants", { constants: true, tied: true, opset: 13 }],
  ["LayerNormalization", { fused: true }],
  ["a decomposed RMSNorm", { norm: "rms", tied: true, mlp: "gated" }],
  ["RMSNormalization", { norm: "rms", fused: true, opset: 23, keyHeads: 2, keyNorms: true }],
];

describe.each(sampledRows(kinds))("of a transformer with %s", (_, options) => {
  const bytes = transformer(options);

  it("the stream is one exact scaling, which names units, writers, readers and epsilons", () => {
    const { model, found } = traced(bytes);
    const [stream] = streamsOf(found);
    expect(stream.stream?.units).toBe(32);
    expect(stream.stream?.epsilons).toHaveLength(5);
    const { text } = describeDiscovery(model.params, found).groups[found.scalings.indexOf(stream)];
    expect(text).toMatch(
      /^stream of 32 units, written by .*tokens.* times c; read by 5 normalizations: .* times c\^2/,
    );
    expect(/; read by [^;]*final\.gain[^;]* divided by c$/.test(text)).toBe(options.tied === true);
  });

  it.each([-3, -7, 2])("scaled by 2^%i has the same outputs in every bit, and no more nodes", async (k) => {
    const [stream] = streamsOf(traced(bytes).found);
    const moved = scaled(bytes, stream, k);
    const [before, after] = [bytes, moved].map((file) => decodeModel(file).graph);
    expect(after.nodes.length).toBe(before.nodes.length);
    expect(after.initializers.length).toBe(before.initializers.length);
    expect(await runOrt(moved, { ids })).toEqual(await runOrt(bytes, { ids }));
    const tokens = (file: Uint8Array) => Number(fromOnnx(file).params.tokens.data[0]);
    expect(tokens(moved)).toBe(2 ** k * tokens(bytes));
  });
});

it("a constant that several norms share is split where they need different values", async () => {
  const bytes = transformer({ place: "both", norm: "rms" });
  const [stream] = streamsOf(traced(bytes).found);
  const moved = scaled(bytes, stream, -4);
  const valuesOf = (file: Uint8Array) =>
    Object.entries(fromOnnx(file, { epsilons: true }).params)
      .filter(([name]) => name.endsWith(".epsilon"))
      .map(([, { data }]) => Number(data[0]));
  const old = Math.fround(1e-5);
  expect(new Set(valuesOf(bytes))).toEqual(new Set([old]));
  expect(new Set(valuesOf(moved))).toEqual(new Set([old, old * 2 ** -8]));
  expect(valuesOf(moved).filter((v) => v !== old)).toHaveLength(5);
  const sizes = [bytes, moved].map((file) => decodeModel(file).graph);
  expect(sizes[1].nodes.length).toBe(sizes[0].nodes.length);
  expect(sizes[1].initializers.length).toBe(sizes[0].initializers.length + 1);
  expect(await runOrt(moved, { ids })).toEqual(await runOrt(bytes, { ids }));
});

it("a stream that GELUs behind convolutions write is scaled by their factor", async () => {
  const options = { encoder: "audio", mlp: "gelu", layers: 1, width: 16 } as const;
  const bytes = transformer(options);
  const found = (factors: boolean) =>
    streamsOf(tracedFile("test", opened(bytes), { sizes: {}, epsilons: true, factors }).found);
  expect(found(false)).toHaveLength(1);
  const streams = found(true);
  expect(streams).toHaveLength(2);
  const heard = streams.find(({ axes }) => axes.some(({ path }) => path === "frames")) as ScalingGenerator;
  expect(heard.axes.some(({ path, power }) => path.endsWith(".factor") && power === 1)).toBe(true);
  const { model } = tracedFile("test", opened(bytes), { sizes: {}, epsilons: true, factors: true });
  const params = { ...model.params };
  for (const leg of heard.axes) params[leg.path] = shiftedAlong(params[leg.path], leg, Int32Array.of(-5));
  const moved = withParams(bytes, params);
  const inputs = transformerInputs(options);
  expect(await runOrt(moved, inputs)).toEqual(await runOrt(bytes, inputs));
  expect(decodeModel(moved).graph.nodes).toHaveLength(decodeModel(bytes).graph.nodes.length);
});

it("epsilons are no parameters unless asked for, and change nothing as parameters", () => {
  const bytes = transformer({ fused: true });
  expect(Object.keys(fromOnnx(bytes).params).some((name) => name.endsWith(".epsilon"))).toBe(false);
  expect(runImported(bytes, { ids }, { epsilons: true })).toEqual(runImported(bytes, { ids }));
  expect(() => fromOnnx(bytes, { epsilons: 1 as never })).toThrow("epsilons must be true or false");
});

it("withParams writes epsilons where they are, and refuses those of another shape", () => {
  const bytes = transformer({ fused: true });
  const [name] = Object.keys(fromOnnx(bytes, { epsilons: true }).params).filter((own) =>
    own.endsWith(".epsilon"),
  );
  const after = withParams(bytes, { [name]: float32([0.5], []) });
  expect(fromOnnx(after, { epsilons: true }).params[name].data).toEqual(Float32Array.of(0.5));
  expect(withParams(bytes, { [name]: fromOnnx(bytes, { epsilons: true }).params[name] })).toEqual(bytes);
  expect(() => withParams(bytes, { [name]: float32([0.5, 1]) })).toThrow("must have the file's shape []");
});

it("a constant of more axes than what it is added to keeps its shape", () => {
  const file = fileOf({
    inputs: { x: float32([3, 4]) },
    initializers: { small: float32([1e-5], [1, 1]) },
    nodes: [node("Mul", ["x", "x"], {}, ["squares"]), node("Add", ["squares", "small"])],
  });
  const given = { x: float32([3, 4]) };
  expect(runImported(file, given, { epsilons: true })).toEqual(runImported(file, given));
});
