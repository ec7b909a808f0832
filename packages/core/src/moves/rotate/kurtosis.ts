import { type Matrix, product, transposed } from "../../symmetry/matrix.js";

/** Vectors v as columns [n, m], and the number of weights and the sum of their squares that they are part of. */
export interface Vectors {
  readonly columns: Matrix;
  readonly share: number;
}

/**
 * How peaked weights are behind a rotation, and the derivative in it: the sum over all tensors of
 *
 * K = N sum w^4 / (sum w^2)^2
 *
 * which no rotation changes but by its numerator. It is 3 for normal numbers, and large where few weights set the range. Each
 * tensor counts alike, whatever its scale.
 */
export function kurtosis(all: readonly Vectors[], rotation: Matrix): { value: number; gradient: Matrix } {
  const gradient = new Float64Array(rotation.data.length);
  let value = 0;
  for (const { columns, share } of all) {
    const turned = product(rotation, columns);
    const cubes = turned.data.map((v) => v ** 3);
    value += share * turned.data.reduce((sum, v) => sum + v ** 4, 0);
    const slope = product({ shape: turned.shape, data: cubes }, transposed(columns)).data;
    for (let k = 0; k < gradient.length; k++) gradient[k] += 4 * share * slope[k];
  }
  return { value, gradient: { shape: rotation.shape, data: gradient } };
}
