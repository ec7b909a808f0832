// Mixtures of truncated normals and categories, one part at each of some points and one prior.
import type { Rng } from "isoloss/data";
import { normalCdf, normalQuantile } from "isoloss/linalg";
import { type Axis, type Bins, binAt } from "../axis.js";

/** A point: a number in [0, 1] for each axis, of a categorical one its index; undefined where the parameter is off. */
export type Coordinates = readonly (number | undefined)[];

/** A density on points. */
export interface Mixture {
  sample(rng: Rng): number[];
  /** Of a point, over its axes that are not off; without the factor of the number of parts. */
  logDensity(at: Coordinates): number;
}

/** One axis of one part. */
interface Kernel {
  sample(rng: Rng): number;
  logDensity(x: number): number;
}

/**
 * The mixture of m points: m + 1 equal parts. Numbers: normal at the point with sigma = max(0.2 m^(-1 / (d + 4)),
 * 1 / min(100, m + 2)), cut to [0, 1]; the mass of a bin where they are discrete; prior: mean 0.5, sigma 1. Of k
 * categories: (1[same] + 1 / (m + 1)) / (1 + k / (m + 1)); prior: 1 / k. A part that lacks a coordinate has the prior there.
 */
export function mixtureOf(axes: readonly Axis[], points: readonly Coordinates[]): Mixture {
  const m = points.length;
  const sigma = Math.max(0.2 * m ** (-1 / (axes.length + 4)), 1 / Math.min(100, m + 2));
  const prior: Coordinates = axes.map(() => undefined);
  const parts = [...points, prior].map((point) =>
    axes.map(({ isCategorical, bins }, i): Kernel => {
      const at = point[i];
      if (isCategorical && bins) return categorical(bins.count, at, 1 / (m + 1));
      return at === undefined ? normal(0.5, 1, bins) : normal(at, sigma, bins);
    }),
  );
  return {
    sample: (rng) => parts[rng.int(parts.length)].map((kernel) => kernel.sample(rng)),
    logDensity(at) {
      const logs = parts.map((kernels) =>
        kernels.reduce((sum, kernel, i) => {
          const x = at[i];
          return x === undefined ? sum : sum + kernel.logDensity(x);
        }, 0),
      );
      const most = Math.max(...logs);
      return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0));
    },
  };
}

function categorical(count: number, at: number | undefined, weight: number): Kernel {
  const of = (hits: number) => (hits + weight) / (1 + count * weight);
  if (at === undefined) {
    return { sample: (rng) => rng.int(count), logDensity: () => -Math.log(count) };
  }
  const [same, other] = [Math.log(of(1)), Math.log(of(0))];
  return {
    sample(rng) {
      if (count === 1 || rng.next() < of(1)) return at;
      const k = rng.int(count - 1);
      return k < at ? k : k + 1;
    },
    logDensity: (x) => (x === at ? same : other),
  };
}

/** A normal that is cut to [0, 1]. */
function normal(mu: number, sigma: number, bins: Bins | undefined): Kernel {
  const below = (x: number) => normalCdf((x - mu) / sigma);
  const [low, high] = [below(0), below(1)];
  const offset = -Math.log(sigma * Math.sqrt(2 * Math.PI) * (high - low));
  return {
    sample(rng) {
      const x = mu + sigma * normalQuantile(low + rng.next() * (high - low));
      return Math.min(1, Math.max(0, x));
    },
    logDensity(x) {
      if (bins === undefined) return offset - 0.5 * ((x - mu) / sigma) ** 2;
      const k = binAt(bins, x);
      return Math.log((below(bins.edge(k + 1)) - below(bins.edge(k))) / (high - low));
    },
  };
}
