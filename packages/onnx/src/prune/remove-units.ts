// Units removed from a file, and checked against the file with their weights at zero.
import type { NdArray } from "isoloss";
import { DataError, IsolossError, ShapeError } from "isoloss";
import { cutsOf, isUncuttable, type UnitCut, zeroedCuts } from "isoloss/internal";
import type { UnitSpace } from "isoloss/symmetry";
import { sameFiles } from "../model-file/compare/same-function.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { smallerFile } from "./smaller-file.js";

/** A file, and how it is checked without some units. */
export interface RemovalCheck {
  /** Names the function in errors. */
  readonly op: string;
  readonly file: OnnxFile;
  readonly params: Readonly<Record<string, NdArray>>;
  readonly fileNames: ReadonlyMap<string, string>;
  readonly sizes: Readonly<Record<string, number>>;
  readonly tolerance: number;
}

/** The cuts after which the file computes what it does with zeros; reasons are noted for the others. */
export async function passing<S extends UnitSpace>(
  check: RemovalCheck,
  cuts: readonly UnitCut<S>[],
  reasons: Map<S, string>,
): Promise<readonly UnitCut<S>[]> {
  if (cuts.length === 0) return [];
  const reason = await smaller(check, cuts);
  if (typeof reason !== "string") return cuts;
  if (cuts.length === 1) {
    reasons.set(cuts[0].space, reason);
    return [];
  }
  const half = Math.ceil(cuts.length / 2);
  const first = await passing(check, cuts.slice(0, half), reasons);
  const second = await passing(check, cuts.slice(half), reasons);
  const both = [...first, ...second];
  if (first.length === 0 || second.length === 0) return both;
  if (typeof (await smaller(check, both)) !== "string") return both;
  for (const { space } of second) reasons.set(space, `it cannot go together with other groups: ${reason}`);
  return first;
}

/** The smaller file, or why it is not the same as the old one with zeros. */
export async function smaller(
  { op, file, params, fileNames, sizes, tolerance }: RemovalCheck,
  cuts: readonly UnitCut<UnitSpace>[],
): Promise<OnnxFile | string> {
  const byParameter = cutsOf(params, cuts);
  const byTensor = new Map([...byParameter].map(([name, own]) => [fileNames.get(name) ?? name, own]));
  const after = smallerFile(op, file, byTensor);
  if (isUncuttable(after)) return after.reason;
  const zeroed = Object.fromEntries(
    [...byParameter].map(([name, own]) => [name, zeroedCuts(params[name], own)]),
  );
  try {
    const { isSame, largest } = await sameFiles(withParamsIn(file, zeroed), after, {
      ...{ sizes, tolerance, examples: 2 },
    });
    return isSame
      ? after
      : `the model uses the number of its units: without them it differs by ${largest.toPrecision(2)} from the model with their weights at zero`;
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    // With zeros in the place of the units the file runs.
    const isFixed = cause instanceof ShapeError || cause instanceof DataError;
    return `${isFixed ? "the file fixes the number of its units" : "the smaller model cannot be checked"}: ${cause.message}`;
  }
}
