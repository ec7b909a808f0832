import { sizeOf, type Tensor } from "isoloss";
import { formatShape, ownEntry, windowLength } from "isoloss/internal";
import {
  add,
  conv2d,
  convTranspose2d,
  expandDims,
  gather,
  matmul,
  maximum,
  minimum,
  mul,
  pad,
  reshape,
  scatterAdd,
  slice,
  sum,
  transpose,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { halves, overAxes, perAxis, reach, spaceOf, type Windows, windowsOf, withBias } from "./geometry.js";
import { activations } from "./recurrent.js";
import { along, floats, integers, range } from "./reductions.js";
import { schemes, weighted, zeros } from "./sampling.js";

/** Places that windows read along their first axis: a row a window. */
function firstPlaces({ kernel, stride, dilation }: Windows, count: number): Tensor {
  const [k, s, t] = [kernel[0], stride[0], dilation[0]];
  const places = range(count * k).map((i) => Math.floor(i / k) * s + (i % k) * t);
  return integers(places, [count, k]);
}

const behindFirst = (windows: Windows): Windows => overAxes(windows, (list) => list.slice(1));

const swapped = (x: Tensor): Tensor => transpose(x, [0, 2, 1, ...range(x.rank - 3).map((d) => d + 3)]);

/** The axis behind batch and channels joined with the batch. */
function intoBatch(x: Tensor): Tensor {
  const [batch, channels, depth, ...rest] = x.shape;
  return reshape(swapped(x), [batch * depth, channels, ...rest]);
}

const outOfBatch = (x: Tensor, batch: number): Tensor =>
  swapped(reshape(x, [batch, x.shape[0] / batch, ...x.shape.slice(1)]));

/** A padding of one axis behind batch and channels. */
const padFirst = (x: Tensor, before: number, after: number): Tensor =>
  pad(
    x,
    x.shape.map((_, d) => (d === 2 ? [before, after] : [0, 0])),
  );

const asImage = (x: Tensor): Tensor => expandDims(x, 2);
const asSequence = (x: Tensor): Tensor => reshape(x, [x.shape[0], x.shape[1], x.shape[3]]);

const imageOptions = ({ stride, dilation, before, after }: Windows) => ({
  stride: [stride[0], stride[1]] as const,
  dilation: [dilation[0], dilation[1]] as const,
  padding: [before[0], before[1], after[0], after[1]] as const,
});

/** Windows over a sequence as windows over an image of height 1. */
const asImageWindows = (windows: Windows): Windows => overAxes(windows, (list, none) => [none, ...list]);

/**
 * A convolution along any number of axes. With three or more the elements that windows read along the first of
 * them become channels, which leaves a convolution along the others.
 */
function convolved(x: Tensor, w: Tensor, windows: Windows, groups: number): Tensor {
  const { kernel, stride, dilation, before, after } = windows;
  if (kernel.length === 1) {
    return asSequence(convolved(asImage(x), asImage(w), asImageWindows(windows), groups));
  }
  if (kernel.length === 2) return conv2d(x, w, { ...imageOptions(windows), groups });
  const count = windowLength(x.shape[2], kernel[0], stride[0], before[0], after[0], dilation[0]);
  const read = gather(padFirst(x, before[0], after[0]), firstPlaces(windows, count), { axis: 2 });
  const [batch, channels, , k, ...rest] = read.shape;
  const images = reshape(swapped(read), [batch * count, channels * k, ...rest]);
  const weights = reshape(w, [w.shape[0], w.shape[1] * k, ...w.shape.slice(3)]);
  return outOfBatch(convolved(images, weights, behindFirst(windows), groups), batch);
}

/** The part of the axis behind batch and channels that starts at `start`, with zeros behind its end. */
function cropFirst(x: Tensor, start: number, length: number): Tensor {
  const end = Math.min(start + length, x.shape[2]);
  return padFirst(along(x, 2, start, end), 0, length - (end - start));
}

/**
 * The transpose of {@link convolved}: each element is added to the places of its window. `after` may be
 * negative: then zeros follow.
 */
function transposed(x: Tensor, w: Tensor, windows: Windows, groups: number): Tensor {
  const { kernel, stride, dilation, before, after } = windows;
  if (kernel.length === 1) {
    return asSequence(transposed(asImage(x), asImage(w), asImageWindows(windows), groups));
  }
  if (kernel.length === 2) {
    const cropped = { ...windows, after: after.map((n) => Math.max(n, 0)) };
    const y = convTranspose2d(x, w, { ...imageOptions(cropped), groups });
    const behind = after.map((n): [number, number] => [0, Math.max(-n, 0)]);
    return pad(y, [[0, 0], [0, 0], ...behind]);
  }
  const [batch, , depth] = x.shape;
  const [inputs, perGroup, k, ...rest] = w.shape;
  const weights = reshape(w, [inputs, perGroup * k, ...rest]);
  const each = outOfBatch(transposed(intoBatch(x), weights, behindFirst(windows), groups), batch);
  const [, joined, , ...space] = each.shape;
  const apart = reshape(each, [batch, joined / k, k, depth, ...space]);
  const order = [0, 1, 3, 2, ...space.map((_, d) => d + 4)];
  const full = (depth - 1) * stride[0] + reach(k, dilation[0]);
  const added = scatterAdd(transpose(apart, order), firstPlaces(windows, depth), { axis: 2, size: full });
  return cropFirst(added, before[0], full - before[0] - after[0]);
}

function conv(call: Call): Tensor {
  const [x, w] = [call.tensor(0), call.tensor(1)];
  const windows = windowsOf(call, spaceOf(call, w));
  return withBias(call, 2, convolved(x, w, windows, call.int("group", 1)));
}

/** An activation of a convolution plus the last operand. */
function fusedConv(call: Call): Tensor {
  const y = call.has(3) ? add(conv(call), call.tensor(3)) : conv(call);
  const name = call.text("activation", "");
  const [first, second] = call.attribute("activation_params", "floats") ?? [];
  if (name === "") return y;
  if (name === "Clip") return minimum(maximum(y, first), second);
  const activation =
    ownEntry(activations, name.toLowerCase()) ?? call.fail(`the activation ${name} is unknown`);
  const [alpha = 0, beta = 0] = activation.defaults;
  return activation.of(y, first ?? alpha, second ?? beta);
}

/** The output's lengths are given, or a multiple of the input's (SAME), or follow from the padding. */
function convTranspose(call: Call): Tensor {
  const [x, w] = [call.tensor(0), call.tensor(1)];
  const space = spaceOf(call);
  const kernel = spaceOf(call, w);
  const { length: count } = space;
  const stride = perAxis(call, "strides", count, 1);
  const dilation = perAxis(call, "dilations", count, 1);
  const more = perAxis(call, "output_padding", count, 0);
  const pads = perAxis(call, "pads", 2 * count, 0);
  const auto = call.text("auto_pad", "NOTSET");
  const isSame = auto === "SAME_UPPER" || auto === "SAME_LOWER";
  // Exporters list batch and channels, too.
  const given = call.ints("output_shape")?.slice(-count);
  const lengths = given ?? (isSame ? space.map((n, d) => n * stride[d]) : undefined);
  const full = space.map((n, d) => (n - 1) * stride[d] + reach(kernel[d], dilation[d]));
  const around = full.map((n, d): readonly [number, number] => {
    if (!lengths) return auto === "VALID" ? [0, -more[d]] : [pads[d], pads[d + count] - more[d]];
    const [before] = halves(auto, n + more[d] - lengths[d]);
    return [before, n - before - lengths[d]];
  });
  const y = transposed(
    x,
    w,
    { kernel, stride, dilation, before: around.map(([n]) => n), after: around.map(([, n]) => n) },
    call.int("group", 1),
  );
  return withBias(call, 2, y);
}

// J. Dai et al., "Deformable Convolutional Networks", ICCV 2017; the mask: X. Zhu et al., CVPR 2019.

/** A convolution whose windows read interpolated values at places that are moved by offsets. */
function deformConv(call: Call): Tensor {
  const [x, w, offset] = [0, 1, 2].map((i) => call.tensor(i));
  const [batch, channels, ...space] = x.shape;
  const { kernel, stride, dilation, before, after } = windowsOf(call, spaceOf(call, w));
  const outer = space.map((n, d) => windowLength(n, kernel[d], stride[d], before[d], after[d], dilation[d]));
  const [groups, parts] = [call.int("group", 1), call.int("offset_group", 1)];
  const [reads, windows, rank] = [sizeOf(kernel), sizeOf(outer), space.length];
  const expected = [batch, parts * reads * rank, ...outer];
  if (String(offset.shape) !== String(expected)) {
    return call.fail(`the offsets must be ${formatShape(expected)}; they are ${formatShape(offset.shape)}`);
  }
  const rows = batch * parts;
  const moves = reshape(offset, [rows, reads, rank, windows]);
  const places = space.map((_, d) => {
    const still = range(reads * windows).map((i) => {
      const read = coordinate(Math.floor(i / windows), kernel, d);
      return coordinate(i % windows, outer, d) * stride[d] - before[d] + read * dilation[d];
    });
    const moved = reshape(along(moves, 2, d, d + 1), [rows, reads * windows]);
    return add(moved, floats(still, x));
  });
  const images = reshape(x, [rows, channels / parts, ...space]);
  const values = sum(weighted(images, integers(range(rows)), places, schemes.linear, zeros), { axes: 2 });
  const masked = call.has(4) ? mul(values, reshape(call.tensor(4), [rows, reads * windows, 1])) : values;
  const columns = reshape(transpose(masked, [0, 2, 1]), [
    batch,
    groups,
    (channels / groups) * reads,
    windows,
  ]);
  const weights = reshape(w, [groups, w.shape[0] / groups, w.shape[1] * reads]);
  return withBias(call, 3, reshape(matmul(weights, columns), [batch, w.shape[0], ...outer]));
}

/** The coordinate along axis d of the element at a row-major offset. */
const coordinate = (offset: number, shape: readonly number[], d: number): number =>
  Math.floor(offset / sizeOf(shape.slice(d + 1))) % shape[d];

/** Offsets into an array of places given for each axis, the last axis fastest. */
const offsets = (places: readonly (readonly number[])[], shape: readonly number[]): readonly number[] =>
  places.reduce<readonly number[]>(
    (all, list, d) => all.flatMap((i) => list.map((j) => i * shape[d] + j)),
    [0],
  );

/** Adds blocks [batch, channels * block, blocks] at their places in an image. */
function colToIm(call: Call): Tensor {
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

export const convolutions: Readonly<Record<string, Operator>> = {
  Col2Im: colToIm,
  Conv: conv,
  ConvTranspose: convTranspose,
  DeformConv: deformConv,
  "com.microsoft.FusedConv": fusedConv,
};
