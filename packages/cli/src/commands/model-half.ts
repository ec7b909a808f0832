import { resolve } from "node:path";
import { DataError } from "isoloss";
import type { HalfCounts } from "isoloss/onnx";
import { type HalfModel, toHalf } from "isoloss-onnx";
import { withProgress } from "../model/command-progress.js";
import type { DataOptions } from "../model/data-options.js";
import { halfText, hasFiniteOutputs, notFinite } from "../model/half-text.js";
import {
  changing,
  finite,
  type MeasuredChange,
  measuredChange,
  measuredInputs,
} from "../model/measured-change.js";
import { type ModelFile, readModelFile } from "../model/read-model.js";
import { requireOutputs } from "../model/require-outputs.js";
import type { Sizes } from "../model/sizes.js";
import { writeModelFile } from "../model/write-prepared.js";

export interface HalfOptions extends DataOptions {
  readonly out: string;
  readonly calibration?: string;
  readonly heldOut?: string;
  readonly move: boolean;
  readonly io: "float32" | "float16";
  /** Whether a file whose outputs are not finite is written, too. */
  readonly force: boolean;
  readonly size: Sizes;
  readonly report?: string;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** A file of float16; null where a number is infinite or was not measured. */
export interface HalfRow extends MeasuredChange {
  readonly numbers: "moved" | "as they are";
  readonly weights: HalfCounts;
  /** Of the values on the calibration data. */
  readonly activations: HalfCounts | null;
  /** Largest difference of an output with every result rounded to float16, relative to its largest value. */
  readonly rounded: number | null;
}

/** The document of `isoloss model half --json`. */
export interface Half {
  /** Paths of the old and the new file, absolute; null: its outputs are not finite, and it was not written. */
  readonly file: string;
  readonly out: string | null;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly io: "float32" | "float16";
  /** Units that were scaled. */
  readonly moved: number;
  /** The inputs of the measurement. */
  readonly measured: string;
  /** First the new file. */
  readonly table: readonly HalfRow[];
}

/** `isoloss model half`: a model of float16. */
export async function half(path: string, options: HalfOptions): Promise<void> {
  const { out, calibration, heldOut, move, io, report, json } = options;
  const file = await readModelFile(path);
  await requireOutputs(file, { out, report }, [calibration, heldOut]);
  const examples = await measuredInputs(file, options, calibration);
  const inputs = heldOut === undefined ? examples : await measuredInputs(file, options, heldOut);
  const traced = calibration === undefined ? inputs : examples;
  const table: HalfRow[] = [];
  const files: HalfModel[] = [];
  await withProgress(options, async (step) => {
    for (const isMoved of move ? [true, false] : [false]) {
      const numbers = isMoved ? "moved" : "as they are";
      step(`converting numbers ${numbers}`);
      const result = await changing(file, traced, (sizes) =>
        toHalf(file.bytes, {
          ...{ move: isMoved, io, sizes },
          ...{ calibration: examples.batches ?? [], heldOut: inputs.batches ?? [] },
        }),
      );
      files.push(result);
      table.push({
        numbers,
        weights: result.weights.after,
        activations: result.activations?.after ?? null,
        rounded: finite(result.largest),
        ...(await measuredChange(file, result.bytes, inputs)),
      });
    }
  });
  const [{ bytes, moved, outputs }] = files;
  const isWritten = options.force || hasFiniteOutputs(table[0]);
  if (isWritten) await writeModelFile(file, out, bytes);
  const document: Half = {
    file: resolve(path),
    out: isWritten ? resolve(out) : null,
    bytes: { before: file.bytes.length, after: bytes.length },
    io,
    moved,
    measured: inputs.what,
    table,
  };
  if (report !== undefined) {
    const { writeHalfPage } = await import("../model/page/half-page.js");
    await writeHalfPage(report, { file, out, bytes, sizes: traced.sizes }, document);
  }
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${halfText(document, path, out)}\n`);
  if (!isWritten) throw new DataError(whyRefused(file, options, document, outputs));
}

/**
 * The message about a file that is not written, with the ways out that this model has.
 *
 * @param outputs of the file that was read: other scalings do not help where these are out of range
 */
function whyRefused(
  { path, model }: ModelFile,
  { out, calibration, move }: HalfOptions,
  { table: [row, other], measured }: Half,
  outputs: HalfCounts | undefined,
): string {
  const isBeyond = outputs !== undefined && outputs.overflows > 0;
  const normalizes = model.graph.nodes.some(({ opType }) => opType === "BatchNormalization");
  const ways = [
    ...(other !== undefined && hasFiniteOutputs(other)
      ? ["write the numbers as they are, which stay finite, by --no-move"]
      : []),
    ...(move && calibration === undefined && !isBeyond
      ? ["give examples by --calibration, so that the ranges of activations count"]
      : []),
    ...(move && normalizes && !isBeyond
      ? ["fold the batch normalizations, which stop scalings, by isoloss model fold"]
      : []),
    "keep the model in float32",
  ];
  return (
    `${out} was not written: ${notFinite(row, measured)}. ` +
    (isBeyond ? `Those of ${path} are above 65504 there. ` : "") +
    `Ways out: ${ways.join("; ")}. To write it all the same, add --force.`
  );
}
