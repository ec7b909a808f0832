// Sizes that a file leaves open.
import type { Shape } from "isoloss";
import type { ImportedInput } from "isoloss/onnx";

/** Sizes by the name of an axis, or `input[axis]` where the file has no name for it. */
export type Sizes = Readonly<Record<string, number>>;

/** Sizes to begin with, as on the command line: of a first axis, which is that of the examples, and of any other. */
const [examples, other] = [4, 32];

const axisName = (input: string, axis: number, size: string): string => size || `${input}[${axis}]`;

/** A size for each axis that the inputs leave open, as given or to begin with. */
export function openSizes(inputs: readonly ImportedInput[], given: Sizes): Sizes {
  const sizes: Record<string, number> = {};
  for (const { name: input, shape = [] } of inputs) {
    for (const [axis, size] of shape.entries()) {
      if (typeof size !== "string") continue;
      const name = axisName(input, axis, size);
      sizes[name] = given[name] ?? (axis === 0 ? examples : (sizes[name] ?? other));
    }
  }
  return sizes;
}

export const shapeOf = ({ name, shape = [] }: ImportedInput, sizes: Sizes): Shape =>
  shape.map((size, axis) => (typeof size === "number" ? size : sizes[axisName(name, axis, size)]));
