// Axes that stay where they are while what they show grows.
import { type Axis, isDrawable } from "isoloss-figures/base";

/** Share of an axis that what is drawn has to take, so that the axis stays. */
const least = 1 / 3;
/** What an axis that has become too short gets in addition, as a share of what is drawn. */
const more = 0.5;

/**
 * The range of an axis after another one: the same while the new one fits and is not much smaller; else room for more is added
 * where it does not fit. An axis that always fits its data moves every curve in every frame.
 *
 * @param fitting the axis that fits the data
 */
export function heldDomain(before: Axis | undefined, { log, domain }: Axis): readonly [number, number] {
  if (before?.log !== log) return domain;
  const forward = log ? Math.log : (v: number) => v;
  const [a, b, low, high] = [...before.domain, ...domain].map(forward);
  if (high - low < least * (b - a)) return domain;
  const room = more * (high - low);
  const ends = [low < a ? low - room : a, high > b ? high + room : b];
  const [from, to] = log ? ends.map(Math.exp) : ends;
  return isDrawable(from, log) && isDrawable(to, log) ? [from, to] : domain;
}
