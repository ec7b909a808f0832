import type { Panel } from "./canvas.js";
import { type LineChartData, nearestIndex } from "./line-chart.js";

interface Shown {
  readonly data: LineChartData;
  readonly layout: Panel | undefined;
  readonly domain: readonly [number, number];
  readonly cursor: number | undefined;
}

/** Moves a chart's cursor by pointer and by keys: from point to point, ten with Shift, to the ends, away with Escape. */
export function chartKeys(
  shown: () => Shown,
  move: (x: number | undefined) => void,
  pick: ((x: number) => void) | undefined,
) {
  const valueAt = (event: PointerEvent): number | undefined => {
    const { layout, domain, data } = shown();
    if (layout === undefined) return undefined;
    const { left, right, x } = layout;
    const t = (event.offsetX - left) / (right - left);
    const [a, b] = x.domain;
    const value = data.logX ? Math.exp(Math.log(a) + t * Math.log(b / a)) : a + t * (b - a);
    return Math.max(domain[0], Math.min(domain[1], data.whole ? Math.round(value) : value));
  };
  /** The x of the longest curve: the cursor goes along its points. */
  const places = (): ArrayLike<number> =>
    shown().data.series.reduce<ArrayLike<number>>((a, { x }) => (x.length > a.length ? x : a), []);
  const step = (by: number) => {
    const xs = places();
    if (xs.length === 0) return;
    const { cursor } = shown();
    const from = cursor === undefined ? (by > 0 ? -1 : xs.length) : nearestIndex(xs, cursor);
    move(xs[Math.max(0, Math.min(xs.length - 1, from + by))]);
  };
  return {
    keydown(event: KeyboardEvent) {
      const by = event.shiftKey ? 10 : 1;
      const { cursor, domain } = shown();
      const actions: Readonly<Record<string, () => void>> = {
        ArrowRight: () => step(by),
        ArrowUp: () => step(by),
        ArrowLeft: () => step(-by),
        ArrowDown: () => step(-by),
        PageUp: () => step(10),
        PageDown: () => step(-10),
        Home: () => move(domain[0]),
        End: () => move(domain[1]),
        Escape: () => move(undefined),
        ...(pick && cursor !== undefined ? { Enter: () => pick(cursor) } : {}),
      };
      const action = actions[event.key];
      if (action === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    },
    pointermove: (event: PointerEvent) => move(valueAt(event)),
    pointerdown(event: PointerEvent) {
      const value = valueAt(event);
      // A finger that taps does not move.
      move(value);
      if (value !== undefined) pick?.(value);
    },
  };
}
