import { type NdArray, ndarray } from "isoloss";
import type { Examples } from "isoloss/data";
import { type ResizedOptions, resizedImages } from "isoloss/internal-node";

/** Images of a part with what belongs to them. */
export interface ImagePart extends ResizedOptions {
  readonly paths: readonly string[];
  readonly size: readonly [height: number, width: number];
  /** Name of the array of images. */
  readonly name: string;
  /** Means and deviations of the channels, of values in [0, 1]; default none: values stay in [0, 1]. */
  readonly normalization?: { readonly mean: readonly number[]; readonly std: readonly number[] } | undefined;
  /** Arrays of the examples with these numbers. */
  readonly labels: (numbers: readonly number[]) => Readonly<Record<string, NdArray>>;
}

/** Images as float32 [n, 3, height, width], and their labels. */
export function imageExamples({ paths, size, name, normalization, labels, ...resized }: ImagePart): Examples {
  const images = resizedImages(paths, size, resized);
  const { fround } = Math;
  const { mean = [0, 0, 0], std = [1, 1, 1] } = normalization ?? {};
  // In steps of float32, as tensors of other programs are divided, shifted and divided again.
  const values = mean.map((m, c) =>
    Float32Array.from({ length: 256 }, (_, byte) => fround(fround(byte / 255) - fround(m)) / fround(std[c])),
  );
  return {
    length: paths.length,
    async read(numbers) {
      const pixels = size[0] * size[1];
      const data = new Float32Array(numbers.length * images.bytes);
      (await images.read(numbers)).forEach((image, n) => {
        for (let c = 0; c < 3; c++) {
          const own = values[c];
          const at = n * images.bytes;
          for (let i = c * pixels; i < (c + 1) * pixels; i++) data[at + i] = own[image[i]];
        }
      });
      return { [name]: ndarray(data, [numbers.length, 3, ...size]), ...labels(numbers) };
    },
  };
}
