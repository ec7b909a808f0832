import type { NdArray } from "../array.js";
import { astype, dtypeOf, isNdArray, sizeOf } from "../array.js";
import type { Dataset } from "../data/dataset.js";
import { DataError, DTypeError, ShapeError } from "../errors.js";
import type { LabelUse } from "../graph/labels.js";
import { formatShape, formatType, isFloat, type Type } from "../graph/tensor.js";

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

/** @throws DTypeError unless labels fit the default loss, which takes classes */
export function requireDefaultLabels({ labels }: DataTypes): void {
  if (labels.dtype === "int64") return;
  throw new DTypeError(
    `createTrainer: the default loss, crossEntropy, needs classes as labels, int64; got ${formatType(labels)}. ` +
      'For real numbers as targets write loss: mseLoss; for classes, labels: astype(labels, "int64").',
  );
}

/** How labels are used if no loss of the library takes them. */
export function usesByOutput({ labels }: Dataset, { shape }: Type): readonly LabelUse[] {
  return labels.shape.length === 1 && shape.length === 2 ? [{ classes: shape[1] }] : [];
}
