// All of it is numbers: a thread rounds layers by this file alone, which imports no package.
import { leastScale } from "./affine.js";
import { columnErrors, type Factor, factorOf, type Round, roundColumns } from "./compensated.js";
import type { QuantizedWeight } from "./quantized-weight.js";
import { groupOf } from "./weight-grid.js";
import type { WrittenWeight } from "./write-weights.js";

/**
 * A layer's weight as units: unit u of group g multiplies n numbers of that group's operand. These are taken in parts of m, the
 * last of which may be a little shorter: moments are of the numbers of a part.
 */
export interface WeightUnits {
  readonly groups: number;
  /** Units of a group. */
  readonly count: number;
  /** Numbers that a unit multiplies: inputs, and places of a window. */
  readonly n: number;
  /** Numbers of a part. */
  readonly m: number;
  /** From a unit's first element in the weight to that of the next one. */
  readonly unitStride: number;
  /** From an element of a unit to the next one. */
  readonly stride: number;
}

export const partsOf = ({ n, m }: WeightUnits): number => Math.ceil(n / m);

/** Second moments of what a layer's weight multiplies, as means over examples and places, by group: [groups, n, n]. */
export interface Moments {
  readonly all: Float64Array;
  /** Of the examples that round while the others choose between scales and dampings; all where these are a single batch. */
  readonly some: Float64Array;
  readonly others: Float64Array;
}

/** A layer to be rounded. */
export interface RoundedLayer {
  readonly weight: Pick<WrittenWeight, "floats" | "grid" | "type" | "floor" | "stored">;
  readonly units: WeightUnits;
  readonly moments: Moments;
}

/** The share of the mean diagonal that is added to moments, with which scales are chosen. */
const USUAL = 0.01;

/** Others to the two sides of it; the second one is tried where the first one is no better. */
const OTHERS = [0.1, 0.001];

/**
 * How the scale of a channel or tensor follows from its weights w: from the largest, or by least squared errors, all alike or times mean
 * x^2. That of a block has least error when those behind in it make up for each.
 */
const SCALES = ["largest", "squares", "weighted"] as const;
type ScaleKind = (typeof SCALES)[number];

/** Units that choose for all units of a layer. */
const CHOOSING = 64;

/** How a layer is rounded. */
interface Choice {
  readonly scale: ScaleKind;
  readonly damping: number;
}

/** Rounds a layer's weight so that each error is made up for by the weights behind it. */
export function roundLayer({ weight, units, moments }: RoundedLayer): QuantizedWeight {
  const { all, some, others } = moments;
  const rounding = new LayerRounding(weight, units, some, others);
  const errorOf = (choice: Choice) => ({ ...choice, error: rounding.errorOfSome(choice) });
  const usual = rounding.scaleKinds.map((scale) => errorOf({ scale, damping: USUAL })).reduce(lessOf);
  let best = usual;
  for (const damping of OTHERS) {
    const other = errorOf({ ...usual, damping });
    best = lessOf(usual, other);
    rounding.forget(best === usual ? damping : USUAL);
    if (best !== usual) break;
  }
  if (all === some) return rounding.all(best);
  // What was chosen on some examples rounds by all of them, by factors of its own.
  rounding.forget(best.damping);
  return rounding.withMoments(all).all(best);
}

/** Of equal errors the first. */
const lessOf = <T extends { readonly error: number }>(a: T, b: T): T => (b.error < a.error ? b : a);

/** Units that are rounded together, so that a row of the factor is read once for all. */
const TOGETHER = 8;

/** A part of some units of a group. */
interface Cell {
  readonly group: number;
  readonly part: number;
  readonly chosen: readonly number[];
}

/** Weights [chosen, m], rounded, and the scale of each. */
interface RoundedCell {
  readonly before: Float64Array;
  readonly after: Float64Array;
  readonly scales: Float64Array;
  /** Of each of the chosen, on the moments that rounded. */
  readonly errors: Float64Array;
}

/** Weights by the scale that they share: those of a scale are from its start to that of the next. */
interface Sharing {
  readonly starts: Int32Array;
  readonly values: Float64Array;
  /** Where the mean square of what each one multiplies is among the moments. */
  readonly diagonal: Int32Array;
}

class LayerRounding {
  /** By damping, then by cell. */
  readonly #factors = new Map<number, Map<number, Factor>>();
  /** Scales of channels or of the tensor; NaN where they were not needed yet. */
  readonly #fixed = new Map<ScaleKind, Float32Array>();
  #sharing: Sharing | undefined;

  /**
   * @param own moments of what rounds
   * @param others of what errors are measured on
   */
  constructor(
    private readonly weight: RoundedLayer["weight"],
    private readonly units: WeightUnits,
    private readonly own: Float64Array,
    private readonly others: Float64Array,
  ) {}

  /** The same by other moments: scales that do not follow from these stay. */
  withMoments(own: Float64Array): LayerRounding {
    const other = new LayerRounding(this.weight, this.units, own, own);
    other.#sharing = this.#sharing;
    for (const [kind, scales] of this.#fixed) if (kind !== "weighted") other.#fixed.set(kind, scales);
    return other;
  }

  /** Those to choose from. */
  get scaleKinds(): readonly ScaleKind[] {
    return this.weight.grid.per === "block" ? ["weighted"] : SCALES;
  }

  /** The error of some units on the examples that choose. */
  errorOfSome(choice: Choice): number {
    const { groups, count, m } = this.units;
    const chosen = evenly(count, CHOOSING);
    let sum = 0;
    for (const group of evenly(groups, Math.ceil(CHOOSING / count))) {
      for (let part = 0; part < partsOf(this.units); part++) {
        const cell = { group, part, chosen };
        const { before, after } = this.#rounded(cell, choice);
        sum += total(columnErrors(before, after, this.#of(this.others, cell), m));
      }
    }
    return sum;
  }

  /** Frees the factors of a damping. */
  forget(damping: number): void {
    this.#factors.delete(damping);
  }

  all(choice: Choice): QuantizedWeight {
    const { stored, type, grid } = this.weight;
    const { groups, count, m } = this.units;
    const shared = grid.per === "tensor" ? this.#fixedScale(choice.scale, 0) : undefined;
    const integers = stored.integers.slice();
    const scales = shared === undefined ? stored.scales.slice() : Float32Array.of(shared);
    for (let group = 0; group < groups; group++) {
      for (let u = 0; u < count; u += TOGETHER) {
        const chosen = Array.from({ length: Math.min(TOGETHER, count - u) }, (_, k) => u + k);
        const gains = new Float64Array(chosen.length);
        const cells = Array.from({ length: partsOf(this.units) }, (_, part) => {
          const cell = { group, part, chosen };
          const own = this.#rounded(cell, choice);
          const nearest = this.#nearest(cell, shared);
          const h = this.#of(this.own, cell);
          const others = columnErrors(own.before, nearest, h, m);
          for (const c of chosen.keys()) gains[c] += others[c] - own.errors[c];
          return { cell, ...own, nearest };
        });
        for (const { cell, after, nearest, scales: used } of cells) {
          this.#visit(cell, (element, at, c) => {
            const isKept = !(gains[c] > 0);
            if (isKept && shared === undefined) return;
            const scale = used[at];
            integers[element] = Math.round((isKept ? nearest : after)[at] / scale) + type.zero;
            scales[groupOf(grid, element)] = scale;
          });
        }
      }
    }
    return { integers, scales, raised: stored.raised };
  }

  /** The moments of a cell. */
  #of(moments: Float64Array, { group, part }: Cell): Float64Array {
    const size = this.units.m ** 2;
    const cell = group * partsOf(this.units) + part;
    return moments.subarray(cell * size, (cell + 1) * size);
  }

  #factor(cell: Cell, damping: number): Factor {
    const { m } = this.units;
    const own = this.#factors.get(damping) ?? new Map<number, Factor>();
    this.#factors.set(damping, own);
    const key = cell.group * partsOf(this.units) + cell.part;
    const known = own.get(key);
    if (known !== undefined) return known;
    const h = this.#of(this.own, cell);
    let trace = 0;
    for (let i = 0; i < m; i++) trace += h[i * m + i];
    const factor = factorOf(h, m, damping * (trace / m || 1));
    own.set(key, factor);
    return factor;
  }

  /** Visits the elements of a cell's weights: with their place among [chosen, m], and the number of the unit among the chosen. */
  #visit({ group, part, chosen }: Cell, visit: (element: number, at: number, c: number) => void): void {
    const { count, n, m, unitStride, stride } = this.units;
    for (const [c, unit] of chosen.entries()) {
      const start = (group * count + unit) * unitStride + part * m * stride;
      for (let i = 0; i < Math.min(m, n - part * m); i++) visit(start + i * stride, c * m + i, c);
    }
  }

  #rounded(cell: Cell, { scale: kind, damping }: Choice): RoundedCell {
    const { m } = this.units;
    const { grid, floats } = this.weight;
    const before = new Float64Array(cell.chosen.length * m);
    const scales = new Float64Array(before.length).fill(1);
    const groups = new Int32Array(before.length).fill(-1);
    let [group, scale] = [-1, 1];
    this.#visit(cell, (element, at) => {
      before[at] = floats.data[element];
      groups[at] = groupOf(grid, element);
      if (grid.per === "block") return;
      if (groups[at] !== group) scale = this.#fixedScale(kind, groups[at]);
      group = groups[at];
      scales[at] = scale;
    });
    const after = before.slice();
    // Blocks divide all units alike.
    const blocks = new Map<number, number[]>();
    for (let i = 0; grid.per === "block" && i < m && groups[i] >= 0; i++) {
      const block = blocks.get(groups[i]);
      if (block === undefined) blocks.set(groups[i], [i]);
      else block.push(i);
    }
    const byStart = new Map([...blocks.values()].map((block) => [block[0], block]));
    const factor = this.#factor(cell, damping);
    const visit = (v: Float64Array, i: number) => {
      const block = byStart.get(i) ?? [];
      for (const c of cell.chosen.keys()) {
        const [values, weights] = [v, before].map((own) => Float64Array.from(block, (k) => own[c * m + k]));
        const scale = this.#blockScale(values, weights, block, factor, groups[c * m + i]);
        for (const k of block) scales[c * m + k] = scale;
      }
    };
    const { limit } = this.weight.type;
    const errors = new Float64Array(cell.chosen.length);
    const round: Round = (value, i, c) => {
      const rounded = roundedTo(scales[c * m + i], value, limit);
      errors[c] += factor.d[i] * (value - rounded) ** 2;
      return rounded;
    };
    roundColumns(after, factor, round, { at: new Set(byStart.keys()), visit });
    // So far with the damping, which is no error.
    for (let c = 0, at = 0; c < errors.length; c++) {
      for (const end = at + m; at < end; at++) errors[c] -= factor.damping * (before[at] - after[at]) ** 2;
      // A difference of sums: of an operand that is zero it would be rounding alone.
      errors[c] = Math.max(0, errors[c]);
    }
    return { before, after, scales, errors };
  }

  /** The weights of a cell by the nearest integers: the stored ones, or those by another scale. */
  #nearest(cell: Cell, scale: number | undefined): Float64Array {
    const { stored, type, grid, floats } = this.weight;
    const nearest = new Float64Array(cell.chosen.length * this.units.m);
    this.#visit(cell, (element, at) => {
      nearest[at] =
        scale === undefined
          ? (stored.integers[element] - type.zero) * stored.scales[groupOf(grid, element)]
          : roundedTo(scale, floats.data[element], type.limit);
    });
    return nearest;
  }

  /** The scale of a channel or of the tensor; those of blocks follow from what the rounding makes of their weights. */
  #fixedScale(kind: ScaleKind, group: number): number {
    const scales =
      this.#fixed.get(kind) ?? new Float32Array(this.weight.stored.scales.length).fill(Number.NaN);
    this.#fixed.set(kind, scales);
    if (Number.isNaN(scales[group])) scales[group] = this.#newScale(kind, group);
    return scales[group];
  }

  #newScale(kind: ScaleKind, group: number): number {
    this.#sharing ??= this.#findSharing();
    const { starts, values: all, diagonal } = this.#sharing;
    const start = starts[group];
    const values = all.subarray(start, starts[group + 1]);
    const squares = new Float64Array(values.length).fill(1);
    if (kind === "weighted")
      for (let i = 0; i < values.length; i++) squares[i] = this.own[diagonal[start + i]];
    const { limit } = this.weight.type;
    const errorOf = (scale: number, fewest: number) => {
      let error = 0;
      for (let i = 0; i < values.length && error < fewest; i++) {
        error += squares[i] * (values[i] - roundedTo(scale, values[i], limit)) ** 2;
      }
      return error;
    };
    return this.#leastScale(values, group, kind === "largest" ? undefined : errorOf);
  }

  #findSharing(): Sharing {
    const { grid, floats, stored } = this.weight;
    const { groups, count, m } = this.units;
    const starts = new Int32Array(stored.scales.length + 1);
    for (let e = 0; e < floats.data.length; e++) starts[groupOf(grid, e) + 1]++;
    for (let group = 0; group < stored.scales.length; group++) starts[group + 1] += starts[group];
    const next = starts.slice();
    const values = new Float64Array(floats.data.length);
    const diagonal = new Int32Array(values.length);
    const chosen = Array.from({ length: count }, (_, u) => u);
    const parts = partsOf(this.units);
    for (let cell = 0; cell < groups * parts; cell++) {
      const [group, part] = [Math.floor(cell / parts), cell % parts];
      this.#visit({ group, part, chosen }, (element, at) => {
        const place = next[groupOf(grid, element)]++;
        values[place] = floats.data[element];
        diagonal[place] = (cell * m + (at % m)) * m + (at % m);
      });
    }
    return { starts, values, diagonal };
  }

  /**
   * The scale of a block, of which each error is made up for by those behind in it. Weights of other blocks between them, as
   * in convolutions, are left out.
   *
   * @param values the weights with the errors before the block
   * @param weights as they were
   */
  #blockScale(
    values: Float64Array,
    weights: Float64Array,
    block: readonly number[],
    { n, u, d }: Factor,
    index: number,
  ): number {
    const own = new Float64Array(values.length);
    const { limit } = this.weight.type;
    return this.#leastScale(values, index, (scale, fewest) => {
      own.set(values);
      let error = 0;
      for (let k = 0; k < block.length && error < fewest; k++) {
        const i = block[k];
        const rounded = roundedTo(scale, own[k], limit);
        error += d[i] * (own[k] - rounded) ** 2;
        const x = weights[k] - rounded;
        for (let j = k + 1; j < block.length; j++) own[j] += u[i * n + block[j]] * x;
      }
      return error;
    });
  }

  /** The scale with the least error: from the largest weight down to half of that. */
  #leastScale(
    values: Float64Array,
    index: number,
    errorOf: ((scale: number, fewest: number) => number) | undefined,
  ): number {
    const { type, stored, floor } = this.weight;
    let largest = 0;
    for (const value of values) largest = Math.max(largest, Math.abs(value));
    if (largest === 0) return stored.scales[index];
    const least = Math.max(leastScale, floor[index]);
    const whole = Math.max(largest / type.limit, least);
    let [best, fewest] = [Math.fround(whole), Infinity];
    for (let share = 1; errorOf !== undefined && share > 0.5; share -= 0.03) {
      const scale = Math.fround(Math.max(share * whole, least));
      const error = errorOf(scale, fewest);
      if (error < fewest) [best, fewest] = [scale, error];
    }
    return best;
  }
}

/** A value as a multiple of a scale. */
const roundedTo = (scale: number, value: number, limit: number): number =>
  scale * Math.min(Math.max(Math.round(value / scale), -limit), limit);

const total = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

/** Up to `most` of `count` places, evenly. */
const evenly = (count: number, most: number): readonly number[] =>
  Array.from({ length: Math.min(count, most) }, (_, k) => Math.floor((k * count) / Math.min(count, most)));
