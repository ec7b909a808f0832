import { allocate, dtypeOf, isNdArray, type NdArray } from "../../array.js";
import { DataError, describeValue, ShapeError } from "../../errors.js";
import type { Rng } from "../../math/rng.js";
import { text } from "../../options.js";
import type { Transform } from "../streams/mapped.js";

/** Arrays by name, of which transforms change some. */
export type Example = { readonly [name: string]: NdArray };

export interface ArrayOption {
  /** Name of the array; default inputs. */
  readonly array?: string | undefined;
}

export const arrayRow = {
  /** Name of the array; default inputs. */
  array: text("the name of an array, such as inputs").default("inputs"),
};

/** The array of a part that a transform changes. @throws DataError unless it is there and of floats */
export function floatsOf(op: string, part: object, name: string): NdArray {
  const a = (part as Example)[name];
  if (isNdArray(a) && (dtypeOf(a) === "float32" || dtypeOf(a) === "float64")) return a;
  throw new DataError(
    `${op} changes the array "${name}", which must be of floats; got ${describeValue(a)}. The parts have ${Object.keys(part).join(", ")}: name one with { array }.`,
  );
}

/** A plane of an image: a channel. */
export interface Plane {
  readonly height: number;
  readonly width: number;
  readonly from: NdArray["data"];
  readonly to: NdArray["data"];
  /** Where the channel begins in both. */
  readonly start: number;
}

/**
 * A transform of images [n, channels, height, width], which draws once for each image and does the same to its channels.
 *
 * @param draw what is drawn for an image
 * @param change writes a channel
 */
export function imageTransform<D>(
  op: string,
  array: string,
  draw: (rng: Rng, size: { readonly height: number; readonly width: number }) => D,
  change: (plane: Plane, drawn: D) => void,
): Transform {
  return {
    name: op,
    apply(part, rngOf) {
      const a = floatsOf(op, part, array);
      if (a.shape.length !== 4) {
        throw new ShapeError(
          `${op} takes images [n, channels, height, width]; "${array}" has the shape [${a.shape.join(", ")}]. Reshape it first.`,
        );
      }
      const [count, channels, height, width] = a.shape;
      const to = allocate(dtypeOf(a), a.data.length);
      for (let n = 0; n < count; n++) {
        const drawn = draw(rngOf(n), { height, width });
        for (let c = 0; c < channels; c++) {
          change({ height, width, from: a.data, to, start: (n * channels + c) * height * width }, drawn);
        }
      }
      return { ...part, [array]: { shape: a.shape, data: to } };
    },
  };
}
