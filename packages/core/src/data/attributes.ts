import { dtypeOf, type NdArray, ndarray, requireArray } from "../array.js";
import { DataError, describeValue, isPlainObject } from "../errors.js";

/**
 * Eight questions about a digit and the digits for which the answer is yes; no two questions are equal or
 * opposite. A written 4 may be open: it has no closed loop here.
 */
export const digitAttributes = {
  even: [0, 2, 4, 6, 8],
  prime: [2, 3, 5, 7],
  "above four": [5, 6, 7, 8, 9],
  "closed loop": [0, 6, 8, 9],
  "multiple of three": [0, 3, 6, 9],
  "power of two": [1, 2, 4, 8],
  "straight strokes": [1, 4, 7],
  square: [0, 1, 4, 9],
} as const satisfies Record<string, readonly number[]>;

export type DigitAttribute = keyof typeof digitAttributes;

/**
 * Answers to yes-or-no questions about classes, as numbers for binary cross-entropy.
 *
 * @param labels classes
 * @param attributes the classes of each question for which the answer is yes; default {@link digitAttributes}
 * @returns for each question: 1 or 0, float32 [n]
 * @throws DataError for a label that is not a non-negative integer
 *
 * @example
 * const { images, labels } = digits();
 * const data = { x: images, ...attributesOf(labels) };
 */
export function attributesOf<Name extends string = DigitAttribute>(
  labels: NdArray<BigInt64Array>,
  attributes: Readonly<Record<Name, readonly number[]>> = digitAttributes as Readonly<
    Record<string, readonly number[]>
  >,
): Record<Name, NdArray<Float32Array>> {
  requireArray("attributesOf", labels);
  if (dtypeOf(labels) !== "int64") {
    throw new DataError(
      `attributesOf takes int64 classes; got ${dtypeOf(labels)}. Convert them with astype(labels, "int64").`,
    );
  }
  const isList = (classes: unknown) => Array.isArray(classes) && classes.every(Number.isInteger);
  if (!isPlainObject(attributes) || !Object.values(attributes).every(isList)) {
    throw new DataError(
      `attributesOf takes lists of classes by question; got ${describeValue(attributes)}. Write attributesOf(labels, { even: [0, 2, 4] }).`,
    );
  }
  const bad = labels.data.find((label) => label < 0n);
  if (bad !== undefined) throw new DataError(`attributesOf takes classes 0, 1, ...; got ${bad}.`);
  const entries = Object.entries(attributes as Record<string, readonly number[]>).map(([name, classes]) => {
    const yes = new Set(classes.map(BigInt));
    const data = Float32Array.from({ length: labels.data.length }, (_, i) =>
      yes.has(labels.data[i]) ? 1 : 0,
    );
    return [name, ndarray(data, labels.shape)];
  });
  return Object.fromEntries(entries);
}
