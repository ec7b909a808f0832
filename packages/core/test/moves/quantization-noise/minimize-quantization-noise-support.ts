// The move as a whole: what is kept, what is predicted and what is measured.

import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { convolutional, dense, type Params } from "isoloss-test-support/moves/quantization-noise/networks";
import { moved, prepared, randomPoint } from "isoloss-test-support/moves/quantization-noise/prepared";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { minimizeQuantizationNoise } from "../../../src/entries/moves.js";
import { predictedNoise } from "../../../src/moves/quantization-noise/noise-model.js";
import { compile } from "../../../src/runtime/compile.js";

/** Decibels of a factor of three, the accuracy that is promised of predictions. */
const three = 10 * Math.log10(3);

/** Outputs of a graph in floats, for each of several parameters. */
async function outputsOf(
  { graph, batches }: Pick<Awaited<ReturnType<typeof prepared>>, "graph" | "batches">,
  points: readonly Params[],
) {
  const run = await compile(graph, { runtime: "javascript" });
  const outputs: NdArray[][] = [];
  for (const params of points) {
    const own: NdArray[] = [];
    for (const batch of batches) own.push((await run.run({ ...params, ...batch })).result!);
    outputs.push(own);
  }
  await run.dispose();
  return outputs;
}

const relu = (seed: number) => [
  ["dense", dense(seed)] as const,
  ["convolutional", convolutional(seed)] as const,
  ["convolutional without pooling", convolutional(seed, { pooled: false })] as const,
];

export const networksOfRelu = [0, 1].flatMap(relu);

export function expectNoHarm(rows: typeof networksOfRelu): void {
  describe.each(rows)("%s network of ReLU", (_, network) => {
    it("keeps its outputs, and quantizes as well as before or better", async () => {
      const { params, kept, candidates, clips, left } = await minimizeQuantizationNoise(
        network.apply,
        network.params,
        network.batches(4),
        { runtime: "javascript" },
      );
      expect({ clips, left }).toEqual({ clips: 0, left: [] });
      const [still] = candidates;
      const best = candidates.find(({ name }) => name === kept);
      expect(best?.params).toBe(params);
      expect(best?.measured).toBe(Math.max(...candidates.map(({ measured }) => measured)));
      expect(best?.measured).toBeGreaterThan((still?.measured as number) + 3);
      for (const { drift } of candidates) expect(drift).toBeLessThan(1e-12);
      const [before, after] = await outputsOf(await prepared(network), [network.params, params]);
      before!.forEach((output, k) => {
        expect(relativeError(after![k] as never, output as never)).toBeLessThan(1e-12);
      });
    });
  });
}

export const noisyNetworks = [0, 1, 2].flatMap((seed) => [
  ["dense", seed, dense(seed, { sizes: [16, 40, 30, 10] })] as const,
  ["convolutional", seed, convolutional(seed, { pooled: false, width: 3 })] as const,
]);

export function expectNoiseAsPredicted(rows: typeof noisyNetworks): void {
  it.each(rows)(
    "the noise that is predicted for a %s network %i is measured within a factor of three",
    async (_, __, network) => {
      const { candidates } = await minimizeQuantizationNoise(
        network.apply,
        network.params,
        network.batches(2),
        {
          runtime: "javascript",
          // The calibration batches again: what saturates on others is not predicted.
          heldOut: network.batches(2),
          headRoom: 0,
        },
      );
      // As it is, the noise of some channels is larger than their signal, and what is predicted is of small noise.
      for (const { name, predicted, measured } of candidates) {
        if (name !== "as it is") expect(Math.abs(predicted - measured)).toBeLessThan(three);
      }
    },
  );
}

export const clippedNetworks = [0, 1, 2].flatMap((seed) => [
  ["dense", seed, dense(seed, { bound: 1.5, sizes: [16, 40, 30, 10] })] as const,
  ["convolutional", seed, convolutional(seed, { bound: 2, pooled: false, width: 3 })] as const,
]);

export function expectDamageAsPredicted(rows: typeof clippedNetworks): void {
  it.each(rows)(
    "the damage of clips that is predicted for a %s network %i is measured within a factor of three",
    async (_, __, network) => {
      const at = await prepared(network);
      const silent = { ...at.model, layers: [] };
      const points = [0.2, 0.5].map((scale) => randomPoint(at.model.size, 1, scale));
      const params = await Promise.all(points.map((T) => moved(network.params, at.quantized, T)));
      const [before, ...after] = await outputsOf(at, [network.params, ...params]);
      points.forEach((T, point) => {
        let [damage, signal] = [0, 0];
        before!.forEach(({ data }, k) => {
          data.forEach((v, i) => {
            damage += (Number(v) - Number(after[point]![k]!.data[i])) ** 2;
            signal += Number(v) ** 2;
          });
        });
        expect(Math.abs(Math.log(predictedNoise(silent, T) / (damage / signal)))).toBeLessThan(Math.log(3));
      });
    },
  );
}

export const clippedSeeds = [0, 1, 2, 3];

export function expectBestWithClipsWeighed(rows: typeof clippedSeeds): void {
  it.each(rows)(
    "a ReLU6 network %i quantizes better with the damage of its clips weighed than with clips kept",
    async (seed) => {
      const network = convolutional(seed, { bound: 6 });
      // A single batch has 16 examples, whose means over pixels are too few to tell 3 dB from 5 dB.
      const heldOut = network.batches(8, 9);
      const best = async (clips: "expected" | "exact") => {
        const { kept, candidates } = await minimizeQuantizationNoise(
          network.apply,
          network.params,
          network.batches(4),
          { clips, heldOut, runtime: "javascript" },
        );
        return candidates.find(({ name }) => name === kept)?.measured as number;
      };
      expect(await best("expected")).toBeGreaterThan((await best("exact")) + 5);
    },
  );
}
