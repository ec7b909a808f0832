import { type Dataset, OptionError } from "isoloss";
import { extremes } from "isoloss/internal";
import { makeNamed, type Named, namedSchema, type Registry } from "./named.js";
import { mapParts, type RunData, requireImages } from "./run-data.js";

type Shift = (data: RunData) => RunData;

const everywhere =
  (change: (part: Dataset) => Dataset): Shift =>
  (data) =>
    mapParts(data, change);

/** Each image by a quarter turn, of square images. */
const turned: Shift = (all) => {
  const [channels, height, width] = requireImages(all, "The shift turned");
  const area = height * width;
  return mapParts(all, ({ inputs, labels }) => {
    const data = new Float32Array(inputs.data.length);
    for (let plane = 0; plane < inputs.shape[0] * channels; plane++) {
      for (let p = 0; p < area; p++) {
        const [row, column] = [Math.floor(p / width), p % width];
        data[plane * area + column * height + (height - 1 - row)] = Number(inputs.data[plane * area + p]);
      }
    }
    return { inputs: { ...inputs, data }, labels };
  });
};

/** White for black. */
const inverted = everywhere(({ inputs, labels }) => ({
  inputs: { ...inputs, data: Float32Array.from(inputs.data as Float32Array, (v) => 1 - Number(v)) },
  labels,
}));

/** Each class by the next one's name. */
const relabeled = everywhere(({ inputs, labels }) => {
  if (!(labels.data instanceof BigInt64Array)) {
    throw new OptionError("The shift relabeled is of classes, and the labels are numbers: choose another.");
  }
  const last = extremes(Array.from(labels.data as BigInt64Array, Number))[1];
  const data = BigInt64Array.from(labels.data as BigInt64Array, (label) =>
    BigInt((Number(label) + 1) % (last + 1)),
  );
  return { inputs, labels: { ...labels, data } };
});

const row = (name: string, summary: string, shift: Shift): Registry<undefined, Shift> => ({
  [name]: { summary, options: { name, rows: {} }, make: () => shift },
});

/** What is different in the data of a network's second training, by name. */
export const shiftRegistry: Registry<undefined, Shift> = {
  ...row("turned", "images by a quarter turn", turned),
  ...row("inverted", "images with white for black", inverted),
  ...row("relabeled", "each class by the name of the next one", relabeled),
};

export const shiftSchema = namedSchema("shift", shiftRegistry);

export const makeShift = (named: Named): Shift => makeNamed(shiftRegistry, named, undefined);
