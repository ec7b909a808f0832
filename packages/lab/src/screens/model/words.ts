// Numbers as the screen says them.

export const bytesText = (bytes: number): string =>
  bytes < 1000
    ? `${bytes} bytes`
    : bytes < 1e6
      ? `${(bytes / 1e3).toPrecision(3)} kB`
      : `${(bytes / 1e6).toPrecision(3)} MB`;

export const countText = (count: number, what: string): string =>
  `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;

const raised = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Powers as they are printed: `10^21` with raised digits. */
export const withPowers = (text: string): string =>
  text.replaceAll(/\^(\d+)/g, (_, digits: string) => [...digits].map((d) => raised[Number(d)]).join(""));

/** A relative difference: `0`, `3.1e-7`, `not finite`. */
export const driftText = (value: number): string =>
  !Number.isFinite(value)
    ? "not finite"
    : value === 0
      ? "0"
      : value < 0.01
        ? value.toExponential(1)
        : value.toPrecision(2);

export const numberText = (value: number): string =>
  value >= 1e5 || (value !== 0 && value < 1e-3)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));

/** An SQNR. */
export const decibelText = (sqnr: number): string =>
  Number.isFinite(sqnr) ? `${sqnr.toFixed(1)} dB` : sqnr > 0 ? "identical" : "not finite, or 0 before";
