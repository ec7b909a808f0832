import fc from "fast-check";
import type { OpCase, OpRow } from "isoloss-test-support/graph/ops/op-case";
import { randomCases } from "isoloss-test-support/random-cases";
import { labeled, settings } from "./op-table.js";

export const check = (row: OpRow, property: (c: OpCase) => void, runs = 12): void =>
  fc.assert(fc.property(labeled(row), property), settings(randomCases(runs)));

export const named = (rows: readonly OpRow[]) => rows.map((row) => [row.name, row] as const);
