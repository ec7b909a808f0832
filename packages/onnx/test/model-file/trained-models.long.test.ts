import { readFileSync } from "node:fs";
import { jit, type NdArray, ndarray, type Symmetry, sizeOf, trace } from "isoloss";
import { createRng } from "isoloss/data";
import { analyze, generalLinear, isRefusal, scaling } from "isoloss/symmetry";
import { type Arrays, runOrt } from "isoloss-test-support/nn/onnx/support";
import { beforeAll, describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { liftBounds } from "../../src/model-file/prepare/bounds.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { restoreBatchNorm } from "../../src/model-file/prepare/restore-batch-norm.js";
import { isFetched, pathOf, type TrainedModel, trainedModels } from "./trained-models.js";

/** Rounding to float32 in deep networks, relative to the largest number of an output. */
const tolerance = 2e-3;

for (const model of trainedModels) {
  const { file, inputs, known = {} } = model;
  describe.skipIf(!isFetched(model))(`${file} (scripts/fetch-models.mjs)`, () => {
    let bytes: Uint8Array;
    let expected: Arrays;

    beforeAll(async () => {
      bytes = readFileSync(pathOf(model));
      expected = await runOrt(bytes, { ...inputs, ...known });
      // Of numbers close to zero, the outputs of a sigmoid say, only rounding would be compared.
      for (const { data } of Object.values(expected)) expect(largest(data)).toBeGreaterThan(1e-3);
    });

    it.each(["javascript", "onnx"] as const)(
      "computes what ONNX Runtime does, compiled for %s",
      async (runtime) => {
        const seconds = timer();
        const { params, apply } = fromOnnx(bytes);
        const read = seconds();
        const run = await jit(
          ({ p, x }) => apply(p, { ...x, ...known }),
          { p: params, x: inputs },
          { runtime },
        );
        const compiled = seconds();
        const got = await run({ p: params, x: inputs });
        console.log(
          `${file}, ${runtime}: read after ${read} s, compiled after ${compiled} s, run after ${seconds()} s`,
        );
        await run.dispose();
        expectClose(got, expected);
      },
    );

    it("keeps its outputs in ONNX Runtime under a random element of each symmetry, and has those expected", async () => {
      const found = symmetriesOfOutputs(model, bytes);
      console.log(`${file}: ${found.scalings.length} scalings, ${found.linear.length} GL`);
      expect(found.scalings.length).toBeGreaterThanOrEqual(model.scalings);
      expect(found.linear.length).toBeGreaterThanOrEqual(model.linear);
      const exact = found.scalings.filter((generator) => generator.exact);
      const groups = [
        ...(exact.length > 0 ? [scaling<Arrays>(exact)] : []),
        ...(found.linear.length > 0 ? [generalLinear<Arrays>(found.linear)] : []),
      ];
      for (const group of groups) {
        const moved = await movedBy(group, fromOnnx(bytes).params);
        expectClose(await runOrt(withParams(bytes, moved), { ...inputs, ...known }), expected);
      }
    });

    it("stays the same file when its own parameters are written into it", () => {
      expect(Buffer.compare(withParams(bytes, fromOnnx(bytes).params), bytes)).toBe(0);
    });

    it("keeps its outputs through preparations", async () => {
      const folded = foldBatchNorm(bytes).bytes;
      const lifted = liftBounds(folded).bytes;
      const prepared = [folded, lifted];
      // What a layer computes is measured on a batch that has all inputs.
      if (model.known === undefined) prepared.push((await restoreBatchNorm(lifted, inputs)).bytes);
      for (const own of prepared) expectClose(await runOrt(own, { ...inputs, ...known }), expected);
    });
  });
}

function symmetriesOfOutputs({ inputs, known = {} }: TrainedModel, bytes: Uint8Array) {
  const model = fromOnnx(bytes);
  const { graph } = trace(({ p, x }) => model.apply(p, { ...x, ...known }), { p: model.params, x: inputs });
  const bare = graph.inputs.map(({ name, tensor }) => ({ name: name.replace(/^p\./, ""), tensor }));
  return analyze({ ...graph, inputs: bare }, Object.keys(model.params));
}

async function movedBy<A extends readonly (readonly number[])[]>(
  { act, algebra }: Symmetry<Arrays, A>,
  params: Arrays,
): Promise<Arrays> {
  const rng = createRng(5);
  const T = algebra.map((shape) => {
    const scale = shape.length === 1 ? 0.3 : 0.1 / Math.sqrt(shape[shape.length - 1]);
    const data = Float64Array.from({ length: sizeOf(shape) }, () => scale * rng.normal());
    return ndarray(data, shape);
  });
  const moved = await act(params, T as never, {});
  if (isRefusal(moved)) throw new Error(moved.refused);
  return moved;
}

function expectClose(got: Arrays, expected: Arrays): void {
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(got[name].shape, name).toEqual([...shape]);
    expect(distance(got[name], data), name).toBeLessThan(tolerance);
  }
}

const largest = (values: Iterable<number | bigint>): number => {
  let max = 0;
  for (const v of values) max = Math.max(max, Math.abs(Number(v)));
  return max;
};

/** max |a - b| / max |b|. */
const distance = ({ data }: NdArray, expected: NdArray["data"]): number =>
  largest(Float64Array.from(data as Float32Array, (v, i) => v - Number(expected[i]))) / largest(expected);

function timer(): () => string {
  const start = performance.now();
  return () => ((performance.now() - start) / 1000).toFixed(2);
}
