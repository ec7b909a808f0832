import { expect } from "vitest";
import { array, type NdArray } from "../../../src/array.js";
import type { Teleported } from "../../../src/teleport/teleporter.js";

export const vector = (values: readonly number[]): NdArray => array([...values], "float64");
export const numbers = (a: unknown): number[] => Array.from((a as NdArray).data, Number);

export function expectClose(actual: readonly number[], wanted: readonly number[], digits = 13): void {
  expect(actual.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(actual[i]).toBeCloseTo(value, digits);
}

/** A teleport as a transport sees it. */
export const arrived = <P>(params: P, pushForward?: Teleported<P>["pushForward"]): Teleported<P> => ({
  params,
  report: undefined as never,
  ...(pushForward ? { pushForward } : {}),
});
