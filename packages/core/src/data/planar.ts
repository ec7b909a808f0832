// Sets of points in the plane with two classes: moons and circles as in F. Pedregosa et al., "Scikit-learn", JMLR 12,
// 2011; spirals as in K. Lang and M. Witbrock, "Learning to tell two spirals apart", 1988.
import { createRng } from "../math/rng.js";
import { integerFrom, nonNegative, number, type OptionsOf, optionTable, positive } from "../options.js";
import type { LabeledImages } from "./labeled-images.js";

export interface PlanarOptions extends OptionsOf<typeof moonsOptions> {}

export interface SpiralsOptions extends OptionsOf<typeof spiralsOptions> {}

export interface CirclesOptions extends OptionsOf<typeof circlesOptions> {}

const planarRows = {
  /** Number of points, as many of one class as of the other; default 500. */
  points: integerFrom(2).default(500),
  /** Standard deviation of what is added to both coordinates; default 0.05. */
  noise: nonNegative.default(0.05),
  /** Seed of the points; default 0. */
  seed: integerFrom(0).default(0),
};

const moonsOptions = optionTable("moons", planarRows);

const spiralsOptions = optionTable("spirals", {
  ...planarRows,
  /** Turns of an arm around the origin; default 1.5. */
  turns: positive.default(1.5),
});

const circlesOptions = optionTable("circles", {
  ...planarRows,
  /** Radius of the inner circle over that of the outer one; default 0.5. */
  factor: number({ above: 0, below: 1 }).default(0.5),
});

/** Points of a plane with their classes, 0 or 1: `images` has a row (x, y) for each. */
export type PlanarPoints = LabeledImages & { readonly classes: 2 };

/**
 * Two interleaved half circles, (cos a, sin a) and (1 - cos a, 1/2 - sin a) for a in [0, pi], with noise.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * const { images, labels } = moons({ points: 200, noise: 0.1 }); // images [200, 2], labels [200]
 */
export function moons(options: PlanarOptions = {}): PlanarPoints {
  return planar(moonsOptions.read(options), (s, label) => {
    const [x, y] = [Math.cos(Math.PI * s), Math.sin(Math.PI * s)];
    return label === 0 ? [x, y] : [1 - x, 0.5 - y];
  });
}

/**
 * Two arms of a spiral around the origin: s (cos a, sin a) with a = 2 pi turns s for s in [0, 1], and the same turned by
 * half a turn, with noise.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * const { images, labels } = spirals({ points: 200, turns: 2 }); // images [200, 2], labels [200]
 */
export function spirals(options: SpiralsOptions = {}): PlanarPoints {
  const { turns, ...rest } = spiralsOptions.read(options);
  return planar(rest, (s, label) => {
    const a = 2 * Math.PI * turns * s + Math.PI * label;
    return [s * Math.cos(a), s * Math.sin(a)];
  });
}

/**
 * A circle of radius 1, class 0, around one of radius `factor`, class 1, with noise.
 *
 * @throws OptionError for options out of range
 *
 * @example
 * const { images, labels } = circles({ points: 200, factor: 0.3 }); // images [200, 2], labels [200]
 */
export function circles(options: CirclesOptions = {}): PlanarPoints {
  const { factor, ...rest } = circlesOptions.read(options);
  return planar(rest, (s, label) => {
    const r = label === 0 ? 1 : factor;
    return [r * Math.cos(2 * Math.PI * s), r * Math.sin(2 * Math.PI * s)];
  });
}

/** Points at random places s of [0, 1) on the curves of the two classes, in turn, with normal noise. */
function planar(
  { points, noise, seed }: Required<{ [K in keyof PlanarOptions]: number }>,
  at: (s: number, label: number) => readonly [number, number],
): PlanarPoints {
  const rng = createRng(seed);
  const data = new Float32Array(2 * points);
  for (let i = 0; i < points; i++) {
    const place = at(rng.next(), i % 2);
    for (const axis of [0, 1]) data[2 * i + axis] = place[axis] + noise * rng.normal();
  }
  return {
    images: { shape: [points, 2], data },
    labels: { shape: [points], data: BigInt64Array.from({ length: points }, (_, i) => BigInt(i % 2)) },
    classes: 2,
  };
}
