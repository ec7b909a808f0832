import { type Texts, textAt } from "../worker/columns.js";

/** What a table shows where there is no value. */
export const none = "–";

export function formatSeconds(seconds: number | undefined): string {
  if (seconds === undefined) return none;
  return seconds < 1 ? `${Number((1000 * seconds).toPrecision(2))} ms` : `${seconds.toPrecision(3)} s`;
}

/**
 * Attempts at teleports as a table has them: how many were accepted, the seconds of the others, and before which step the first one
 * was refused and why.
 */
export function attemptTexts({
  step,
  accepted,
  reason,
  seconds,
}: Readonly<Record<"step" | "accepted" | "seconds", Float64Array>> & { readonly reason: Texts }) {
  const first = accepted.indexOf(0);
  const spent = seconds.reduce((sum, value, k) => (accepted[k] ? sum : sum + value), 0);
  return {
    teleports: step.length === 0 ? none : `${accepted.reduce((a, b) => a + b, 0)} of ${step.length}`,
    refused: first < 0 ? none : formatSeconds(spent),
    refusal: first < 0 ? undefined : `before step ${step[first]}: ${textAt(reason, first)}`,
  };
}

/** What figures are saved as. */
export const figureFormats = ["SVG", "PNG"] as const;
export type FigureFormat = (typeof figureFormats)[number];
