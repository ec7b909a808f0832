// Walks that were recorded before each search was one loop.
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import type { GuardOptions } from "../../../src/teleport/guard.js";
import type { TeleportReport } from "../../../src/teleport/report.js";
import type { GradientAscentOptions } from "../../../src/teleport/search/gradient-ascent.js";
import type { NullSpaceOptions } from "../../../src/teleport/search/null-space/null-space.js";
import { flatten } from "../../../src/tree.js";

export interface Walk {
  readonly seed: number;
  readonly reason: string;
  readonly steps: number;
  readonly halvings: number;
  readonly lossAfter: number;
  readonly gradNormSqAfter: number;
  /** Sums of the absolute values of the parameters, pushed along with power 1 and 2. */
  readonly pushed?: number;
  readonly squares?: number;
  /** The same sum of the parameters at the end. */
  readonly sum?: number;
}

interface Case<O = object> {
  readonly name: string;
  readonly options?: O & { readonly guard?: GuardOptions | false };
  readonly walks: readonly Walk[];
}

export const {
  orbit,
  ascents,
  spaces,
}: {
  readonly orbit: readonly Case[];
  readonly ascents: readonly Case<GradientAscentOptions>[];
  readonly spaces: readonly Case<
    NullSpaceOptions & { readonly objective?: "decrease" | "minimized"; readonly heldOut?: true }
  >[];
} = JSON.parse(readFileSync(new URL("../../golden/orbit-walks.json", import.meta.url), "utf8"));

export const recordOf = (cases: readonly Case[], name: string, seed: number): Walk | undefined =>
  cases.find((one) => one.name === name)?.walks.find((walk) => walk.seed === seed);

const sumOf = (tree: unknown): number =>
  flatten<NdArray>(tree, isNdArray).leaves.reduce(
    (sum, { data }) => Array.from(data, Number).reduce((total, x) => total + Math.abs(x), sum),
    0,
  );

/** Expects a teleport to have done what was recorded. */
export function expectWalk(
  {
    report,
    ...trees
  }: {
    readonly report: TeleportReport;
    readonly pushed?: unknown;
    readonly squares?: unknown;
    readonly params?: unknown;
  },
  { seed: _, lossAfter, gradNormSqAfter, pushed, squares, sum, ...record }: Walk,
  label: string,
): void {
  expect(report, label).toMatchObject(record);
  const expectNear = (found: number, wanted: number) =>
    expect(Math.abs(found - wanted), label).toBeLessThanOrEqual(1e-6 * Math.abs(wanted));
  expectNear(report.lossAfter, lossAfter);
  expectNear(report.gradNormSqAfter, gradNormSqAfter);
  if (sum !== undefined) expectNear(sumOf(trees.params), sum);
  if (pushed !== undefined) expectNear(sumOf(trees.pushed), pushed);
  if (squares !== undefined && trees.squares) expectNear(sumOf(trees.squares), squares);
}
