// The action on level sets of a convex quadratic: Zhao et al., NeurIPS 2022 (arXiv 2205.10637).
import { astype, type NdArray } from "../../array.js";
import { OptionError } from "../../errors.js";
import { square } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { eigenSymmetric } from "../../math/linalg.js";
import { defineSymmetry } from "../define-symmetry.js";
import { type Matrix, spectral } from "../matrix.js";
import type { Symmetry } from "../symmetry.js";
import {
  rotationGroup,
  rotationMatrices,
  rotationPlanes,
  skewTimes,
  tooFar,
  turned,
  unlessStill,
} from "./rotation.js";

/** Parameters of a function of R^n: one vector. */
export interface VectorParams {
  readonly w: NdArray;
}

/** A positive definite matrix with its spectrum, A = V diag(values) V', and its square roots. */
export interface PositiveForm {
  readonly n: number;
  /** Eigenvalues, ascending. */
  readonly values: Float64Array;
  /** Column j belongs to value j. */
  readonly vectors: Matrix;
  /** A^1/2. */
  readonly root: Matrix;
  /** A^-1/2. */
  readonly rootInverse: Matrix;
}

/**
 * The spectrum and the square roots of a symmetric, positive definite matrix.
 *
 * @param owner name of the caller, for error messages
 * @throws OptionError when the matrix is not square, smaller than 2 x 2, or not positive definite; NumericalError when
 *   it is not symmetric or not finite
 */
export function positiveForm(matrix: NdArray, owner: string): PositiveForm {
  const [n, columns] = matrix.shape;
  if (matrix.shape.length !== 2 || n !== columns || n < 2) {
    throw new OptionError(
      `${owner}: the matrix must be [n, n] with n >= 2, so that there is a plane to rotate; got [${matrix.shape.join(", ")}].`,
    );
  }
  const { values, vectors } = eigenSymmetric(astype(matrix, "float64"));
  if (!(values.data[0] > 1e-14 * values.data[n - 1])) {
    throw new OptionError(
      `${owner}: the matrix must be positive definite; its eigenvalues lie between ${values.data[0]} and ${values.data[n - 1]}.`,
    );
  }
  const power = (e: number) =>
    spectral(
      vectors,
      Array.from(values.data, (v) => v ** e),
    );
  return { n, values: values.data, vectors, root: power(0.5), rootInverse: power(-0.5) };
}

/**
 * Rotations that keep L = 1/2 w' A w, A symmetric and positive definite:
 *
 * g.w = A^-1/2 R A^1/2 w,  R = exp(S(T)) in SO(n)
 *
 * T holds the n (n - 1) / 2 upper entries of a skew matrix; for n = 2, one angle. The group reaches every point of a
 * level set.
 *
 * @param matrix A, [n, n]
 * @throws OptionError when the matrix is not positive definite or has n < 2; NumericalError when it is not symmetric
 *
 * @example
 * const symmetry = quadraticRotation(array([[1, 0], [0, 10]], "float64"));
 */
export function quadraticRotation(matrix: NdArray): Symmetry<VectorParams> {
  const { n, root, rootInverse } = positiveForm(matrix, "quadraticRotation");
  const map = (m: Matrix, v: Tensor) => reshape(matmul(constant(m, v.dtype), reshape(v, [n, 1])), v.shape);
  return defineSymmetry({
    name: "rotation of a quadratic",
    paths: ["w"],
    exact: "everywhere",
    algebra: [[rotationPlanes(n)]],
    bound: { kind: "norm", value: Math.PI },
    derivative: ({ w }, [T]) => ({ w: map(rootInverse, skewTimes(T, map(root, w))) }),
    trace: ({ w }, [T]) => ({ w: unlessStill(T, map(rootInverse, turned(T, map(root, w))), w) }),
    traceRefusal: n > 2 ? tooFar : undefined,
    ...rotationGroup(n),
    // J^-T = A^1/2 R A^-1/2.
    tracePushForward({ w }, [T], power) {
      const R = reshape(rotationMatrices(reshape(T, [1, T.size]), n), [n, n]);
      const cotangents = matmul(constant(root, w.dtype), matmul(R, constant(rootInverse, w.dtype)));
      const m = power === 1 ? cotangents : square(cotangents);
      return { w: reshape(matmul(m, reshape(w, [n, 1])), w.shape) };
    },
  });
}
