// Axes that stay where they are while what they show grows.
import { type Axis, isDrawable } from "isoloss-figures/base";

/** Share of an axis that what is drawn has to take, so that the axis stays. */
const least = 1 / 3;
/** What an axis that has become too short gets in addition, as a share of what is drawn. */
const more = 0.5;

/**
 * The range of an axis after another one: the same while the values are in it and are not much less than it; else room for more is
 * added where they are not. An axis that always fits its data moves every curve in every frame.
 *
 * @param fitting the axis that fits the values, with a margin of its own
 */
export function heldDomain(
  before: Axis | undefined,
  { log, domain }: Axis,
  values: readonly number[],
): readonly [number, number] {
  const drawn = values.filter((value) => isDrawable(value, log));
  if (before?.log !== log || drawn.length === 0) return domain;
  const forward = log ? Math.log : (v: number) => v;
  const [a, b, low, high] = [...before.domain, ...domain].map(forward);
  if (high - low < least * (b - a)) return domain;
  const room = more * (high - low);
  const ends = [
    forward(Math.min(...drawn)) < a ? low - room : a,
    forward(Math.max(...drawn)) > b ? high + room : b,
  ];
  const [from, to] = log ? ends.map(Math.exp) : ends;
  return isDrawable(from, log) && isDrawable(to, log) ? [from, to] : domain;
}
