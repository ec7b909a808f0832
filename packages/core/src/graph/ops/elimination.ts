// Inverses in standard operators, for files.
import { scan } from "../control/scan.js";
import type { Tensor } from "../tensor.js";
import { div, mul, sub } from "./arithmetic.js";
import { broadcastTo } from "./broadcast.js";
import { greater, where } from "./compare.js";
import { abs } from "./elementary.js";
import { oneHot } from "./gather.js";
import { constant, fill } from "./leaf.js";
import { matmul } from "./matmul.js";
import { argmax, sum } from "./reduce.js";
import { expandDims } from "./reshape.js";
import { concat, slice } from "./slice.js";

/** The numbers from 0 to before n by n: graphs share large constants of the same memory alone. */
const placesOf = new Map<number, BigInt64Array>();

/** The identity matrix, computed: an array of floats in a file would be one of a model's parameters. */
export function identity(n: number, dtype: Tensor["dtype"]): Tensor {
  const places = placesOf.get(n) ?? BigInt64Array.from({ length: n }, (_, i) => BigInt(i));
  placesOf.set(n, places);
  return oneHot(constant({ shape: [n], data: places }), n, dtype);
}

/**
 * Gauss-Jordan elimination with row pivots as a loop over the columns k: of the rows that were no pivots yet, the one
 * with the largest element in column k is divided by it, and subtracted from all others. [A I] becomes [P P A^-1]
 * with a permutation P.
 */
export function inverseByElimination(a: Tensor): Tensor {
  const n = a.shape.at(-1) as number;
  const lead = a.shape.slice(0, -2);
  const units = identity(n, a.dtype);
  const step = ({ rows, free }: { rows: Tensor; free: Tensor }, unit: Tensor) => {
    const column = sum(mul(part(rows, 0, n), unit), { axes: -1 });
    const chosen = oneHot(argmax(where(greater(free, 0), abs(column), -1)), n, a.dtype);
    const own = matmul(expandDims(chosen, chosen.rank - 1), rows);
    const pivot = sum(mul(chosen, column), { axes: -1, keepDims: true });
    const row = div(own, expandDims(pivot, pivot.rank - 1));
    const others = sub(rows, mul(expandDims(column, column.rank), row));
    const isChosen = expandDims(greater(chosen, 0), chosen.rank);
    return [{ rows: where(isChosen, row, others), free: sub(free, chosen) }, []] as const;
  };
  const begin = {
    rows: concat([a, broadcastTo(units, a.shape)], { axis: -1 }),
    free: fill([...lead, n], 1, a.dtype),
  };
  const [{ rows }] = scan(step, begin, units);
  return matmul(part(rows, 0, n), part(rows, n, 2 * n), { transposeA: true });
}

/** Columns of matrices. */
function part(x: Tensor, from: number, to: number): Tensor {
  const lead = x.shape.slice(0, -1);
  return slice(x, { starts: [...lead.map(() => 0), from], ends: [...lead, to] });
}
