import { describeValue, OptionError } from "../../errors.js";

/** How a window moves over an image. Pairs are [vertical, horizontal]; padding is [top, left, bottom, right]. */
export interface Window extends Record<string, unknown> {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
  readonly dilation: readonly [number, number];
}

export interface ConvAttributes extends Window {
  readonly groups: number;
}

/** Output length of a window along one axis. */
export function windowLength(
  n: number,
  kernel: number,
  stride: number,
  before: number,
  after: number,
  dilation: number,
): number {
  return Math.floor((n + before + after - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** A number for both axes, or [vertical, horizontal]. */
export type Pair = number | readonly [number, number];

export interface WindowOptions {
  readonly stride?: Pair | undefined;
  /** Zeros around the image: a number, [vertical, horizontal] or [top, left, bottom, right]. */
  readonly padding?: Pair | readonly [number, number, number, number] | undefined;
  readonly dilation?: Pair | undefined;
}

export interface ConvOptions extends WindowOptions {
  /** Number of groups of channels that are convolved separately; default 1. */
  readonly groups?: number | undefined;
}

export interface ConvTransposeOptions extends ConvOptions {
  /** Rows and columns added at the end, fewer than the stride; default 0. */
  readonly outputPadding?: Pair | undefined;
}

const windowOptions = ["stride", "padding", "dilation"] as const;
export const convOptions = [...windowOptions, "groups"] as const;
export const convTransposeOptions = [...convOptions, "outputPadding"] as const;
export const poolOptions = ["kernel", ...windowOptions] as const;

/** [vertical, horizontal], two integers >= `least`. */
export function resolvePair(op: string, name: string, value: Pair, least: number): readonly [number, number] {
  const pair = typeof value === "number" ? ([value, value] as const) : value;
  if (isList(pair, 2, least)) return pair;
  throw new OptionError(
    `${op}: ${name} must be an integer >= ${least} or two, [vertical, horizontal]; got ${name} ${describeValue(value)}.`,
  );
}

const isList = (value: unknown, length: number, least: number): boolean =>
  Array.isArray(value) && value.length === length && value.every((n) => Number.isInteger(n) && n >= least);

/** Checks window options and fills in the defaults. */
export function resolveWindow(op: string, { stride = 1, padding = 0, dilation = 1 }: WindowOptions): Window {
  const full = typeof padding === "number" ? [padding, padding] : padding;
  if (!isList(full, 2, 0) && !isList(full, 4, 0)) {
    throw new OptionError(
      `${op}: padding must be an integer >= 0, [vertical, horizontal] or [top, left, bottom, right]; ` +
        `got padding ${describeValue(padding)}.`,
    );
  }
  const [top, left, bottom = top, right = left] = full;
  return {
    stride: resolvePair(op, "stride", stride, 1),
    padding: [top, left, bottom, right],
    dilation: resolvePair(op, "dilation", dilation, 1),
  };
}

export function requireGroups(op: string, groups: number): void {
  if (!Number.isInteger(groups) || groups < 1) {
    throw new OptionError(`${op}: groups must be an integer >= 1; got ${describeValue(groups)}.`);
  }
}
