// Which clip the input of a layer comes from, and which of its channels each channel is.
import { isFloat, type Tensor } from "../../graph/tensor.js";
import type { LinearForms } from "./linear-forms.js";

export interface ClipOfInput {
  readonly index: number;
  /** The clip's channel of each channel of the input; -1 where none is known. */
  readonly channels: Int32Array;
  /** Whether the input holds values of the clip and no means of them. */
  readonly isWhole: boolean;
}

interface KnownClip {
  readonly y: Tensor;
  readonly axis: number;
  readonly forms: LinearForms;
}

/** Operations whose results are values of their first input, or zeros. */
const selecting = new Set(["reshape", "transpose", "place", "slice", "maxPool2d", "max", "alias", "cast"]);
/** Operations of which a mean consists. */
const averaging = new Set(["sum", "mul", "div"]);

/** The axis of channels of an image, or the last one. */
export const channelAxis = ({ rank }: Tensor): number => (rank > 3 ? 1 : rank - 1);

export function clipOfInput(
  x: Tensor,
  inputForms: LinearForms,
  clips: readonly KnownClip[],
): ClipOfInput | undefined {
  let isWhole = true;
  for (let at: Tensor | undefined = x; at; at = at.inputs[0]) {
    const index = clips.findIndex(({ y }) => y === at);
    if (index >= 0) return { index, channels: matching(inputForms, clips[index].forms), isWhole };
    const { name } = at.op;
    const isScaled = name !== "mul" && name !== "div" ? true : isNumber(at.inputs[1]);
    if (!isFloat(at.dtype) || !isScaled || !(selecting.has(name) || averaging.has(name))) return undefined;
    if (averaging.has(name)) isWhole = false;
  }
  return undefined;
}

const isNumber = (x: Tensor): boolean =>
  x.op.name === "constant" || (x.op.name === "broadcast" && isNumber(x.inputs[0]));

/** For each form the number of an equal one; by order where there are as many. */
function matching(forms: LinearForms, known: LinearForms): Int32Array {
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
