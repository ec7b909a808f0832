import type { Dataset } from "isoloss";
import type { TrainingImages } from "isoloss/node";
import { makeNamed, type Named, namedSchema, type Registry } from "./named.js";

type Shift = (data: TrainingImages) => TrainingImages;

/** The same change of every part of a data set. */
const everywhere =
  (change: (part: Dataset, image: TrainingImages["image"]) => Dataset): Shift =>
  (data) => ({
    ...data,
    train: change(data.train, data.image),
    validation: data.validation && change(data.validation, data.image),
    test: data.test && change(data.test, data.image),
  });

/** Each image by a quarter turn, of square images. */
const turned = everywhere(({ inputs, labels }, [channels, height, width]) => {
  const data = new Float32Array(inputs.data.length);
  const area = height * width;
  for (let plane = 0; plane < inputs.shape[0] * channels; plane++) {
    for (let p = 0; p < area; p++) {
      const [row, column] = [Math.floor(p / width), p % width];
      data[plane * area + column * height + (height - 1 - row)] = Number(inputs.data[plane * area + p]);
    }
  }
  return { inputs: { ...inputs, data }, labels };
});

/** White for black. */
const inverted = everywhere(({ inputs, labels }) => ({
  inputs: { ...inputs, data: Float32Array.from(inputs.data as Float32Array, (v) => 1 - Number(v)) },
  labels,
}));

/** Each class by the next one's name. */
const relabeled = everywhere(({ inputs, labels }) => {
  const last = Math.max(...Array.from(labels.data as BigInt64Array, Number));
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
