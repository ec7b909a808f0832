import type { Tensor } from "isoloss";
import { ownEntry, resolveAxis } from "isoloss/internal";
import { pad, slice } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { picked, range } from "../axes.js";

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
