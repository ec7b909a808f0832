import type { Tensor } from "isoloss";
import { formatShape, ownEntry, resolveAxis } from "isoloss/internal";
import { pad, reshape, slice, transpose } from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { picked, range } from "./reductions.js";

/** The element that a place outside an axis of n repeats. */
const repetitions: Readonly<Record<string, (at: number, n: number) => number>> = {
  edge: (at, n) => Math.min(Math.max(at, 0), n - 1),
  reflect(at, n) {
    const period = Math.max(2 * (n - 1), 1);
    const within = modulo(at, period);
    return Math.min(within, period - within);
  },
  wrap: modulo,
};

function modulo(at: number, n: number): number {
  return ((at % n) + n) % n;
}

/** [before, after] of each axis. Negative padding crops. */
type Around = readonly (readonly [number, number])[];

function cropped(x: Tensor, around: Around): Tensor {
  return slice(x, {
    starts: around.map(([before]) => Math.max(-before, 0)),
    ends: around.map(([, after], d) => x.shape[d] - Math.max(-after, 0)),
  });
}

const outside = (around: Around) =>
  around.map(([before, after]): [number, number] => [Math.max(before, 0), Math.max(after, 0)]);

function padded(call: Call): Tensor {
  const x = call.tensor(0);
  const mode = call.text("mode", "constant");
  const pads = call.ints("paddings") ?? call.list("pads", 1) ?? call.fail("there are no pads");
  const axes = (call.known(3) ?? range(x.rank)).map((a) => resolveAxis(a, x.rank, "Pad"));
  const around = x.shape.map((_, d): [number, number] => {
    const k = axes.indexOf(d);
    return k < 0 ? [0, 0] : [pads[k], pads[k + axes.length]];
  });
  const cut = cropped(x, around);
  const outer = outside(around);
  if (mode === "constant") return pad(cut, outer, call.known(2)?.[0] ?? call.float("value", 0));
  const repeated =
    ownEntry(repetitions, mode) ??
    call.fail(`the mode must be constant, reflect, edge or wrap; it is ${mode}`);
  return outer.reduce((part, [before, after], axis) => {
    const n = part.shape[axis];
    if (n === 0 && before + after > 0) return call.fail(`axis ${axis} is empty: there is nothing to repeat`);
    const places = range(before + n + after).map((i) => repeated(i - before, n));
    return picked(part, axis, places);
  }, cut);
}

/** The middle of each axis, or the axis in the middle of zeros; the odd element is at the end. */
function centerCropPad(call: Call): Tensor {
  const x = call.tensor(0);
  const lengths = call.known(1) ?? call.fail("there is no shape");
  const axes = (call.ints("axes") ?? range(x.rank)).map((a) => resolveAxis(a, x.rank, "CenterCropPad"));
  const around = x.shape.map((n, d): [number, number] => {
    const k = axes.indexOf(d);
    const more = k < 0 ? 0 : lengths[k] - n;
    const before = Math.sign(more) * Math.floor(Math.abs(more) / 2);
    return [before, more - before];
  });
  return pad(cropped(x, around), outside(around));
}

export const paddings: Readonly<Record<string, Operator>> = { CenterCropPad: centerCropPad, Pad: padded };

function imageOf(call: Call): readonly [number, number, number, number] {
  const { shape } = call.tensor(0);
  if (shape.length !== 4) {
    return call.fail(`it takes images [batch, channels, height, width]; got ${formatShape(shape)}`);
  }
  return [shape[0], shape[1], shape[2], shape[3]];
}

const blockOf = (call: Call): number =>
  call.attribute("blocksize", "int") ?? call.fail("there is no blocksize");

/** Channels become square blocks of pixels; the mode says whether the block is the outer or the inner index. */
function depthToSpace(call: Call): Tensor {
  const [batch, channels, height, width] = imageOf(call);
  const block = blockOf(call);
  const rest = channels / block ** 2;
  if (!Number.isInteger(rest)) {
    return call.fail(`the ${channels} channels must be a multiple of the block's ${block ** 2} pixels`);
  }
  const isOuter = call.text("mode", "DCR") === "DCR";
  const parts = isOuter ? [block, block, rest] : [rest, block, block];
  const apart = reshape(call.tensor(0), [batch, ...parts, height, width]);
  const turned = transpose(apart, isOuter ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3]);
  return reshape(turned, [batch, rest, height * block, width * block]);
}

/** Square blocks of pixels become channels. */
function spaceToDepth(call: Call): Tensor {
  const [batch, channels, height, width] = imageOf(call);
  const block = blockOf(call);
  const [rows, columns] = [height / block, width / block];
  if (!Number.isInteger(rows) || !Number.isInteger(columns)) {
    return call.fail(`height and width must be multiples of the blocksize ${block}`);
  }
  const apart = reshape(call.tensor(0), [batch, channels, rows, block, columns, block]);
  return reshape(transpose(apart, [0, 3, 5, 1, 2, 4]), [batch, channels * block ** 2, rows, columns]);
}

export const blocks: Readonly<Record<string, Operator>> = {
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
