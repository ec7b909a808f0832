import type { Dataset } from "isoloss";
import { datasets, type TrainingImages } from "isoloss/node";
import { fromOptions, makeNamed, type Named, namedSchema } from "./named.js";

/** Data sets by name, all those that the library has. */
export const dataRegistry = fromOptions<Promise<TrainingImages>>(datasets);

export const dataSchema = namedSchema("data set", dataRegistry);

export const loadData = (named: Named): Promise<TrainingImages> => makeNamed(dataRegistry, named, undefined);

/** The same data with images as [n, channels, height, width]. */
export function asImages({ image, train, validation, test }: TrainingImages): TrainingImages {
  const shaped = ({ inputs, labels }: Dataset): Dataset => ({
    inputs: { ...inputs, shape: [inputs.shape[0], ...image] } as Dataset["inputs"],
    labels,
  });
  return {
    image,
    train: shaped(train),
    validation: validation && shaped(validation),
    test: test && shaped(test),
  };
}
