import type { NdArray, Shape } from "../array.js";
import { ShapeError } from "../errors.js";

/** How far an output of one model is from that of another. */
export interface OutputDifference {
  readonly name: string;
  /** Shape of the output in the first run. */
  readonly shape: readonly number[];
  /** max |a - b|; NaN where no number is finite in either, so that nothing was compared. */
  readonly absolute: number;
  /** max |a - b| / max |a|; 0 if both are 0 everywhere, NaN where nothing was compared. */
  readonly relative: number;
  /** How many numbers all runs have together. */
  readonly numbers: number;
  /** How many of them are NaN in both, which says nothing. */
  readonly nan: number;
}

/** How far the results of some runs are from those that are expected. */
export function differenceOf(
  op: string,
  name: string,
  expected: readonly NdArray[],
  got: readonly NdArray[],
): OutputDifference {
  const measured = measureDifference(op, name);
  expected.forEach((own, run) => {
    measured.add(own, got[run]);
  });
  return measured.difference();
}

/** The same of pairs of runs that are given one at a time, of which none is kept. */
export function measureDifference(op: string, name: string) {
  let shape: Shape | undefined;
  let [absolute, scale, numbers, nan] = [0, 0, 0, 0];
  // Two models of NaN alone agree everywhere, whatever they compute from other inputs.
  let hasFinite = false;
  return {
    add(expected: NdArray, got: NdArray): void {
      if (got.shape.join() !== expected.shape.join()) {
        throw new ShapeError(
          `${op}: the output "${name}" has the shapes [${expected.shape.join(", ")}] and [${got.shape.join(", ")}].`,
        );
      }
      const { data } = expected;
      shape ??= expected.shape;
      numbers += data.length;
      // In locals: each assignment of a number to a variable of a closure makes an object.
      let [largest, size, isKnown, lost] = [absolute, scale, hasFinite, 0];
      for (let i = 0; i < data.length; i++) {
        const x = Number(data[i]);
        if (Number.isFinite(x)) {
          isKnown = true;
          size = Math.max(size, Math.abs(x));
        }
        const y = Number(got.data[i]);
        if (Number.isNaN(x) && Number.isNaN(y)) lost++;
        largest = Math.max(largest, distance(x, y));
      }
      [absolute, scale, hasFinite, nan] = [largest, size, isKnown, nan + lost];
    },
    /** @throws Error before any run was told */
    difference(): OutputDifference {
      if (shape === undefined) throw new Error(`${op}: no run was compared.`);
      if (absolute > 0) return { name, shape, absolute, relative: absolute / scale, numbers, nan };
      // Outputs without elements cannot differ.
      const difference = numbers === 0 || hasFinite ? 0 : Number.NaN;
      return { name, shape, absolute: difference, relative: difference, numbers, nan };
    },
  };
}

function distance(x: number, y: number): number {
  if (Object.is(x, y)) return 0;
  const apart = Math.abs(x - y);
  return Number.isNaN(apart) ? Infinity : apart;
}

/** sum (y - q)^2 / sum y^2 over arrays y and what they became, the inverse of the signal to noise ratio; 0 where they are equal. */
export function noiseRatio(expected: readonly NdArray[], got: readonly NdArray[]): number {
  let [noise, signal] = [0, 0];
  for (const [run, { data }] of expected.entries()) {
    const other = got[run].data;
    for (let i = 0; i < data.length; i++) {
      const y = Number(data[i]);
      noise += (y - Number(other[i])) ** 2;
      signal += y * y;
    }
  }
  return noise === 0 ? 0 : noise / signal;
}
