import { type NdArray, sizeOf } from "isoloss";
import { stridesOf } from "isoloss/internal";

/** Means of the channels of a value of floats, batch by batch. */
export class ChannelMeans {
  readonly #sums: Float64Array;
  #count = 0;

  /** @param axis of the channels; negative ones count from the last */
  constructor(
    channels: number,
    readonly axis: number,
  ) {
    this.#sums = new Float64Array(channels);
  }

  add(value: NdArray): void {
    const inner = strideOf(value, this.axis);
    const sums = this.#sums;
    const data = value.data as Float32Array;
    for (let start = 0, c = 0; start < data.length; start += inner, c = c + 1 === sums.length ? 0 : c + 1) {
      let sum = 0;
      for (let i = start; i < start + inner; i++) sum += data[i];
      sums[c] += sum;
    }
    this.#count += sizeOf(value.shape) / sums.length;
  }

  means(): Float64Array {
    return this.#sums.map((sum) => sum / this.#count);
  }
}

/** Adds a number to each channel of a value of float32, in its place. */
export function addToChannels(value: NdArray, shift: Float64Array, axis: number): void {
  const inner = strideOf(value, axis);
  const data = value.data as Float32Array;
  for (let start = 0, c = 0; start < data.length; start += inner, c = c + 1 === shift.length ? 0 : c + 1) {
    const own = shift[c];
    for (let i = start; i < start + inner; i++) data[i] += own;
  }
}

/** How many numbers of one channel follow each other. */
function strideOf({ shape }: NdArray, axis: number): number {
  return stridesOf(shape)[axis < 0 ? axis + shape.length : axis];
}
