import { sizeOf } from "../../array.js";
import { DTypeError, ShapeError } from "../../errors.js";
import { requireFlags, requireKnown } from "../../options.js";
import { Affine, Index } from "../index-expression.js";
import { forEachPlace } from "../javascript-rule.js";
import { int } from "../onnx-rule.js";
import { apply, formatShape, formatType, isFloat, type Op, requireTensor, type Tensor } from "../tensor.js";
import { broadcastShapes, broadcastTo } from "./broadcast.js";
import { reshape } from "./reshape.js";

interface MatmulAttributes extends Record<string, unknown> {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Inner products of at most this many terms are unrolled. */
const unrolled = 12;

interface Dimensions {
  readonly batch: readonly number[];
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

function dimensions(a: Tensor, b: Tensor, { transposeA, transposeB }: MatmulAttributes): Dimensions {
  const [am, ak] = transposeA ? [a.shape.at(-1), a.shape.at(-2)] : [a.shape.at(-2), a.shape.at(-1)];
  const n = transposeB ? b.shape.at(-2) : b.shape.at(-1);
  return { batch: a.shape.slice(0, -2), m: am as number, k: ak as number, n: n as number };
}

/** Checks the inner sizes and that the batch axes broadcast; messages show the caller's shapes. */
function checkShapes(a: Tensor, b: Tensor, attrs: MatmulAttributes): void {
  const mark = (t: boolean) => (t ? " (transposed)" : "");
  const misfit = (why: string) =>
    new ShapeError(
      `matmul: shapes ${formatShape(a.shape)}${mark(attrs.transposeA)} and ${formatShape(b.shape)}${mark(attrs.transposeB)} ` +
        `do not fit: ${why}`,
    );
  const { k } = dimensions(a, b, attrs);
  const kb = attrs.transposeB ? b.shape.at(-1) : b.shape.at(-2);
  if (k !== kb) throw misfit(`the inner sizes are ${k} and ${kb}; they must be equal.`);
  const [batchA, batchB] = [a, b].map((x) => x.shape.slice(0, -2));
  const fits = batchA.every((n, d) => {
    const m = batchB[d - batchA.length + batchB.length] ?? 1;
    return m === n || m === 1 || n === 1;
  });
  if (!fits) throw misfit("the axes before the last two must broadcast together.");
}

/** Batched C = op(A) op(B), where op is the identity or a transpose of the last two axes. */
const matmulOp: Op<MatmulAttributes> = {
  name: "matmul",
  infer([a, b], attrs) {
    if (!isFloat(a.dtype) || a.dtype !== b.dtype) {
      throw new DTypeError(
        `matmul takes two tensors of one float dtype; got ${formatType(a)} and ${formatType(b)}.`,
      );
    }
    const { batch, m, n } = dimensions(a, b, attrs);
    checkShapes(a, b, attrs);
    return { shape: [...batch, m, n], dtype: a.dtype };
  },
  vjp(g, { inputs: [a, b] }, { transposeA: ta, transposeB: tb }) {
    const product = (x: Tensor, y: Tensor, transposeA: boolean, transposeB: boolean) =>
      apply(matmulOp, [x, y], { transposeA, transposeB });
    return [
      ta ? product(b, g, tb, true) : product(g, b, false, !tb),
      tb ? product(g, a, true, ta) : product(a, g, !ta, false),
    ];
  },
  js: {
    unroll: ({ inputs: [a, b] }, attrs) => dimensions(a, b, attrs).k <= unrolled,
    pull(at, read, { inputs: [a, b] }, attrs) {
      const { k } = dimensions(a, b, attrs);
      const place = at.multi;
      const terms = Array.from({ length: k }, (_, p) => factors(place, Affine.of(p), a, b, attrs))
        .map(([ia, ib]) => `${read(0, ia)}*${read(1, ib)}`)
        .join("+");
      return k === 0 ? "0" : `(${terms})`;
    },
    kernel(w, node, attrs) {
      const [a, b] = node.inputs;
      const { batch, m, k, n } = dimensions(a, b, attrs);
      forEachPlace(w, batch, (lead) => {
        w.loop(m, (i) => {
          // Four columns at a time: each element of A is read once for four products.
          const block = (columns: readonly Affine[]) => {
            const sums = columns.map(() => w.fresh("s"));
            w.line(`let ${sums.map((s) => `${s}=0`).join(",")};`);
            w.loop(k, (p) => {
              const av = w.fresh("a");
              const [ia] = factors([...lead, i, columns[0]], p, a, b, attrs);
              w.line(`const ${av}=${w.read(0, ia)};`);
              columns.forEach((j, c) => {
                const [, ib] = factors([...lead, i, j], p, a, b, attrs);
                w.line(`${sums[c]}+=${av}*${w.read(1, ib)};`);
              });
            });
            columns.forEach((j, c) => {
              w.store(Index.multi(node.shape, [...lead, i, j]), sums[c]);
            });
          };
          const blocks = Math.floor(n / 4);
          if (blocks > 0) w.loop(blocks, (j) => block([0, 1, 2, 3].map((c) => j.times(4).plus(c))));
          for (let j = 4 * blocks; j < n; j++) block([Affine.of(j)]);
        });
      });
    },
  },
  onnx: {
    broadcasts: "before matrices",
    emit(e, [a, b], node, { transposeA, transposeB }) {
      if (node.rank > 2 || (!transposeA && !transposeB)) {
        return e.products([a, b], { a: transposeA, b: transposeB }, node);
      }
      return e.emit("Gemm", [a, b], { transA: int(+transposeA), transB: int(+transposeB) });
    },
  },
  flops({ inputs: [a, b], size }, attrs) {
    return 2 * size * dimensions(a, b, attrs).k;
  },
};

function factors(
  place: readonly Affine[],
  p: Affine,
  a: Tensor,
  b: Tensor,
  { transposeA, transposeB }: MatmulAttributes,
): [Index, Index] {
  const lead = place.slice(0, -2);
  const [i, j] = place.slice(-2);
  return [
    Index.multi(a.shape, [...lead, ...(transposeA ? [p, i] : [i, p])]),
    Index.multi(b.shape, [...lead, ...(transposeB ? [j, p] : [p, j])]),
  ];
}

export interface MatmulOptions {
  /** Whether the last two axes of a are swapped first; default false. */
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
}

/**
 * Matrix product of the last two axes, batched over the others, which broadcast.
 *
 * C[..., i, j] = sum_k A[..., i, k] B[..., k, j]
 *
 * @throws ShapeError when the inner sizes differ, or an operand has fewer than two axes
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  for (const operand of [a, b]) requireTensor("matmul", operand);
  requireKnown("matmul", options, ["transposeA", "transposeB"], "matmul(a, b, { transposeB: true })");
  const { transposeA = false, transposeB = false } = options;
  requireFlags("matmul", { transposeA, transposeB });
  if (a.rank < 2 || b.rank < 2) {
    throw new ShapeError(
      `matmul takes tensors of two or more axes; got ${formatShape(a.shape)} and ${formatShape(b.shape)}. ` +
        "Reshape a vector to [n, 1] or [1, n] first.",
    );
  }
  checkShapes(a, b, { transposeA, transposeB });
  const shared = b.rank === 2 && a.rank > 2 && !transposeA;
  if (shared) {
    // One matrix is shared by the whole batch: compute a single large product.
    const rows = sizeOf(a.shape.slice(0, -1));
    const flat = matmul(reshape(a, [rows, a.shape.at(-1) as number]), b, { transposeB });
    return reshape(flat, [...a.shape.slice(0, -1), flat.shape[1]]);
  }
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), "matmul");
  return apply(
    matmulOp,
    [broadcastTo(a, [...batch, ...a.shape.slice(-2)]), broadcastTo(b, [...batch, ...b.shape.slice(-2)])],
    { transposeA, transposeB },
  );
}
