import { allocate, dtypeOf } from "../../array.js";
import { ShapeError } from "../../errors.js";
import { anyOf, finite, listOf, type OptionsOf, optionTable, positive } from "../../options.js";
import type { Transform } from "../streams/mapped.js";
import { type ArrayOption, arrayRow, floatsOf } from "./images.js";

export interface NormalizeOptions extends ArrayOption, OptionsOf<typeof normalizeOptions> {}

const normalizeOptions = optionTable("normalize", {
  /** One number, or one for each channel. */
  mean: anyOf(finite, listOf(finite, { least: 1 })).required(),
  /** One number above 0, or one for each channel. */
  std: anyOf(positive, listOf(positive, { least: 1 })).required(),
  ...arrayRow,
});

/**
 * (x - mean) / std, by channel along axis 1 where there are several numbers.
 *
 * @throws OptionError for options out of range; ShapeError from a stream whose arrays have another number of channels
 *
 * @example
 * const { images, labels } = digits();
 * const stream = mapped(streamOf({ inputs: images, labels }), normalize({ mean: 0.3, std: 0.35 }));
 */
export function normalize(options: NormalizeOptions): Transform {
  const { mean, std, array } = normalizeOptions.read(options);
  const [means, stds] = [[mean].flat(), [std].flat()];
  return {
    name: "normalize",
    apply(part) {
      const a = floatsOf("normalize", part, array);
      const channels = a.shape[1] ?? 1;
      for (const list of [means, stds]) {
        if (list.length === 1 || list.length === channels) continue;
        throw new ShapeError(
          `normalize has ${list.length} numbers for the ${channels} channels of "${array}" [${a.shape.join(", ")}].`,
        );
      }
      const size = a.data.length / (a.shape[0] * channels);
      const data = allocate(dtypeOf(a), a.data.length);
      for (let i = 0; i < data.length; i++) {
        const c = Math.floor(i / size) % channels;
        data[i] = (Number(a.data[i]) - means[c % means.length]) / stds[c % stds.length];
      }
      return { ...part, [array]: { shape: a.shape, data } };
    },
  };
}
