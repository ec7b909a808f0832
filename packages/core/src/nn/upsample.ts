import { ShapeError } from "../errors.js";
import { constant } from "../graph/ops/leaf.js";
import { matmul } from "../graph/ops/matmul.js";
import { formatShape, requireTensor, type Tensor } from "../graph/tensor.js";

/**
 * Images of twice the height and width, by bilinear interpolation whose corner pixels stay corner pixels.
 *
 * y[.., i, j] = the value at (i (h - 1) / (2 h - 1), j (w - 1) / (2 w - 1)) of x, linear between its pixels; what
 * PyTorch's interpolate does with scale_factor 2, mode bilinear, align_corners
 *
 * @param x [..., height, width]
 * @throws ShapeError for fewer than two axes
 *
 * @example
 * upsample2d(x).shape; // 1, 1, 4, 6 for x of shape [1, 1, 2, 3]
 */
export function upsample2d(x: Tensor): Tensor {
  requireTensor("upsample2d", x);
  if (x.rank < 2) {
    throw new ShapeError(`upsample2d takes [..., height, width]; got ${formatShape(x.shape)}.`);
  }
  const [height, width] = x.shape.slice(-2);
  const rows = constant(doubling(height), x.dtype);
  const columns = constant(doubling(width), x.dtype);
  return matmul(rows, matmul(x, columns, { transposeB: true }));
}

/** The matrix [2 n, n] of the interpolation along an axis. */
function doubling(n: number): { shape: [number, number]; data: Float64Array } {
  const data = new Float64Array(2 * n * n);
  for (let i = 0; i < 2 * n; i++) {
    const at = (i * (n - 1)) / (2 * n - 1);
    const below = Math.floor(at);
    data[i * n + below] += 1 - (at - below);
    if (below + 1 < n) data[i * n + below + 1] += at - below;
  }
  return { shape: [2 * n, n], data };
}
