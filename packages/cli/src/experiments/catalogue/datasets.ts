import type { Dataset } from "isoloss";
import {
  datasets,
  fashionMnist,
  hasIdxDataset,
  type IdxSource,
  mnist,
  type TrainingImages,
} from "isoloss/node";
import { keptLast } from "./kept-last.js";
import { fromOptions, makeNamed, type Named, namedSchema } from "./named.js";

/** Data sets by name, all those that the library has. */
export const dataRegistry = fromOptions<Promise<TrainingImages>>(datasets);

/** Those that are files; others are part of the package. */
export const dataFiles: Readonly<Record<string, IdxSource>> = { fashionMnist, mnist };

/** Names of the data sets that are not on this computer. */
export async function dataMissing(names: readonly string[] = Object.keys(dataRegistry)): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) {
    const source = dataFiles[name];
    if (source && !(await hasIdxDataset(source))) missing.push(name);
  }
  return missing;
}

export const dataSchema = namedSchema("data set", dataRegistry);

/** A data set, kept for the next run of a thread. */
export const loadData = keptLast(
  (named: Named): Promise<TrainingImages> => makeNamed(dataRegistry, named, undefined),
);

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
