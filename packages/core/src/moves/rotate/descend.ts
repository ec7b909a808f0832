// Descent on orthogonal matrices by the Cayley transform: J. Li et al., ICLR 2020, as Z. Liu et al., "SpinQuant", ICLR 2025,
// descend on rotations; here on a closed objective and with steps that it accepts.
import { solve } from "../../math/linalg.js";
import { type Matrix, plusDiagonal, product, transposed } from "../../symmetry/matrix.js";

/** Steps below this angle change nothing. */
const leastAngle = 1e-7;

/**
 * Steps R <- (I + eta/2 A)^-1 (I - eta/2 A) R with A = G R' - R G', G the gradient in R: a rotation of R along steepest
 * descent, so that R stays orthogonal. eta grows while the objective falls, and is halved where it does not, so that the end is
 * never above the start.
 */
export function descended(
  start: Matrix,
  objective: (rotation: Matrix) => { readonly value: number; readonly gradient: Matrix },
  steps: number,
): Matrix {
  let rotation = start;
  let { value, gradient } = objective(rotation);
  /** Frobenius norm of eta A. */
  let angle = 0.5;
  for (let step = 0; step < steps && angle > leastAngle; ) {
    const a = skew(product(gradient, transposed(rotation)));
    const norm = Math.sqrt(a.data.reduce((sum, v) => sum + v * v, 0));
    if (!(norm > 0)) break;
    const next = cayley(a, angle / norm, rotation);
    const there = objective(next);
    if (there.value < value) {
      rotation = next;
      ({ value, gradient } = there);
      angle *= 1.5;
      step++;
    } else angle /= 2;
  }
  return rotation;
}

/** M - M'. */
const skew = (m: Matrix): Matrix => {
  const mirrored = transposed(m).data;
  return { shape: m.shape, data: m.data.map((v, k) => v - mirrored[k]) };
};

function cayley(a: Matrix, eta: number, rotation: Matrix): Matrix {
  const half = a.data.map((v) => (eta / 2) * v);
  const plus = plusDiagonal({ shape: a.shape, data: half }, 1);
  const minus = plusDiagonal({ shape: a.shape, data: half.map((v) => -v) }, 1);
  return solve(plus, product(minus, rotation));
}
