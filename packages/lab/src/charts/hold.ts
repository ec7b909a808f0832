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
export function heldDomain(before: Axis | undefined, fitting: Axis): readonly [number, number] {
  const { log, domain } = fitting;
  if (before === undefined || before.log !== log) return domain;
  const forward = log ? Math.log : (v: number) => v;
  const back = log ? Math.exp : (v: number) => v;
  const [a, b] = before.domain.map(forward);
  const [low, high] = domain.map(forward);
  const [isBelow, isAbove] = [low < a, high > b];
  if (high - low < least * (b - a)) return domain;
  if (!isBelow && !isAbove) return before.domain;
  const room = more * (high - low);
  const grown = [
    isBelow ? back(low - room) : before.domain[0],
    isAbove ? back(high + room) : before.domain[1],
  ] as const;
  return grown.every((v) => isDrawable(v, log)) ? grown : domain;
}
