/** The least and the largest number that a value of a model takes. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

export const everything: ValueRange = { min: -Infinity, max: Infinity };

/** The least range that has both in it. */
export const hull = (a: ValueRange, b: ValueRange): ValueRange => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
});

export const intersection = (a: ValueRange, b: ValueRange): ValueRange => ({
  min: Math.max(a.min, b.min),
  max: Math.min(a.max, b.max),
});
