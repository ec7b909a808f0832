import fc from "fast-check";
import {
  forEachPlace,
  get,
  type OpRow,
  offsetOf,
  type Place,
  seed,
  show,
  tabulate,
  uniform,
} from "isoloss-test-support/graph/ops/op-case";
import type { NdArray } from "../../../src/array.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { conv2d, convTranspose2d } from "../../../src/graph/ops/conv.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { type Geometry, lengthOf, type Pair, pairOf, type Quad, quadOf, reads } from "./windows.js";

const geometries: fc.Arbitrary<Geometry> = fc.record({
  stride: pairOf(1, 1, 2, 3),
  padding: fc.oneof(fc.constant<Quad>([0, 0, 0, 0]), quadOf(0, 1, 2)),
  dilation: pairOf(1, 1, 2),
});

interface ConvCase {
  readonly x: Quad;
  readonly w: Quad;
  readonly groups: number;
  readonly geometry: Geometry;
  readonly seed: number;
}

const convCases: fc.Arbitrary<ConvCase> = fc
  .record({
    n: fc.constantFrom(1, 2, 3),
    groups: fc.constantFrom(1, 1, 2, 3),
    channels: fc.constantFrom(1, 2, 5),
    outputs: fc.constantFrom(1, 2, 3),
    size: pairOf(1, 2, 3, 5, 6),
    kernel: pairOf(1, 2, 3),
    geometry: geometries,
    seed,
  })
  .map(({ n, groups, channels, outputs, size, kernel, geometry, seed }) => ({
    x: [n, groups * channels, ...size] as const,
    w: [groups * outputs, channels, ...kernel] as const,
    groups,
    geometry,
    seed,
  }))
  .filter(({ x, w, geometry }) =>
    ([0, 1] as const).every((d) => lengthOf(x[2 + d], w[2 + d], d, geometry) >= 1),
  );

/** Visits every product of a convolution: the three elements that meet. */
function forEachProduct(
  x: Place,
  w: Place,
  y: Place,
  groups: number,
  geometry: Geometry,
  visit: (x: Place, w: Place, y: Place) => void,
): void {
  forEachPlace(y, ([n, o, i, j]) => {
    const group = Math.floor(o / (w[0] / groups));
    forEachPlace(w.slice(1), ([c, a, b]) => {
      const row = reads(i, a, x[2], 0, geometry);
      const column = reads(j, b, x[3], 1, geometry);
      if (row >= 0 && column >= 0) visit([n, group * w[1] + c, row, column], [o, c, a, b], [n, o, i, j]);
    });
  });
}

const label = ({ x, w, groups, geometry, seed }: ConvCase): string =>
  `image ${show(x)} kernel ${show(w)} groups ${groups} ${JSON.stringify(geometry)} seed ${seed}`;

const outputOf = ({ x, w, geometry }: ConvCase): Quad => [
  x[0],
  w[0],
  lengthOf(x[2], w[2], 0, geometry),
  lengthOf(x[3], w[3], 1, geometry),
];

const convInputs = (c: ConvCase): NdArray[] => [uniform(c.seed, c.x), uniform(c.seed + 1, c.w)];

function convolved(c: ConvCase, x: NdArray, w: NdArray): NdArray {
  const y = tabulate(outputOf(c), () => 0);
  forEachProduct(c.x, c.w, y.shape, c.groups, c.geometry, (atX, atW, atY) => {
    y.data[offsetOf(y.shape, atY)] = get(y, atY) + get(x, atX) * get(w, atW);
  });
  return y;
}

const convRow: OpRow = {
  name: "conv2d",
  cases: convCases.map((c) => ({
    label: label(c),
    inputs: convInputs(c),
    apply: (x, w) => conv2d(x, w, { ...c.geometry, groups: c.groups }),
    reference: (x, w) => convolved(c, x, w),
  })),
};

const transposedRow: OpRow = {
  name: "convTranspose2d",
  cases: convCases.map((c) => {
    const y = outputOf(c);
    // What the forward convolution leaves of the image after its last window.
    const outputPadding = ([0, 1] as const).map((d) => {
      const { stride, padding, dilation } = c.geometry;
      const used = (y[2 + d] - 1) * stride[d] + dilation[d] * (c.w[2 + d] - 1) + 1;
      return c.x[2 + d] + padding[d] + padding[d + 2] - used;
    }) as unknown as Pair;
    return {
      label: `${label(c)} outputPadding ${outputPadding}`,
      inputs: [uniform(c.seed, y), uniform(c.seed + 1, c.w)],
      apply: (g, w) => convTranspose2d(g, w, { ...c.geometry, groups: c.groups, outputPadding }),
      reference: (g, w) => {
        const x = tabulate(c.x, () => 0);
        forEachProduct(c.x, c.w, y, c.groups, c.geometry, (atX, atW, atY) => {
          x.data[offsetOf(c.x, atX)] = get(x, atX) + get(g, atY) * get(w, atW);
        });
        return x;
      },
    };
  }),
};

const biasRow: OpRow = {
  name: "conv2d plus a bias",
  cases: convCases
    .chain((c) => fc.tuple(fc.constant(c), fc.boolean()))
    .map(([c, isVector]) => ({
      label: label(c),
      inputs: [...convInputs(c), uniform(c.seed + 2, isVector ? [c.w[0]] : [1, c.w[0], 1, 1])],
      apply: (x, w, b) =>
        add(conv2d(x, w, { ...c.geometry, groups: c.groups }), isVector ? reshape(b, [-1, 1, 1]) : b),
      reference: (x, w, b) => {
        const y = convolved(c, x, w);
        return tabulate(y.shape, (at) => get(y, at) + Number(b.data[at[1]]));
      },
    })),
};

export const convRows: readonly OpRow[] = [convRow, biasRow, transposedRow];
