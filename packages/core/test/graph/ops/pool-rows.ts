import fc from "fast-check";
import {
  distinct,
  forEachPlace,
  get,
  type OpRow,
  offsetOf,
  type Place,
  range,
  seed,
  show,
  tabulate,
  tied,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
import { leakyRelu, relu } from "../../../src/graph/ops/activation.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import {
  avgPool2d,
  maxPool2d,
  maxPoolIndices2d,
  maxPoolWithIndices2d,
  maxUnpool2d,
} from "../../../src/graph/ops/pool.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { type Geometry, lengthOf, type Pair, pairOf, type Quad, quadOf, reads } from "./windows.js";

interface PoolCase {
  readonly x: Quad;
  readonly kernel: Pair;
  readonly geometry: Geometry;
  readonly seed: number;
}

const plain: Geometry = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };

const fits = ({ x, kernel, geometry }: PoolCase): boolean =>
  ([0, 1] as const).every(
    (d) =>
      lengthOf(x[2 + d], kernel[d], d, geometry) >= 1 &&
      geometry.padding[d] * 2 <= kernel[d] &&
      geometry.padding[d + 2] * 2 <= kernel[d],
  );

/** Windows that cover the image without overlap or gap; some images are wider than one block of the ONNX emitter. */
const tiling: fc.Arbitrary<PoolCase> = fc
  .oneof(
    {
      weight: 4,
      arbitrary: fc.tuple(
        fc.constantFrom(1, 2),
        fc.constantFrom(1, 3),
        pairOf(1, 2, 3),
        pairOf(1, 2, 3),
        seed,
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constant(1),
        fc.constant(1),
        pairOf(1, 2),
        fc.constantFrom<Pair>([1, 37], [1, 40]),
        seed,
      ),
    },
  )
  .map(([n, c, kernel, count, seed]) => ({
    x: [n, c, kernel[0] * count[0], kernel[1] * count[1]] as const,
    kernel,
    geometry: { ...plain, stride: kernel },
    seed,
  }));

const windows = (
  geometry: Partial<Record<keyof Geometry, fc.Arbitrary<Pair | Quad>>>,
): fc.Arbitrary<PoolCase> =>
  fc
    .record({
      n: fc.constantFrom(1, 2),
      c: fc.constantFrom(1, 3),
      size: pairOf(2, 3, 5, 6, 7),
      kernel: pairOf(1, 2, 3),
      geometry: fc.record({
        stride: (geometry.stride ?? fc.constant<Pair>([1, 1])) as fc.Arbitrary<Pair>,
        padding: (geometry.padding ?? fc.constant<Quad>([0, 0, 0, 0])) as fc.Arbitrary<Quad>,
        dilation: (geometry.dilation ?? fc.constant<Pair>([1, 1])) as fc.Arbitrary<Pair>,
      }),
      seed,
    })
    .map(({ n, c, size, kernel, geometry, seed }) => ({
      x: [n, c, ...size] as const,
      kernel,
      geometry,
      seed,
    }))
    .filter(fits);

const kinds: Readonly<Record<string, fc.Arbitrary<PoolCase>>> = {
  "tiling windows": tiling,
  "overlapping windows": windows({ stride: pairOf(1, 2) }),
  "padded windows": windows({ stride: pairOf(1, 2), padding: quadOf(0, 1) }),
  "dilated windows": windows({ stride: pairOf(1, 2), padding: quadOf(0, 1), dilation: pairOf(1, 2) }),
};

/** The places that each window of a pooling reads, in row-major order. */
function windowPlaces({ x, kernel, geometry }: PoolCase, [n, c, i, j]: Place): Place[] {
  return range(kernel[0]).flatMap((a) =>
    range(kernel[1]).flatMap((b) => {
      const row = reads(i, a, x[2], 0, geometry);
      const column = reads(j, b, x[3], 1, geometry);
      return row < 0 || column < 0 ? [] : [[n, c, row, column]];
    }),
  );
}

const pooledShape = ({ x, kernel, geometry }: PoolCase): Quad => [
  x[0],
  x[1],
  lengthOf(x[2], kernel[0], 0, geometry),
  lengthOf(x[3], kernel[1], 1, geometry),
];

/** The first largest element of a window. */
function largest(c: PoolCase, x: NdArray, at: Place): Place {
  const places = windowPlaces(c, at);
  return places.reduce((best, place) => (get(x, place) > get(x, best) ? place : best));
}

const poolLabel = (c: PoolCase): string =>
  `image ${show(c.x)} kernel ${c.kernel} ${JSON.stringify(c.geometry)} seed ${c.seed}`;

const pooling = (
  name: string,
  cases: fc.Arbitrary<PoolCase>,
  f: (x: Tensor, c: PoolCase) => Tensor,
  reference: (x: NdArray, c: PoolCase) => NdArray,
  {
    domain = (s, shape) => distinct(s, shape)[0],
    differentiable = true,
  }: {
    domain?: (seed: number, shape: Place) => NdArray;
    differentiable?: boolean | "by rule";
  } = {},
): OpRow => ({
  name,
  differentiable,
  cases: cases.map((c) => ({
    label: poolLabel(c),
    inputs: [domain(c.seed, c.x)],
    apply: (x) => f(x, c),
    reference: (x) => reference(x, c),
  })),
});

const options = ({ kernel, geometry }: PoolCase) => ({ kernel, ...geometry });

const maxima = (x: NdArray, c: PoolCase): NdArray =>
  tabulate(pooledShape(c), (at) => get(x, largest(c, x, at)));

const places = (x: NdArray, c: PoolCase): NdArray =>
  tabulate(pooledShape(c), (at) => offsetOf(c.x, largest(c, x, at)), "int64");

/** Every element of a pooled image added to the place it came from. */
function unpooled(x: NdArray, c: PoolCase, value: (x: number) => number): NdArray {
  const sums = tabulate(c.x, () => 0);
  forEachPlace(pooledShape(c), (at) => {
    const from = largest(c, x, at);
    sums.data[offsetOf(c.x, from)] = get(sums, from) + value(get(x, from));
  });
  return sums;
}

const averages = (x: NdArray, c: PoolCase, countPadding: boolean): NdArray =>
  tabulate(pooledShape(c), (at) => {
    const covered = windowPlaces(c, at);
    const sum = covered.reduce((s, place) => s + get(x, place) ** 2, 0);
    return sum / (countPadding ? c.kernel[0] * c.kernel[1] : covered.length);
  });

const nonEmpty = (cases: fc.Arbitrary<PoolCase>): fc.Arbitrary<PoolCase> =>
  cases.filter((c) => {
    let isCovered = true;
    forEachPlace(pooledShape(c), (at) => {
      isCovered &&= windowPlaces(c, at).length > 0;
    });
    return isCovered;
  });

const average = (name: string, cases: fc.Arbitrary<PoolCase>, countPadding: boolean): OpRow =>
  pooling(
    name,
    nonEmpty(cases),
    (x, c) => avgPool2d(mul(x, x), { ...options(c), countPadding }),
    (x, c) => averages(x, c, countPadding),
    { domain: uniform },
  );

export const poolRows: readonly OpRow[] = [
  ...Object.entries(kinds).flatMap(([kind, all]) => {
    const cases = nonEmpty(all);
    return [
      pooling(`maxPool2d with ${kind}`, cases, (x, c) => maxPool2d(x, options(c)), maxima),
      pooling(`maxPool2d of ties with ${kind}`, cases, (x, c) => maxPool2d(x, options(c)), maxima, {
        differentiable: "by rule",
        domain: tied,
      }),
      pooling(
        `maxPool2d of relu with ${kind}`,
        cases,
        (x, c) => maxPool2d(relu(x), options(c)),
        (x, c) => tabulate(pooledShape(c), (at) => Math.max(get(maxima(x, c), at), 0)),
      ),
      pooling(`maxPoolIndices2d with ${kind}`, cases, (x, c) => maxPoolIndices2d(x, options(c)), places, {
        differentiable: false,
      }),
      pooling(
        `maxPoolIndices2d of ties with ${kind}`,
        cases,
        (x, c) => maxPoolIndices2d(x, options(c)),
        places,
        {
          differentiable: false,
          domain: tied,
        },
      ),
      pooling(
        `maxUnpool2d of maxPoolWithIndices2d with ${kind}`,
        cases,
        (x, c) => {
          const { values, indices } = maxPoolWithIndices2d(x, options(c));
          return maxUnpool2d(mul(values, values), indices, c.x);
        },
        (x, c) => unpooled(x, c, (v) => v * v),
      ),
    ];
  }),
  pooling(
    "maxPool2d of leakyRelu",
    tiling,
    (x, c) => maxPool2d(leakyRelu(x, 0.1), options(c)),
    (x, c) => tabulate(pooledShape(c), (at) => ((v) => (v > 0 ? v : 0.1 * v))(get(maxima(x, c), at))),
  ),
  pooling(
    "maxPool2d of a falling leakyRelu",
    tiling,
    (x, c) => maxPool2d(leakyRelu(x, -0.5), options(c)),
    (x, c) =>
      maxima(
        tabulate(c.x, (at) => -0.5 * get(x, at)),
        c,
      ),
    // Negative numbers only, whose order turns round.
    {
      domain: (s, shape) =>
        tabulate(
          shape,
          (
            (a) => (at: Place) =>
              get(a, at) - 20
          )(distinct(s, shape)[0]),
        ),
    },
  ),
  average("avgPool2d with tiling windows", tiling, true),
  average("avgPool2d with any windows", kinds["dilated windows"], true),
  average("avgPool2d of covered elements", kinds["dilated windows"], false),
];
