import { resolve } from "node:path";
import { mapValues } from "es-toolkit";
import { DataError, takeRows } from "isoloss";
import { split } from "isoloss/data";
import {
  compareTimes,
  fromOnnx,
  type PrunedGroup,
  pruneUnits,
  pruneWeights,
  type TimesComparison,
} from "isoloss-onnx";
import { type Batch, examplesText } from "../model/batches.js";
import { withProgress } from "../model/command-progress.js";
import type { DataOptions } from "../model/data-options.js";
import { discoveryOf, type StoppingOperator } from "../model/discovery.js";
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
import { writeModelFile } from "../model/write-prepared.js";

export interface PruneOptions extends DataOptions {
  readonly out: string;
  readonly fraction: number;
  readonly by?: "magnitude" | "lamp";
  readonly units: boolean;
  readonly multiple: number;
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
  /** The error on the examples that chose the file to write; null without a choice. */
  readonly chosenBy: Pick<MeasuredChange, "sqnr" | "broken"> | null;
  /** With `--units`: against the file before, of one example where the file leaves their number open. */
  readonly time: TimesComparison | null;
}

/** The document of `isoloss model prune --json`. */
export interface PrunedModel {
  /** Paths of the old and the new file, absolute. */
  readonly file: string;
  readonly out: string;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly by: "magnitude" | "lamp" | "units";
  readonly fraction: number;
  /** What the kept channels are a multiple of, with `--units`. */
  readonly multiple: number | null;
  /** Whether the written file is the one that was ranked by balanced weights. */
  readonly balanced: boolean;
  /** The inputs of the table. */
  readonly measured: string;
  readonly table: readonly PrunedRow[];
  /** Whether the examples of the table are others than those that chose. */
  readonly apart: boolean;
  /** Where both rankings give the same file: operators at which scalings end; else null. */
  readonly stops: readonly StoppingOperator[] | null;
  /** With `--units`: the groups of coupled units of the written file. */
  readonly groups: readonly GroupRow[];
}

interface GroupRow extends Omit<PrunedGroup, "reason"> {
  readonly reason: string | null;
}

interface Candidate {
  readonly ranked: PrunedRow["ranked"];
  readonly bytes: Uint8Array;
  readonly zeros: number;
  readonly numbers: number;
  readonly groups: readonly PrunedGroup[];
}

/** `isoloss model prune`: a model with fewer weights, and what that costs. */
export async function prune(path: string, options: PruneOptions): Promise<void> {
  const { out, fraction, by = "magnitude", units, multiple, balance, heldOut, report, json } = options;
  const file = await readModelFile(path);
  await requireOutputs(file, { out, report }, [heldOut]);
  requireWeights(file);
  const inputs = await measuredInputs(file, options, heldOut);
  const { table, written, measured, apart, stops } = await withProgress(options, async (step) => {
    const candidates: Candidate[] = [];
    for (const ranked of balance ? (["balanced", "as they are"] as const) : (["as they are"] as const)) {
      step(`ranking weights ${ranked}`);
      candidates.push(await candidate(file, options, inputs, ranked));
    }
    const isOne = candidates.every(({ bytes }) => Buffer.compare(bytes, candidates[0].bytes) === 0);
    const differing = isOne ? candidates.slice(-1) : candidates;
    const parts = differing.length > 1 ? splitInputs(file, inputs, heldOut) : undefined;
    const reporting = parts?.reporting ?? inputs;
    const rows: PrunedRow[] = [];
    for (const { ranked, bytes, zeros, numbers } of differing) {
      step(`measuring what was ranked by weights ${ranked}`);
      const error = await measuredChange(file, bytes, reporting);
      const chosenBy = parts === undefined ? error : await measuredChange(file, bytes, parts.choosing);
      const { sqnr, broken } = chosenBy;
      const time = units ? await compareTimes(file.bytes, bytes, oneExample(file, inputs)) : null;
      rows.push({
        ranked,
        zeros,
        numbers,
        bytes: bytes.length,
        ...error,
        time,
        chosenBy: differing.length > 1 ? { sqnr, broken } : null,
      });
    }
    return {
      table: rows,
      written: differing[bestOf(rows)],
      measured: reporting.what,
      apart: parts !== undefined,
      stops: isOne && balance ? discoveryOf(file, { sizes: inputs.sizes }).stops() : null,
    };
  });
  await writeModelFile(file, out, written.bytes);
  const document: PrunedModel = {
    file: resolve(path),
    out: resolve(out),
    bytes: { before: file.bytes.length, after: written.bytes.length },
    by: units ? "units" : by,
    fraction,
    multiple: units ? multiple : null,
    balanced: written.ranked === "balanced",
    measured,
    table,
    apart,
    stops,
    groups: written.groups.map((group) => ({ ...group, reason: group.reason ?? null })),
  };
  if (report !== undefined) {
    const { writePrunePage } = await import("../model/page/prune-page.js");
    await writePrunePage(report, { file, out, bytes: written.bytes, sizes: inputs.sizes }, document);
  }
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${prunedText(document, path, out)}\n`);
}

/** Decibels by which weights must do better than those of the file to be taken. */
const MARGIN = 0.1;

/** The row with the largest SQNR on the examples that choose; the last one, as the weights are, within the margin. */
function bestOf(rows: readonly PrunedRow[]): number {
  const values = rows.map(({ chosenBy }) => chosenBy?.sqnr ?? (chosenBy?.broken ? -Infinity : Infinity));
  const last = rows.length - 1;
  return values.reduce(
    (best, value, i) => (value > values[best] + (best === last ? MARGIN : 0) ? i : best),
    last,
  );
}

/** Whether the file leaves the number of examples open, and batches have as many of each input. */
function areDivisible({ bytes }: ModelFile, batches: readonly Batch[]): boolean {
  const isOpen = fromOnnx(bytes).inputs.every(({ shape = [""] }) => typeof shape[0] === "string");
  const counts = batches.flatMap((batch) => Object.values(batch).map(({ shape: [n = 1] }) => n));
  return isOpen && counts.every((n) => n === counts[0]);
}

const withRows = (batch: Batch, rows: ArrayLike<number>): Batch =>
  mapValues(batch, (array) => takeRows(array, rows));

/**
 * Examples to choose a file by, and others to report on it: half of them at random, as classes may take turns, or half of the
 * batches where the file fixes their size. Undefined where there is one alone.
 */
function splitInputs(
  file: ModelFile,
  inputs: Inputs,
  heldOut: string | undefined,
): { readonly choosing: Inputs; readonly reporting: Inputs } | undefined {
  const { batches } = inputs;
  if (batches === undefined || heldOut === undefined)
    return { choosing: inputs, reporting: { ...inputs, seed: 1 } };
  const isWithin = areDivisible(file, batches) && Object.values(batches[0])[0].shape[0] > 1;
  if (!isWithin && batches.length === 1) return undefined;
  const halves = (n: number, seed: number) => split(n, [0.5, 0.5], seed);
  const [choosing, reporting] = [0, 1].map((part) =>
    isWithin
      ? batches.map((batch, k) => withRows(batch, halves(Object.values(batch)[0].shape[0], k)[part]))
      : [...halves(batches.length, 0)[part]].map((k) => batches[k]),
  );
  return {
    choosing: { ...inputs, batches: choosing },
    reporting: { ...inputs, batches: reporting, what: examplesText(reporting, heldOut) },
  };
}

/** Inputs of one example, where the file leaves their number open. */
function oneExample(file: ModelFile, { batches, sizes }: Inputs) {
  if (batches !== undefined) {
    return { inputs: areDivisible(file, batches) ? withRows(batches[0], [0]) : batches[0] };
  }
  const first = fromOnnx(file.bytes).inputs.flatMap(({ name, shape: [n] = [] }) => [n, `${name}[0]`]);
  return { sizes: Object.fromEntries(Object.entries(sizes).filter(([name]) => !first.includes(name))) };
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
  { fraction, by = "magnitude", units, multiple }: PruneOptions,
  inputs: Inputs,
  ranked: PrunedRow["ranked"],
): Promise<Candidate> {
  const balance = ranked === "balanced";
  return changing(file, inputs, async (sizes) => ({
    ranked,
    ...(units
      ? await pruneUnits(file.bytes, { fraction, multiple, balance, sizes })
      : { ...(await pruneWeights(file.bytes, { fraction, by, balance, sizes })), groups: [] }),
  }));
}
