import type { Dataset } from "isoloss";
import {
  datasets,
  fashionMnist,
  hasIdxDataset,
  type IdxSource,
  mnist,
  type TrainingImages,
} from "isoloss/node";
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

let last: { readonly key: string; readonly data: Promise<TrainingImages> } | undefined;

/** A data set. The last one is kept for the next run of a thread: unpacking it takes as long as a short run. */
export function loadData(named: Named): Promise<TrainingImages> {
  const key = JSON.stringify(named);
  if (last?.key !== key) last = { key, data: makeNamed(dataRegistry, named, undefined) };
  const { data } = last;
  // Files that were missing may be there at the next call.
  data.catch(() => {
    if (last?.data === data) last = undefined;
  });
  return data;
}

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
