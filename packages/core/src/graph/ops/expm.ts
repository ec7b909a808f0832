// Scaling and squaring with a Taylor polynomial: Higham, Functions of Matrices (2008), sections 4.3 and 10.3.
import type { Graph } from "../graph.js";
import { apply, type Op, type Tensor } from "../tensor.js";
import { add, cast, div, maximum, mul, neg, pow } from "./arithmetic.js";
import { broadcastTo } from "./broadcast.js";
import { greater, less, where } from "./compare.js";
import { abs, floor, log } from "./elementary.js";
import { identity } from "./elimination.js";
import { requireSquare } from "./inverse.js";
import { fill, input } from "./leaf.js";
import { matmul } from "./matmul.js";
import { max, sum } from "./reduce.js";
import { transpose } from "./reshape.js";
import { concat, slice } from "./slice.js";
import { stopGradient } from "./stop-gradient.js";

/** Degree of the polynomial: for a norm of at most 1/2 its error is below 1e-19. */
const degree = 16;

/** A matrix of a larger norm, which may be infinite, is not scaled. */
const largestNorm = 1e30;

/** Squarings at most, which leave a norm of at most 1/2. */
const mostSquarings = Math.ceil(Math.log2(2 * largestNorm));

const expmOp: Op<Record<string, never>> = {
  name: "expm",
  infer: ([a]) => ({ shape: a.shape, dtype: a.dtype }),
  vjp: (g, { inputs: [a] }) => [differential(transposed(a), g)],
  js: {
    wholes: true,
    kernel(w, { inputs: [a] }) {
      const [result, count] = [w.result(""), w.fresh("n")];
      w.line(`const ${count}=new Float64Array(1);`);
      w.line(`${w.program(scaledGraph(a))}([${w.whole(0)}],[${result},${count}],1);`);
      const square = w.program(squaringGraph(a), { carry: { next: "x" } });
      w.line(`${square}([${result}],[${result}],${count}[0]);`);
    },
  },
  onnx: {
    emit(e, _inputs, { inputs: [a] }) {
      const { power, squarings } = scaled(a);
      // The squarings end a loop of a known bound, which derivatives of a file that is read need.
      const most = e.constant({ shape: [], data: BigInt64Array.of(BigInt(mostSquarings)) });
      const [result] = e.control("Loop", [most, e.value(greater(squarings, 0)), e.value(power)], {
        bodies: { body: { graph: loopBody(a), own: 3, captured: [e.value(squarings)] } },
        results: 1,
      });
      return result;
    },
  },
  // For a norm of at most 1/2: six products.
  flops: ({ size, shape }) => 12 * size * (shape.at(-1) as number),
};

/**
 * exp(A / 2^s) by its Taylor polynomial, and the number of squarings s that lead to exp A; s is the same for all
 * matrices of the batch.
 */
function scaled(a: Tensor): { readonly power: Tensor; readonly squarings: Tensor } {
  const norm = max(sum(abs(a), { axes: -1 }));
  const isBounded = less(norm, largestNorm);
  const wanted = neg(floor(neg(mul(log(mul(2, norm)), Math.LOG2E))));
  const squarings = where(isBounded, maximum(wanted, 0), 0);
  const power = exponential(mul(a, pow(2, neg(squarings))));
  return { power, squarings: cast(squarings, "int64") };
}

/** The sum of x^k / k! up to the degree, by Horner's rule in x^4: six products. */
function exponential(x: Tensor): Tensor {
  const [x2, one] = [matmul(x, x), broadcastTo(identity(x.shape.at(-1) as number, x.dtype), x.shape)];
  const [x3, x4] = [matmul(x2, x), matmul(x2, x2)];
  const powers = [one, x, x2, x3];
  const four = (k: number) => powers.map((p, j) => mul(p, factor(k + j))).reduce(add);
  let result = mul(one, factor(degree));
  for (let k = degree - 4; k >= 0; k -= 4) result = add(matmul(x4, result), four(k));
  return result;
}

/** 1 / k!. */
const factor = (k: number): number => (k === 0 ? 1 : factor(k - 1) / k);

function scaledGraph({ shape, dtype }: Tensor): Graph {
  const x = input(shape, dtype);
  const { power, squarings } = scaled(x);
  return {
    inputs: [{ name: "x", tensor: x }],
    outputs: [
      { name: "power", tensor: power },
      { name: "squarings", tensor: squarings },
    ],
  };
}

function squaringGraph({ shape, dtype }: Tensor): Graph {
  const x = input(shape, dtype);
  return { inputs: [{ name: "x", tensor: x }], outputs: [{ name: "next", tensor: matmul(x, x) }] };
}

/**
 * The squaring as the body of ONNX's Loop: number of the step and whether it goes on come first, the number of
 * squarings last.
 */
function loopBody(a: Tensor): Graph {
  const { inputs, outputs } = squaringGraph(a);
  const [step, squarings] = [input([], "int64"), input([], "int64")];
  return {
    inputs: [
      { name: "step", tensor: step },
      { name: "going", tensor: input([], "bool") },
      ...inputs,
      { name: "squarings", tensor: squarings },
    ],
    outputs: [{ name: "goesOn", tensor: less(add(step, 1), squarings) }, ...outputs],
  };
}

/**
 * L(A, E), the derivative of exp A along E, linear in E: the upper right block of exp [[A, E], [0, A]]. The
 * derivative's transpose is L(A', E).
 */
function differential(a: Tensor, e: Tensor): Tensor {
  const n = a.shape.at(-1) as number;
  // A large E would only add squarings, which lose digits.
  const size = stopGradient(max(abs(e)));
  const shrunk = where(greater(size, 1), div(1, size), 1);
  const zeros = fill(a.shape, 0, a.dtype);
  const rows = [concat([a, mul(e, shrunk)], { axis: -1 }), concat([zeros, a], { axis: -1 })];
  const lead = a.shape.slice(0, -2);
  const corner = slice(expm(concat(rows, { axis: -2 })), {
    starts: [...lead.map(() => 0), 0, n],
    ends: [...lead, n, 2 * n],
  });
  return div(corner, shrunk);
}

const transposed = (x: Tensor): Tensor => transpose(x, [...Array(x.rank - 2).keys(), x.rank - 1, x.rank - 2]);

/**
 * The exponential of square matrices, batched over the axes before the last two:
 *
 * exp A = I + A + A^2 / 2! + A^3 / 3! + ...
 *
 * by scaling and squaring: exp(A / 2^s) is a polynomial of degree 16, squared s times, where 2^s is at least twice
 * the largest sum of a row of |A| in the batch. The squarings are a loop in both runtimes and in exported ONNX. The
 * derivative is that of the exponential itself, of any order. NaN where A is not finite.
 *
 * @param a float [..., n, n]
 * @returns [..., n, n]
 * @throws ShapeError unless the last two axes are equal; DTypeError unless `a` is a float
 *
 * @example
 * const rotation = expm(sub(x, transpose(x))); // x [n, n]; its inverse is expm(sub(transpose(x), x))
 */
export function expm(a: Tensor): Tensor {
  requireSquare("expm", a);
  return apply(expmOp, [a], {});
}
