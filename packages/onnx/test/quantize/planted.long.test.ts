// Random transformers with scales planted along their symmetries: quantize undoes them without knowing them.
import { createRng } from "isoloss/data";
import { scaling } from "isoloss/symmetry";
import { opened } from "isoloss-test-support/model-file/builder";
import { transformer } from "isoloss-test-support/model-file/transformer";
import { expect, it } from "vitest";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { tracedFile } from "../../src/model-file/traced-file.js";
import { quantizeModel } from "../../src/quantize/quantize-model.js";
import { randomTransformer } from "../half/transformers-support.js";

const length = 16;
const batches = (first: number, count: number) =>
  Array.from({ length: count }, (_, k) => {
    const rng = createRng(first + k);
    return {
      ids: {
        shape: [2, length],
        data: BigInt64Array.from({ length: 2 * length }, () => BigInt(rng.int(64))),
      },
    };
  });

/**
 * The same function: each unit of all groups times the exponential of a normal number of sigma 1.5, the stream, with its epsilons,
 * times 50, and two units of what each gain scales times 50, too.
 */
async function planted(bytes: Uint8Array, seed: number): Promise<Uint8Array> {
  const { model, found } = tracedFile("test", opened(bytes), { sizes: {}, epsilons: true, factors: true });
  const generators = found.scalings.filter(({ exact }) => exact);
  const rng = createRng(seed);
  const T = generators.map(({ size, stream, axes }) => {
    const isGain = axes.some(({ path }) => path.endsWith("gain"));
    const data = Float64Array.from({ length: size }, (_, unit) => {
      if (stream !== undefined) return Math.log(50);
      return 1.5 * rng.normal() + (isGain && [3, 5].includes(unit) ? Math.log(50) : 0);
    });
    return { shape: [size], data };
  });
  return withParams(bytes, (await scaling(generators).act(model.params, T, {})) as typeof model.params);
}

it.each(Array.from({ length: 20 }, (_, seed) => seed))(
  "transformer %i loses 10 dB by planted scales in 8 bits, and gets them back to half a decibel, dynamic products too",
  async (seed) => {
    const options = { ...randomTransformer(seed), outlier: 0, encoder: false, length };
    const bytes = transformer(options);
    const settings = {
      calibration: batches(0, 32),
      heldOut: batches(100, 32),
      granularity: "channel",
    } as const;
    const tableOf = async (own: Uint8Array, equalize: boolean) => {
      const options = { ...settings, equalize, biasCorrection: false, compensate: false } as const;
      return (await quantizeModel(own, options)).table;
    };
    const [before, after] = [await tableOf(bytes, false), await tableOf(await planted(bytes, seed), true)];
    for (const mode of ["uint8", "dynamic"]) {
      const [plain, moved] = [before, after].map((table) =>
        table.filter(({ activations }) => activations === mode).map(({ sqnr }) => sqnr),
      );
      expect(moved[0]).toBeLessThan(plain[0] - 10);
      expect(Math.max(...moved)).toBeGreaterThan(plain[0] - 0.5);
    }
  },
);
