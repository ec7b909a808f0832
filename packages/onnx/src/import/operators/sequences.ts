import type { Tensor } from "isoloss";
import { concat, constant, expandDims, reshape } from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import type { Sequence, Value } from "../value.js";
import { asPositions } from "./indexing.js";
import { along, range } from "./reductions.js";
import { axisOf } from "./shapes.js";

/** A place in 0..end, from the end of the sequence if negative; `otherwise` if the operand is left out. */
function placeOf(call: Call, index: number, end: number, otherwise: number): number {
  const { length } = call.sequence(0);
  const given = call.known(index)?.[0] ?? otherwise;
  const place = given < 0 ? given + length : given;
  if (place >= 0 && place <= end) return place;
  return call.fail(`place ${given} is outside the sequence`);
}

function insert(call: Call): Sequence {
  const items = call.sequence(0);
  const place = placeOf(call, 2, items.length, items.length);
  return { items: [...items.slice(0, place), call.operand(1), ...items.slice(place)] };
}

function erase(call: Call): Sequence {
  const items = call.sequence(0);
  const place = placeOf(call, 1, items.length - 1, items.length - 1);
  return { items: items.filter((_, i) => i !== place) };
}

/** Parts of the given sizes along an axis: of one size, the last one perhaps smaller, or without sizes of size 1. */
function splitToSequence(call: Call): Sequence {
  const { tensor: x, kind } = call.operand(0);
  const axis = axisOf(call, call.int("axis", 0));
  const n = x.shape[axis];
  const given = call.known(1) ?? [1];
  const isOneSize = !call.has(1) || call.tensor(1).rank === 0;
  const starts = isOneSize
    ? range(Math.ceil(n / given[0])).map((k) => k * given[0])
    : given.map((_, k) => given.slice(0, k).reduce((a, b) => a + b, 0));
  const part = (start: number, k: number): Tensor => {
    const slice = along(x, axis, start, Math.min(start + given[isOneSize ? 0 : k], n));
    if (call.has(1) || call.int("keepdims", 1) === 1) return slice;
    return reshape(
      slice,
      x.shape.filter((_, d) => d !== axis),
    );
  };
  return { items: starts.map((start, k): Value => ({ tensor: part(start, k), kind })) };
}

function concatFromSequence(call: Call): Value {
  const items = call.sequence(0);
  if (items.length === 0) return call.fail("the sequence is empty");
  const isNew = call.int("new_axis", 0) === 1;
  const [{ tensor: first, kind }] = items;
  const axis = axisOf(call, call.int("axis", 0), first.rank + Number(isNew));
  const parts = items.map(({ tensor }) => (isNew ? expandDims(tensor, axis) : tensor));
  return { tensor: concat(parts, { axis }), kind };
}

/** Lists of tensors, and optional values: what they hold is known while the model is traced. */
export const sequences: Readonly<Record<string, Operator>> = {
  ConcatFromSequence: concatFromSequence,
  Optional: (call) => call.entry(0),
  OptionalGetElement: (call) => call.entry(0),
  OptionalHasElement: (call) => constant(Number(call.has(0)), "bool"),
  SequenceAt: (call) => call.sequence(0)[placeOf(call, 1, call.sequence(0).length - 1, 0)],
  SequenceConstruct: (call) => ({ items: call.operands.map((_, i) => call.operand(i)) }),
  SequenceEmpty: () => ({ items: [] }),
  SequenceErase: erase,
  SequenceInsert: insert,
  SequenceLength: (call) => asPositions(constant(call.sequence(0).length, "int64")),
  SplitToSequence: splitToSequence,
};
