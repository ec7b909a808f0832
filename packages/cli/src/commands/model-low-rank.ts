import { resolve } from "node:path";
import { fromOnnx, type ReducedGroup, type ReducedRank, reduceRank } from "isoloss-onnx";
import { withProgress } from "../model/command-progress.js";
import type { DataOptions } from "../model/data-options.js";
import { lowRankText } from "../model/low-rank-text.js";
import { changing, type MeasuredChange, measuredChange, measuredInputs } from "../model/measured-change.js";
import { readModelFile } from "../model/read-model.js";
import { requireOutputs } from "../model/require-outputs.js";
import type { Sizes } from "../model/sizes.js";
import { writeModelFile } from "../model/write-prepared.js";

export interface LowRankOptions extends DataOptions {
  readonly out: string;
  readonly rank?: number;
  readonly energy?: number;
  readonly heldOut?: string;
  readonly size: Sizes;
  readonly report?: string;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** A file of smaller spaces; null where a number is infinite or was not measured. */
export interface LowRankRow extends MeasuredChange {
  /** What went: rank that is not used, or more. */
  readonly spaces: "without unused rank" | "truncated";
  /** Of the parameters. */
  readonly numbers: number;
  readonly bytes: number;
}

/** The document of `isoloss model low-rank --json`. */
export interface LowRankModel {
  /** Paths of the old and the new file, absolute. */
  readonly file: string;
  readonly out: string;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly rank: number | null;
  readonly energy: number | null;
  /** The inputs of the measurement. */
  readonly measured: string;
  /** The last row is the written file. */
  readonly table: readonly LowRankRow[];
  /** The spaces of the written file. */
  readonly groups: readonly SpaceRow[];
}

interface SpaceRow extends Omit<ReducedGroup, "reason"> {
  readonly reason: string | null;
}

/** `isoloss model low-rank`: a model without rank that is not used, or with less. */
export async function lowRank(path: string, options: LowRankOptions): Promise<void> {
  const { out, rank, energy, heldOut, report, json } = options;
  const file = await readModelFile(path);
  await requireOutputs(file, { out, report }, [heldOut]);
  const inputs = await measuredInputs(file, options, heldOut);
  const results: (ReducedRank & { readonly row: LowRankRow })[] = [];
  await withProgress(options, async (step) => {
    for (const spaces of whatGoes(options)) {
      step(`reducing spaces: ${spaces}`);
      const given = spaces === "truncated" ? { rank, energy } : {};
      const result = await changing(file, inputs, (sizes) => reduceRank(file.bytes, { ...given, sizes }));
      step(`measuring: ${spaces}`);
      const error = await measuredChange(file, result.bytes, inputs);
      const { bytes } = result;
      results.push({ ...result, row: { spaces, numbers: numbersIn(bytes), bytes: bytes.length, ...error } });
    }
  });
  const written = results[results.length - 1];
  await writeModelFile(file, out, written.bytes);
  const document: LowRankModel = {
    file: resolve(path),
    out: resolve(out),
    bytes: { before: file.bytes.length, after: written.bytes.length },
    rank: rank ?? null,
    energy: energy ?? null,
    measured: inputs.what,
    table: results.map(({ row }) => row),
    groups: written.groups.map((group) => ({ ...group, reason: group.reason ?? null })),
  };
  if (report !== undefined) {
    const { writeLowRankPage } = await import("../model/page/low-rank-page.js");
    await writeLowRankPage(report, { file, out, bytes: written.bytes, sizes: inputs.sizes }, document);
  }
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${lowRankText(document, path, out)}\n`);
}

const whatGoes = ({ rank, energy }: LowRankOptions): readonly LowRankRow["spaces"][] =>
  rank === undefined && energy === undefined ? ["without unused rank"] : ["without unused rank", "truncated"];

const numbersIn = (bytes: Uint8Array): number =>
  Object.values(fromOnnx(bytes).params).reduce((sum, { data }) => sum + data.length, 0);
