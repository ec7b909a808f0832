import type { NdArray } from "../array.js";
import { astype, dtypeOf, isNdArray, sizeOf } from "../array.js";
import { DataError, ShapeError } from "../errors.js";
import { formatShape, isFloat, type Tensor, type Type } from "../graph/tensor.js";
import type { LabelUse } from "../nn/losses/label-uses.js";

/** A data set in memory: examples along the first axis. */
export interface Dataset {
  /** Features as floats, or tokens as int64. */
  readonly inputs: NdArray;
  /** Classes as int64 [n], or targets as floats. */
  readonly labels: NdArray;
}

/** Types of a data set's arrays, including the axis of examples. */
export interface DataTypes {
  readonly inputs: Type;
  readonly labels: Type;
}

/**
 * Checks a data set and converts its floats to the precision of the computation.
 *
 * @throws DataError, ShapeError unless it is two arrays of equally many examples, at least one
 */
export function prepareDataset(data: Dataset, dtype: "float32" | "float64"): Dataset {
  const prepare = (name: "inputs" | "labels"): NdArray => {
    const a = data?.[name];
    if (!isNdArray(a)) {
      const got = data === null || typeof data !== "object" ? String(data) : Object.keys(data).join(", ");
      throw new DataError(
        `A data set is { inputs, labels }, both of them arrays { shape, data }; ${name} is not one. Got ${got || "nothing"}.`,
      );
    }
    if (a.shape.length === 0 || sizeOf(a.shape) !== a.data.length) {
      throw new ShapeError(
        `The ${name} of a data set need a first axis of examples and as many elements as their shape says; ` +
          `got ${a.data.length} for ${formatShape(a.shape)}.`,
      );
    }
    return isFloat(dtypeOf(a)) ? astype(a, dtype) : a;
  };
  const [inputs, labels] = [prepare("inputs"), prepare("labels")];
  if (inputs.shape[0] !== labels.shape[0] || inputs.shape[0] === 0) {
    throw new ShapeError(
      "A data set needs as many labels as inputs, and at least one; " +
        `got inputs ${formatShape(inputs.shape)} and labels ${formatShape(labels.shape)}.`,
    );
  }
  return { inputs, labels };
}

export function typesOf({ inputs, labels }: Dataset): DataTypes {
  return {
    inputs: { shape: inputs.shape, dtype: dtypeOf(inputs) },
    labels: { shape: labels.shape, dtype: dtypeOf(labels) },
  };
}

/** How labels are used if no loss of the library takes them. */
export function usesByOutput({ labels }: Dataset, { shape }: Type): readonly LabelUse[] {
  return labels.shape.length === 1 && shape.length === 2 ? [{ classes: shape[1] }] : [];
}

/**
 * Checks that labels are valid classes. The losses ignore elements with other labels, so a wrong number of
 * classes would go unnoticed.
 *
 * @param what the labels' name in the message
 * @param uses how losses use them; a label is checked only where every loss counts it
 * @param maskOf the values of a use's mask for all labels; undefined if they are not known: then nothing is checked
 * @throws DataError naming the first label that is not a class
 */
export function checkClasses(
  what: string,
  { shape, data }: NdArray,
  uses: readonly LabelUse[],
  maskOf: (mask: Tensor) => NdArray | undefined = () => undefined,
): void {
  if (!(data instanceof BigInt64Array)) return;
  for (const { classes, ignoreIndex, mask } of uses) {
    const counted = mask && maskOf(mask);
    if (mask && counted?.data.length !== data.length) continue;
    const bad = data.findIndex(
      (label, i) =>
        (label < 0n || label >= BigInt(classes)) &&
        label !== (ignoreIndex === undefined ? undefined : BigInt(ignoreIndex)) &&
        (counted === undefined || Number(counted.data[i]) !== 0),
    );
    if (bad < 0) continue;
    const example = Math.floor((bad * shape[0]) / data.length);
    throw new DataError(
      `${what} must be classes in 0..${classes - 1}, as the model has ${classes} outputs; example ${example} has label ${data[bad]}. ` +
        "Give the model more outputs, or leave out examples without a class (in a loss: ignoreIndex or mask).",
    );
  }
}
