import { type Dataset, digits, type NdArray, takeRows } from "isoloss";
import { split } from "isoloss/data";
import { loadIdxDataset } from "isoloss/node";
import { z } from "zod";
import { count, type Entry, fromZero, makeNamed, type Named, namedSchema } from "./named.js";

/** Training and validation data of a run. */
export interface Datasets {
  readonly train: Dataset;
  readonly validation?: Dataset;
  readonly test?: Dataset;
  /** Of an image: channels, height, width. */
  readonly image: readonly [number, number, number];
}

/** How a data set is divided. */
interface Options {
  readonly validation?: number;
  readonly splitSeed?: number;
  readonly limit?: number;
}

const division = {
  options: { name: "data", rows: {} },
  own: {
    validation: {
      schema: z.number().min(0).lt(1),
      range: "a number in [0, 1)",
      otherwise: "0.2",
      summary: "Share of the training data that is kept for validation; 0: none.",
    },
    splitSeed: {
      schema: fromZero,
      range: "an integer >= 0",
      otherwise: "0",
      summary: "Of the split: the same for all seeds of a run.",
    },
    limit: {
      schema: count,
      range: "an integer >= 1",
      otherwise: "all",
      summary: "Only so many of the training data.",
    },
  },
};

function parts(
  { images, labels }: { readonly images: NdArray; readonly labels: NdArray },
  { validation = 0.2, splitSeed = 0, limit }: Options,
): Pick<Datasets, "train" | "validation"> {
  const total = images.shape[0];
  const [first, second] =
    validation > 0
      ? split(total, [1 - validation, validation], splitSeed)
      : [Int32Array.from({ length: total }, (_, i) => i)];
  const part = (rows: Int32Array): Dataset => ({
    inputs: takeRows(images, rows),
    labels: takeRows(labels, rows),
  });
  return {
    train: part(limit === undefined ? first : first.slice(0, limit)),
    ...(second ? { validation: part(second) } : {}),
  };
}

const idx = (name: "mnist" | "fashion-mnist", summary: string): Entry<undefined, Promise<Datasets>> => ({
  summary,
  ...division,
  make: async (o) => {
    const { train, test } = await loadIdxDataset(name);
    return {
      ...parts(train, o as Options),
      test: { inputs: test.images, labels: test.labels },
      image: [1, 28, 28],
    };
  },
});

/** Data sets by name. */
export const dataRegistry: Readonly<Record<string, Entry<undefined, Promise<Datasets>>>> = {
  digits: {
    summary: "1797 handwritten digits of 8 x 8 pixels, part of the package",
    ...division,
    make: async (o) => ({ ...parts(digits(), o as Options), image: [1, 8, 8] }),
  },
  fashionMnist: idx(
    "fashion-mnist",
    "70000 pictures of clothes of 28 x 28 pixels: isoloss data fetch fashionMnist",
  ),
  mnist: idx("mnist", "70000 handwritten digits of 28 x 28 pixels: isoloss data fetch mnist"),
};

export const dataSchema = namedSchema("data set", dataRegistry);

export const loadData = (named: Named): Promise<Datasets> => makeNamed(dataRegistry, named, undefined);

/** The same data with images as [n, channels, height, width]. */
export function asImages({ image, ...sets }: Datasets): Datasets {
  const shaped = ({ inputs, labels }: Dataset): Dataset => ({
    inputs: { ...inputs, shape: [inputs.shape[0], ...image] } as Dataset["inputs"],
    labels,
  });
  return {
    image,
    train: shaped(sets.train),
    ...(sets.validation ? { validation: shaped(sets.validation) } : {}),
    ...(sets.test ? { test: shaped(sets.test) } : {}),
  };
}
