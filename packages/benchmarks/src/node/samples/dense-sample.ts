// Small sets in the form of CityScapes and NYUv2, of formulas, so that what is measured on them can be known.
import { type NpyForm, npyFile } from "isoloss/internal-node";
import type { SampleFile, SampleOptions } from "./sample.js";

/** A map at a pixel: example n of its part, row y, column x, channel c. */
type MapOf = (n: number, y: number, x: number, c: number) => number;

interface SampleMap {
  readonly folder: string;
  /** 0: no axis of them. */
  readonly channels: number;
  readonly form?: NpyForm;
  readonly of: (size: readonly [number, number]) => MapOf;
}

/** The class of a pixel: bands from left to right, which begin elsewhere in each example. */
const classAt = (count: number, width: number, n: number, x: number): number =>
  (Math.floor((count * x) / width) + n) % count;

/**
 * Colors that tell what the other maps have, with a little of waves of the example's own: the hue is the class, brightness rises
 * from top to bottom as depth does, and saturation from left to right as angles do.
 */
const image = (count: number): SampleMap => ({
  folder: "image",
  channels: 3,
  of:
    ([height, width]) =>
    (n, y, x, c) => {
      const turn = classAt(count, width, n, x) / count + c / 3;
      const saturation = 0.15 + (0.15 * x) / width;
      const waves = Math.sin(0.9 * n + 1.7 * c + (16 * y) / height + (74 * x) / width);
      return 0.35 + (0.3 * y) / height + saturation * Math.sin(2 * Math.PI * turn) + 0.005 * waves;
    },
});

const classes = (folder: string, count: number): SampleMap => ({
  folder,
  channels: 0,
  form: { type: "f8" },
  of:
    ([height, width]) =>
    (n, y, x) =>
      y < height / 16 ? -1 : classAt(count, width, n, x),
});

const depth = (from: number, range: number): SampleMap => ({
  folder: "depth",
  channels: 1,
  of:
    ([height, width]) =>
    (_, y, x) =>
      y < height / 8 ? 0 : from + (range * (width * y + x)) / (height * width - 1),
});

/** Angles to (0, 0, 1), from 0 at the left to a third of a turn at the right. */
const normal: SampleMap = {
  folder: "normal",
  channels: 3,
  of: ([height, width]) => {
    const angle = (x: number) => ((Math.PI / 3) * x) / (width - 1);
    return (_, y, x, c) => {
      if (y < height / 8 || c === 1) return 0;
      return c === 0 ? Math.sin(angle(x)) : Math.cos(angle(x));
    };
  },
};

export const cityscapesSample = (options: SampleOptions): Iterable<SampleFile> =>
  denseSample([image(7), classes("label_7", 7), depth(0.1, 0.3)], options);

export const nyuv2Sample = (options: SampleOptions): Iterable<SampleFile> =>
  denseSample([image(13), classes("label", 13), depth(1, 8), normal], options);

/** Forms that readers must know, of the first images. */
const forms: readonly NpyForm[] = [{ isFortran: true }, { isBigEndian: true }, { version: 2 }];

function* denseSample(
  maps: readonly SampleMap[],
  { size = [32, 64], examples = 4 }: SampleOptions,
): Generator<SampleFile> {
  for (const part of ["train", "val"]) {
    for (const { folder, channels, form, of } of maps) {
      const map = of(size);
      for (let n = 0; n < examples; n++) {
        const own = folder === "image" ? forms[n] : form;
        yield {
          path: `${part}/${folder}/${n}.npy`,
          bytes: npyFile(
            channels === 0 ? size : [...size, channels],
            ([y, x, c = 0]) => map(n, y, x, c),
            own,
          ),
        };
      }
    }
  }
}
