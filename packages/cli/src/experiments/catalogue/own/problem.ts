// A loss of the user's own on fixed data, as a problem to minimize.

import {
  astype,
  type BatchLoss,
  dtypeOf,
  flattenTree,
  isNdArray,
  type NdArray,
  OptionError,
  type Symmetry,
  unflattenTree,
} from "isoloss";
import { z } from "zod";
import type { Named } from "../named.js";
import { type MadeProblem, makeProblem, type ProblemInput, problemSchema, type Tree } from "../problems.js";
import type { LossFunction } from "../run-data.js";
import { checkFiles, exportOf, type NamedFiles, ownFunction, placeInModule, sha256Schema } from "./file.js";

export const ownModuleSchema = z.strictObject({
  /** A JavaScript module, and the name of its export: FILE#NAME; without a name the default export. */
  module: z.string().min(1),
  sha256: sha256Schema.optional(),
});

type OwnModule = z.output<typeof ownModuleSchema>;

export const isOwnModule = (value: object): value is OwnModule => "module" in value && !("name" in value);

export const moduleFile: NamedFiles = { what: "module", keys: ["module"] };

/** An export of the user's module, whose hash is that of the config. */
export async function ownExport(own: OwnModule): Promise<unknown> {
  await checkFiles(own, moduleFile);
  return exportOf(placeInModule(own.module));
}

/** What a module exports for a problem. */
interface Exported {
  readonly loss?: unknown;
  /** Parameters, or a function of the seed. */
  readonly start?: unknown;
  readonly batch?: unknown;
  /** A group that keeps the loss, or a function that makes one. */
  readonly symmetry?: unknown;
}

/** @throws OptionError, DataError, which say what the module should export */
async function ownProblem(
  own: OwnModule,
  { seed, dtype }: Pick<ProblemInput, "seed" | "dtype">,
): Promise<MadeProblem> {
  const place = placeInModule(own.module);
  const { file, name } = place;
  const wrong = (what: string) => new OptionError(`${file}: the export ${name} ${what}`);
  const { loss, start, batch = {}, symmetry } = ((await ownExport(own)) ?? {}) as Exported;
  if (typeof loss !== "function") {
    throw wrong(
      "needs a loss, a function of parameters and batch that returns a scalar: loss: (p, { x, y }) => ....",
    );
  }
  const point = typeof start === "function" ? await ownFunction(place, "start", start as never)(seed) : start;
  const inPrecision = (tree: unknown, what: string): Tree => {
    try {
      const { leaves, def } = flattenTree<NdArray>(tree as object, isNdArray);
      const isFloat = (a: NdArray) => dtypeOf(a).startsWith("float");
      return unflattenTree(
        def,
        leaves.map((a) => (isFloat(a) ? astype(a, dtype) : a)),
      ) as Tree;
    } catch (cause) {
      throw wrong(`${what} ${(cause as Error).message}`);
    }
  };
  const params = inPrecision(
    point,
    "needs a start, parameters as arrays by name, { w: array([1, 2]) }, or a function of the seed that returns such.",
  );
  if (flattenTree(params, isNdArray).leaves.length === 0) throw wrong("has a start without parameters.");
  return {
    hasSymmetry: symmetry !== undefined,
    problem: {
      name: file,
      loss: ownFunction(place, "loss", loss as BatchLoss<Tree>),
      start: params,
      batch: inPrecision(
        batch,
        "has a batch that is not arrays by name, such as { x: array([[1], [2]]) }.",
      ) as never,
      symmetry() {
        if (symmetry === undefined) {
          throw new OptionError(
            `${file} gives no symmetry: name one that is found in the loss, such as symmetry: scaling, or a search without one, such as levelSet.`,
          );
        }
        return (
          typeof symmetry === "function" ? ownFunction(place, "symmetry", symmetry as never)() : symmetry
        ) as Symmetry<Tree>;
      },
    },
  };
}

/** A problem of the library, or a module with a loss of one's own. */
export type ProblemChoice = Named | OwnModule;

export const anyProblemSchema = z.union([problemSchema, ownModuleSchema]).meta({ title: "problem" });

export const makeAnyProblem = (
  choice: ProblemChoice,
  input: Pick<ProblemInput, "seed" | "dtype">,
): Promise<MadeProblem> =>
  isOwnModule(choice) ? ownProblem(choice, input) : makeProblem(choice as Named, input);

/** A loss that a module exports, or a program of a module has. @throws OptionError, DataError */
export async function ownLoss(own: OwnModule): Promise<LossFunction> {
  const value = await ownExport(own);
  const loss = typeof value === "function" ? value : (value as { readonly loss?: unknown } | null)?.loss;
  const place = placeInModule(own.module);
  if (typeof loss === "function") return ownFunction(place, "loss", loss as LossFunction);
  throw new OptionError(
    `${place.file}: the export ${place.name} must be a loss, a function of the model's output and the labels that returns a scalar, or have one: { loss }.`,
  );
}
