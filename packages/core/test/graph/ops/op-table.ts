import fc from "fast-check";
import type { OpCase, OpRow } from "isoloss-test-support/graph/ops/op-case";
import { arithmeticRows } from "./arithmetic-rows.js";
import { compareRows } from "./compare-rows.js";
import { convRows } from "./conv-rows.js";
import { einsumRows } from "./einsum-rows.js";
import { activationRows, elementaryRows } from "./elementary-rows.js";
import { indexRows } from "./index-rows.js";
import { matmulRows, reduceRows, softmaxRows } from "./linear-rows.js";
import { matrixRows } from "./matrix-rows.js";
import { orderRows } from "./order-rows.js";
import { poolRows } from "./pool-rows.js";
import { shapeRows } from "./shape-rows.js";

/** Every public operation, with random shapes and options and a plain reference. A new operation is a new row. */
export const opTable: readonly OpRow[] = [
  ...arithmeticRows,
  ...compareRows,
  ...elementaryRows,
  ...activationRows,
  ...reduceRows,
  ...matmulRows,
  ...matrixRows,
  ...einsumRows,
  ...softmaxRows,
  ...shapeRows,
  ...indexRows,
  ...orderRows,
  ...convRows,
  ...poolRows,
];

/** The cases of a row, which a failure's report tells by their labels, not by the source of their functions. */
export const labeled = ({ cases }: OpRow): fc.Arbitrary<OpCase> =>
  cases.map((c) => ({ ...c, [fc.toStringMethod]: () => c.label }));

/** fast-check's settings: a fixed seed, so that a failure repeats. */
export const settings = (numRuns: number) => ({ numRuns, seed: 20251 });
