import { describe, expect, it } from "vitest";
import { astype, item, type NdArray } from "../../../src/array.js";
import { add, sub } from "../../../src/graph/ops/arithmetic.js";
import { asinh, sinh, square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { inverse } from "../../../src/math/linalg.js";
import { createRng } from "../../../src/math/rng.js";
import { booth } from "../../../src/problems/booth.js";
import { type Problem, vector } from "../../../src/problems/problem.js";
import { quadratic } from "../../../src/problems/quadratic.js";
import { rosenbrock } from "../../../src/problems/rosenbrock.js";
import { rosenbrock2n } from "../../../src/problems/rosenbrock-2n.js";
import { jit } from "../../../src/runtime/jit.js";
import { product, transposed } from "../../../src/symmetry/matrix.js";
import type { VectorParams } from "../../../src/symmetry/rotation/quadratic-rotation.js";
import { type ResidualMap, residualRotation } from "../../../src/symmetry/rotation/residual-rotation.js";
import { isRefusal, type Symmetry } from "../../../src/symmetry/symmetry.js";
import { numbers } from "../../problems/support.js";

/** A quadratic of n variables with eigenvalues between about 0.1 and 10. */
function randomQuadratic(n: number, seed: number): Problem<VectorParams> {
  const rng = createRng(seed);
  const B = { shape: [n, n], data: Float64Array.from({ length: n * n }, () => rng.normal()) };
  const { data } = product(transposed(B), B);
  const matrix = { shape: [n, n], data: data.map((v, i) => v + (i % (n + 1) === 0 ? 0.1 : 0)) };
  return quadratic({ matrix, start: Array.from({ length: n }, () => rng.normal()) });
}

export const rows: readonly Problem<VectorParams>[] = [
  quadratic(),
  randomQuadratic(5, 1),
  booth(),
  rosenbrock(),
  rosenbrock2n({ pairs: 3 }),
  rosenbrock2n(),
];

export const unwrap = <P>(value: P | { readonly refused: string }): P => {
  if (isRefusal(value)) throw new Error(value.refused);
  return value as P;
};

export const difference = (a: VectorParams, b: VectorParams): number => {
  const [x, y] = [numbers(a), numbers(b)];
  return Math.hypot(...x.map((v, i) => v - y[i])) / Math.max(1e-300, Math.hypot(...x));
};

export const element = (symmetry: Symmetry<VectorParams>, seed: number, norm: number): NdArray[] => {
  const rng = createRng(seed).fork("T");
  const [shape] = symmetry.algebra;
  const data = Float64Array.from({ length: shape[0] }, () => rng.normal());
  const length = Math.hypot(...data);
  return [{ shape, data: data.map((v) => (norm * v) / length) }];
};

export const point = (problem: Problem<VectorParams>, seed: number): VectorParams => {
  const rng = createRng(seed).fork("w");
  return vector(numbers(problem.start).map(() => 1.5 * rng.normal()));
};

/** A sum of squares of n residuals r(w) = asinh(B w + c), whose inverse is B^-1 (sinh(u) - c). */
function randomResiduals(n: number, seed: number): Problem<VectorParams> {
  const rng = createRng(seed).fork("residuals");
  const B = {
    shape: [n, n],
    data: Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0) + 0.3 * rng.normal()),
  };
  const back = inverse(B);
  const shift = vector(Array.from({ length: n }, () => rng.normal())).w;
  const times = (matrix: NdArray, v: Tensor) =>
    reshape(matmul(constant(matrix, v.dtype), reshape(v, [n, 1])), [n]);
  const map: ResidualMap<VectorParams> = {
    residuals: ({ w }) => asinh(add(times(B, w), constant(shift, w.dtype))),
    inverse: (u) => ({ w: times(back, sub(sinh(u), constant(shift, u.dtype))) }),
  };
  const start = vector(Array.from({ length: n }, () => rng.normal()));
  return {
    name: "residuals",
    loss: (p) => sum(square(map.residuals(p, {}))),
    start,
    batch: {},
    symmetry: () => residualRotation(map, { params: start, batch: {} }),
  };
}

const hundreds: Readonly<Record<string, (n: number, seed: number) => Problem<VectorParams>>> = {
  quadratics: randomQuadratic,
  "residual maps of one's own": randomResiduals,
  "functions of Rosenbrock": (n, seed) => ({
    ...rosenbrock2n({ pairs: n }),
    start: point(rosenbrock2n({ pairs: n }), seed),
  }),
  "points of Booth": (_, seed) => ({ ...booth(), start: point(booth(), seed) }),
};

export const hundredsByName = Object.entries(hundreds);

export function expectSameLosses(rows: typeof hundredsByName): void {
  describe.each(rows)("rotations of 100 random %s", (_, make) => {
    // float32 in ONNX Runtime, for JavaScript computes in float64 whatever the arrays are.
    it.each([
      ["float64", "javascript", 1e-10],
      ["float32", "onnx", 1e-4],
    ] as const)("keep the loss in %s", async (dtype, runtime, tolerance) => {
      const problems = Array.from({ length: 100 }, (_v, seed) => make(2 + (seed % 5), seed));
      const typed = ({ w }: VectorParams) => ({ w: astype(w, dtype) });
      const from = problems.map(({ start }) => typed(start));
      const to = await Promise.all(
        problems.map(async (problem, seed) => {
          const symmetry = problem.symmetry();
          const norm = 3 * createRng(seed).next();
          return unwrap(await symmetry.act(from[seed], element(symmetry, seed, norm), {}));
        }),
      );
      const losses = (p: readonly TensorsOf<VectorParams>[]) => problems.map(({ loss }, i) => loss(p[i], {}));
      const run = await jit(losses, [from], { runtime });
      const lossesAt = async (p: readonly VectorParams[]) =>
        ((await run(p as never)) as unknown as readonly NdArray[]).map(item);
      const [before, after] = [await lossesAt(from), await lossesAt(to)];
      before.forEach((loss, seed) => {
        expect(Math.abs(after[seed] - loss), `problem ${seed}`).toBeLessThan(tolerance * loss);
        expect(difference(from[seed], to[seed])).toBeGreaterThan(1e-4);
      });
      await run.dispose();
    });
  });
}
