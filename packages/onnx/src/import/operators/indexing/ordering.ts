import type { Tensor } from "isoloss";
import { add, argmax, argsort, cast, expandDims, less, neg, oneHot, reshape, sub, where } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import type { Result, Value } from "../../value.js";
import { along, picked, range } from "../axes.js";
import { axisOf } from "../shapes.js";
import { asPositions, moveAxis, takeAlong } from "./places.js";

/** The position of the largest element of f(x) along an axis: the first one, or the last one, at a tie. */
const argExtremum =
  (f: (x: Tensor) => Tensor): Operator =>
  (call) => {
    const x = f(call.tensor(0));
    const axis = axisOf(call, call.int("axis", 0));
    const last = x.shape[axis] - 1;
    const backwards = range(last + 1).map((k) => last - k);
    const place =
      call.int("select_last_index", 0) === 1
        ? sub(last, argmax(picked(x, axis, backwards), { axis }))
        : argmax(x, { axis });
    return asPositions(call.int("keepdims", 1) === 1 ? expandDims(place, axis) : place);
  };

/** The largest or smallest elements along an axis in order, and their positions. */
function topK(call: Call): readonly Result[] {
  const x = call.tensor(0);
  const axis = axisOf(call, call.int("axis", -1));
  const count = call.attribute("k", "int") ?? call.known(1)?.[0] ?? call.fail("there is no k");
  const places = argsort(x, { axis, count, descending: call.int("largest", 1) === 1 });
  return [takeAlong(x, places, axis), asPositions(places)];
}

/** 1 at the first largest element along an axis, else 0. */
export function hardmax(x: Tensor, { axis = -1 }: { axis?: number | undefined }): Tensor {
  const at = axis < 0 ? axis + x.rank : axis;
  return moveAxis(oneHot(argmax(x, { axis: at }), x.shape[at], x.dtype), x.rank - 1, at);
}

/** Two values, off and on, by whether an index names the place along a new axis; negative ones count from the end. */
function oneHotOf(call: Call): Value {
  const given = cast(call.tensor(0), "int64");
  const depth = call.known(1)?.[0] ?? call.fail("there is no depth");
  const indices = where(less(given, 0), add(given, depth), given);
  const [off, on] = [0, 1].map((k) => reshape(along(call.tensor(2), 0, k, k + 1), []));
  const axis = axisOf(call, call.int("axis", -1), indices.rank + 1);
  const tensor = moveAxis(where(oneHot(indices, depth, "bool"), on, off), indices.rank, axis);
  return { tensor, kind: call.kind(2) };
}

export const ordering: Readonly<Record<string, Operator>> = {
  ArgMax: argExtremum((x) => x),
  ArgMin: argExtremum(neg),
  OneHot: oneHotOf,
  TopK: topK,
};
