import { expect } from "vitest";

// Vitest compares each number of an array as an object, which takes a hundred times as long. What differs is left to it: it tells where.
// Properties beside the numbers are not compared, unlike in Vitest.
expect.addEqualityTesters([
  (a, b) => (ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && haveSameNumbers(a, b) ? true : undefined),
]);

function haveSameNumbers(a: ArrayBufferView, b: ArrayBufferView): boolean {
  if (a instanceof DataView || !a.constructor || a.constructor !== b.constructor) return false;
  const [one, other] = [a, b] as unknown as Float64Array[];
  return one.length === other.length && one.every((v, i) => Object.is(v, other[i]));
}
