// Which ReLU or clip the values of a tensor come from, and which of its channels each channel is.
import { constantValue } from "../../graph/ops/leaf.js";
import { isFloat, type Tensor } from "../../graph/tensor.js";
import type { LinearForms } from "./linear-forms.js";
import { type Clip, rectified } from "./relaxed-clips.js";

export interface Source {
  /** What the ReLU, or that of the clip, takes in. */
  readonly z: Tensor;
  readonly clip: Clip | undefined;
  /** Whether the tensor holds values of it and no means of them. */
  readonly isWhole: boolean;
}

/** Operations whose results are values of their first input, or zeros. */
const selecting = new Set(["reshape", "transpose", "place", "slice", "maxPool2d", "max", "alias", "cast"]);
/** Operations of which a mean consists. */
const averaging = new Set(["sum", "mul", "div"]);

/** The axis of channels of an image, or the last one. */
export const channelAxis = ({ rank }: Tensor): number => (rank > 3 ? 1 : rank - 1);

export function sourceOf(x: Tensor, clips: ReadonlyMap<Tensor, Clip>): Source | undefined {
  let isWhole = true;
  /** What values of the source are multiplied by, where they are summed: 1 for a mean. */
  let factor = 1;
  for (let at: Tensor | undefined = x; at; at = at.inputs[0]) {
    const clip = clips.get(at);
    const z = rectified(clip?.z ?? at);
    if (z) return Math.abs(factor - 1) < 1e-3 ? { z, clip, isWhole } : undefined;
    const { name } = at.op;
    if (!isFloat(at.dtype)) return undefined;
    if (averaging.has(name)) {
      const own = multiplier(at);
      if (own === undefined) return undefined;
      factor *= own;
      isWhole = false;
    } else if (!selecting.has(name)) return undefined;
  }
  return undefined;
}

/** What a sum, or a product with a number, multiplies equal values by. */
function multiplier({ op, inputs: [x, other], size }: Tensor): number | undefined {
  if (op.name === "sum") return x.size / size;
  const number = constantValue(other);
  return number === undefined || op.name === "mul" ? number : 1 / number;
}

/** For each form the number of an equal one, by order where there are as many; -1 where none is known. */
export function matching(forms: LinearForms, known: LinearForms): Int32Array {
  if (forms.count === known.count) return Int32Array.from({ length: forms.count }, (_, i) => i);
  const numbers = new Map(Array.from({ length: known.count }, (_, i) => [keyOf(known, i), i]));
  numbers.delete("");
  return Int32Array.from({ length: forms.count }, (_, i) => numbers.get(keyOf(forms, i)) ?? -1);
}

function keyOf({ starts, units, coefficients }: LinearForms, i: number): string {
  const terms = [];
  for (let k = starts[i]; k < starts[i + 1]; k++) terms.push(`${units[k]}*${coefficients[k]}`);
  return terms.join();
}
