import { resolve } from "node:path";
import { DataError } from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import { fromOnnx, type PrunedGroup, pruneUnits, pruneWeights } from "isoloss/onnx";
import { withProgress } from "../model/command-progress.js";
import type { DataOptions } from "../model/data-options.js";
import {
  changing,
  type Inputs,
  type MeasuredChange,
  measuredChange,
  measuredInputs,
} from "../model/measured-change.js";
import { prunedText } from "../model/pruned-text.js";
import { type ModelFile, namingFile, readModelFile } from "../model/read-model.js";
import { requireOutputs } from "../model/require-outputs.js";
import type { Sizes } from "../model/sizes.js";

export interface PruneOptions extends DataOptions {
  readonly out: string;
  readonly fraction: number;
  readonly by?: "magnitude" | "lamp";
  readonly units: boolean;
  readonly balance: boolean;
  readonly heldOut?: string;
  readonly size: Sizes;
  readonly report?: string;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** A pruned file; null where a number is infinite or was not measured. */
export interface PrunedRow extends MeasuredChange {
  /** The weights by which was ranked. */
  readonly ranked: "balanced" | "as they are";
  readonly zeros: number;
  readonly numbers: number;
  readonly bytes: number;
}

/** The document of `isoloss model prune --json`. */
export interface PrunedModel {
  /** Paths of the old and the new file, absolute. */
  readonly file: string;
  readonly out: string;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly by: "magnitude" | "lamp" | "units";
  readonly fraction: number;
  /** Whether the written file is the one that was ranked by balanced weights. */
  readonly balanced: boolean;
  /** The inputs of the measurement. */
  readonly measured: string;
  readonly table: readonly PrunedRow[];
  /** With `--units`: the groups of coupled units of the written file. */
  readonly groups: readonly GroupRow[];
}

interface GroupRow extends Omit<PrunedGroup, "reason"> {
  readonly reason: string | null;
}

interface Candidate {
  readonly bytes: Uint8Array;
  readonly zeros: number;
  readonly numbers: number;
  readonly groups: readonly PrunedGroup[];
}

/** `isoloss model prune`: a model with fewer weights, and what that costs. */
export async function prune(path: string, options: PruneOptions): Promise<void> {
  const { out, fraction, by = "magnitude", units, balance, heldOut, report, json } = options;
  const file = await readModelFile(path);
  await requireOutputs(file, { out, report }, [heldOut]);
  requireWeights(file);
  const inputs = await measuredInputs(file, options, heldOut);
  const candidates: Candidate[] = [];
  const table: PrunedRow[] = [];
  await withProgress(options, async (step) => {
    for (const ranked of ["balanced", "as they are"] as const) {
      step(`ranking weights ${ranked}`);
      const pruned = await candidate(file, options, inputs, ranked === "balanced");
      step(`measuring what was ranked by weights ${ranked}`);
      const error = await measuredChange(file, pruned.bytes, inputs);
      const { bytes, zeros, numbers } = pruned;
      table.push({ ranked, zeros, numbers, bytes: bytes.length, ...error });
      candidates.push(pruned);
    }
  });
  const written = candidates[balance ? 0 : 1];
  await writeFileAtomic(resolve(out), written.bytes);
  const document: PrunedModel = {
    file: resolve(path),
    out: resolve(out),
    bytes: { before: file.bytes.length, after: written.bytes.length },
    by: units ? "units" : by,
    fraction,
    balanced: balance,
    measured: inputs.what,
    table,
    groups: written.groups.map((group) => ({ ...group, reason: group.reason ?? null })),
  };
  if (report !== undefined) {
    const { writePrunePage } = await import("../model/page/prune-page.js");
    await writePrunePage(report, { file, out, bytes: written.bytes, sizes: inputs.sizes }, document);
  }
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${prunedText(document, path, out)}\n`);
}

function requireWeights({ path, bytes }: ModelFile): void {
  const { params } = namingFile(path, () => fromOnnx(bytes));
  if (Object.values(params).some(({ shape }) => shape.filter((n) => n > 1).length > 1)) return;
  throw new DataError(
    `${path} has no weights to prune: expected tensors of floats with two axes or more in its main graph; those in the branches of an If stay.`,
  );
}

function candidate(
  file: ModelFile,
  { fraction, by = "magnitude", units }: PruneOptions,
  inputs: Inputs,
  balance: boolean,
): Promise<Candidate> {
  return changing(file, inputs, async (sizes) => {
    if (!units) return { ...(await pruneWeights(file.bytes, { fraction, by, balance, sizes })), groups: [] };
    return pruneUnits(file.bytes, { fraction, balance, sizes });
  });
}
