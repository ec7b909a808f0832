/** Bytes for a reader. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), 3);
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
