/** What a table shows where there is no value. */
export const none = "–";

export function formatSeconds(seconds: number | undefined): string {
  if (seconds === undefined) return none;
  return seconds < 1 ? `${Number((1000 * seconds).toPrecision(2))} ms` : `${seconds.toPrecision(3)} s`;
}

/** What figures are saved as. */
export const figureFormats = ["SVG", "PNG"] as const;
export type FigureFormat = (typeof figureFormats)[number];
