/** A number for a reader: few digits, plain where it is of a usual size. */
export function formatNumber(value: number, digits = 6): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(digits));
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? rounded.toExponential() : String(rounded);
}

/** An end of an interval of a ratio, which decides by whether it contains 1: with as many digits as tell it from that. */
export function endText(end: number, digits: number): string {
  const text = formatNumber(end, digits);
  return text === "1" && end !== 1 ? endText(end, digits + 1) : text;
}

/** A number of things: "1 lane", "3 lanes". */
export const countText = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** Seconds for a reader. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "? s";
  // A time that rounds to a second is printed as one.
  if (seconds < 0.995) return `${Number((1000 * seconds).toPrecision(2))} ms`;
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Bytes for a reader. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), 3);
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
