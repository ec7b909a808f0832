import type { Tensor } from "isoloss";
import { sizeOf } from "isoloss";
import { windowLength } from "isoloss/internal";
import { reshape, scatterAdd, slice } from "isoloss/ops";
import type { Call } from "../../call.js";
import { integers, range } from "../axes.js";
import { perAxis } from "./geometry.js";

/** Offsets into an array of places given for each axis, the last axis fastest. */
const offsets = (places: readonly (readonly number[])[], shape: readonly number[]): readonly number[] =>
  places.reduce<readonly number[]>(
    (all, list, d) => all.flatMap((i) => list.map((j) => i * shape[d] + j)),
    [0],
  );

/** Adds blocks [batch, channels * block, blocks] at their places in an image. */
export function colToIm(call: Call): Tensor {
  const x = call.tensor(0);
  const image = call.known(1) ?? call.fail("there is no image_shape");
  const block = call.known(2) ?? call.fail("there is no block_shape");
  const stride = perAxis(call, "strides", image.length, 1);
  const dilation = perAxis(call, "dilations", image.length, 1);
  const pads = perAxis(call, "pads", 2 * image.length, 0);
  const padded = image.map((n, d) => pads[d] + n + pads[d + image.length]);
  const counts = padded.map((n, d) => windowLength(n, block[d], stride[d], 0, 0, dilation[d]));
  const [batch, joined, blocks] = x.shape;
  const channels = joined / sizeOf(block);
  if (x.rank !== 3 || !Number.isInteger(channels) || blocks !== sizeOf(counts)) {
    return call.fail(
      `it takes [batch, channels * ${sizeOf(block)}, ${sizeOf(counts)}] for this image and block`,
    );
  }
  const within = offsets(
    block.map((n, d) => range(n).map((i) => i * dilation[d])),
    padded,
  );
  const starts = offsets(
    counts.map((n, d) => range(n).map((i) => i * stride[d])),
    padded,
  );
  const places = within.flatMap((i) => starts.map((j) => i + j));
  const updates = reshape(x, [batch, channels, places.length]);
  const flat = scatterAdd(updates, integers(places), { axis: 2, size: sizeOf(padded) });
  return slice(reshape(flat, [batch, channels, ...padded]), {
    starts: [0, 0, ...image.map((_, d) => pads[d])],
    ends: [batch, channels, ...image.map((n, d) => pads[d] + n)],
  });
}
