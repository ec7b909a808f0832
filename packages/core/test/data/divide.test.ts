import { describe, expect, it } from "vitest";
import { ndarray } from "../../src/array.js";
import { split, takeRows } from "../../src/data/batches.js";
import { digits } from "../../src/data/digits.js";
import { divide } from "../../src/data/divide.js";
import { OptionError, ShapeError } from "../../src/errors.js";
import { datasets } from "../../src/node/registry.js";

const all = digits();
const rows = ({ labels }: { readonly labels: { readonly shape: readonly number[] } }) => labels.shape[0];

describe("divide", () => {
  it("keeps a fifth for validation unless told otherwise: the parts of `split`", () => {
    const { train, validation } = divide(all);
    const [first, second] = split(1797, [0.8, 0.2], 0);
    expect(train).toEqual({ inputs: takeRows(all.images, first), labels: takeRows(all.labels, first) });
    expect(validation).toEqual({
      inputs: takeRows(all.images, second),
      labels: takeRows(all.labels, second),
    });
  });

  it("holds a third part out, disjoint from the others", () => {
    const parts = divide(all, { validation: 0.1, test: 0.2, splitSeed: 4 });
    const [train, validation, test] = split(1797, [0.7, 0.1, 0.2], 4);
    const labels = [train, validation, test].map((indices) => takeRows(all.labels, indices));
    expect([parts.train, parts.validation, parts.test].map((part) => part?.labels)).toEqual(labels);
    expect(new Set([...train, ...validation, ...test]).size).toBe(1797);
    const [kept, held] = split(1797, [0.75, 0.25], 0);
    expect(divide(all, { validation: 0, test: 0.25, limit: 7 })).toEqual({
      train: {
        inputs: takeRows(all.images, kept.slice(0, 7)),
        labels: takeRows(all.labels, kept.slice(0, 7)),
      },
      test: { inputs: takeRows(all.images, held), labels: takeRows(all.labels, held) },
    });
  });

  it("limits the examples for training, and neither order nor validation", () => {
    const [whole, some] = [divide(all, { splitSeed: 3 }), divide(all, { splitSeed: 3, limit: 100 })];
    const first = Array.from({ length: 100 }, (_, i) => i);
    expect(some.train.inputs).toEqual(takeRows(whole.train.inputs, first));
    expect(some.validation).toEqual(whole.validation);
  });

  it("keeps all in their order for training at a fraction of zero", () => {
    expect(divide(all, { validation: 0 })).toEqual({ train: { inputs: all.images, labels: all.labels } });
    expect(rows(divide(all, { validation: 0, limit: 5000 }).train)).toBe(1797);
  });

  it("draws a limited number from all classes, also of a set in order", () => {
    const labels = ndarray(
      BigInt64Array.from({ length: 100 }, (_, i) => BigInt(Math.floor(i / 10))),
      [100],
    );
    const images = ndarray(new Float32Array(100), [100, 1]);
    const drawn = (splitSeed: number) =>
      Array.from(
        divide({ images, labels }, { validation: 0, limit: 40, splitSeed }).train.labels.data,
        Number,
      );
    expect([drawn(0).length, new Set(drawn(0)).size]).toEqual([40, 10]);
    expect(drawn(0)).toEqual(drawn(0));
    expect(drawn(0)).not.toEqual(drawn(1));
  });

  it("takes a label for each image", () => {
    const labels = { ...all.labels, shape: [100], data: all.labels.data.slice(0, 100) };
    expect(() => divide({ images: all.images, labels })).toThrow(
      "divide takes one label for each image; got images [1797, 64] and labels [100].",
    );
    const images = takeRows(all.images, [0, 1, 2, 3]);
    expect(() => divide({ images, labels })).toThrow(ShapeError);
    expect(() => divide({ train: all } as never)).toThrow("Of a data set write one part: dataset.train.");
  });

  it("throws for options out of range", () => {
    for (const options of [{ validation: 1 }, { validation: -0.1 }, { limit: 0 }, { splitSeed: 0.5 }]) {
      expect(() => divide(all, options)).toThrow(OptionError);
    }
    expect(() => divide(all, { validation: 0.5, test: 0.5 })).toThrow(
      "validation and test must leave examples for training: 0.5 + 0.5 must be below 1.",
    );
  });

  it("makes the digits of the registry, with the shape of an image", async () => {
    const { image, ...parts } = await datasets.digits.make({ limit: 50 });
    expect(image).toEqual([1, 8, 8]);
    expect(parts).toEqual(divide(all, { limit: 50 }));
  });
});
