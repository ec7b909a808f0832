import type { NdArray } from "../array.js";
import { astype, dtypeOf, isNdArray, sizeOf } from "../array.js";
import { DataError, ShapeError } from "../errors.js";
import { formatShape, isFloat, type Type } from "../graph/tensor.js";

/** A data set in memory: examples along the first axis. */
export interface Dataset {
  /** Features as floats, or tokens as int64. */
  readonly inputs: NdArray;
  /** Classes as int64 [n], or targets as floats. */
  readonly labels: NdArray;
}

/** Types of a data set's arrays, the axis of examples included. */
export interface DataTypes {
  readonly inputs: Type;
  readonly labels: Type;
}

/**
 * A data set with its floats in the precision of the computation.
 *
 * @throws DataError, ShapeError when it is not two arrays of equally many examples, at least one
 */
export function prepareDataset(data: Dataset, dtype: "float32" | "float64"): Dataset {
  const prepare = (name: "inputs" | "labels"): NdArray => {
    const a = data?.[name];
    if (!isNdArray(a)) {
      const got = data === null || typeof data !== "object" ? String(data) : Object.keys(data).join(", ");
      throw new DataError(
        `A data set is { inputs, labels }, both of them arrays { shape, data }; ${name} is none. Got ${got || "nothing"}.`,
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

/**
 * Checks that the labels of a classifier are classes: the losses take a label that is none for an element without
 * loss, so that a wrong number of classes would pass unseen. Anything but int64 [n] for outputs [n, classes] passes.
 *
 * @param output type of the model's output
 * @throws DataError naming the first label that is no class
 */
export function checkClasses({ labels }: Dataset, output: Type): void {
  const { data } = labels;
  if (!(data instanceof BigInt64Array) || labels.shape.length !== 1 || output.shape.length !== 2) return;
  const classes = BigInt(output.shape[1]);
  const bad = data.findIndex((label) => label < 0n || label >= classes);
  if (bad >= 0) {
    throw new DataError(
      `Labels must be classes in 0..${classes - 1n}, as the model has ${classes} outputs; example ${bad} has label ${data[bad]}. ` +
        "Give the model more outputs, or leave out examples without a class.",
    );
  }
}
