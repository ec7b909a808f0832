import { dtypeOf, type NdArray } from "../array.js";
import { crc32 } from "../data/crc32.js";
import { DataError, OptionError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { graphText } from "../graph/graph-text.js";
import { formatType } from "../graph/tensor.js";
import { hash32 } from "../math/rng.js";
import { requireKnown } from "../options.js";

/**
 * What a run's numbers depend on besides its state: plain data by the names of the options. Data and
 * computation are stored as checksums, a learning rate as its values at the steps 0, 1, 2, 4, 8, ....
 */
export type RunSettings = Readonly<Record<string, unknown>>;

/** How a run resumes from a checkpoint. */
export interface ResumeOptions {
  /**
   * Settings that may differ from those of the run that wrote the checkpoint, such as `learningRate`, `batchSize`,
   * `seed`, `data`, `teleport`, or `computation` for the model, the loss and the optimizer's options; default none.
   */
  readonly allowChanges?: readonly string[] | undefined;
}

/** Settings that do not affect the step's graph. */
const outsideComputation = ["learningRate", "seed", "teleport", "beforeStep", "method", "headGradient"];

/**
 * Throws unless a checkpoint's run has the same settings, except for those that may differ.
 *
 * @param here settings of the run to continue
 * @param stored settings of the run that wrote the checkpoint
 * @throws DataError naming what differs, with both values; OptionError for an unknown setting
 */
export function requireSameSettings(
  here: RunSettings,
  stored: RunSettings,
  options: ResumeOptions = {},
): void {
  requireKnown("resume", options, ["allowChanges"]);
  const { allowChanges = [] } = options;
  const names = [...new Set([...Object.keys(here), ...Object.keys(stored)])];
  const unknown = allowChanges.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new OptionError(
      `resume: allowChanges has "${unknown}"; the run's settings are ${names.join(", ")}.`,
    );
  }
  const differs = (name: string) => JSON.stringify(here[name]) !== JSON.stringify(stored[name]);
  // Another batch size changes the graph, too, which says nothing about the model.
  const isOtherGraph = names.some(
    (name) => name !== "computation" && !outsideComputation.includes(name) && differs(name),
  );
  const changed = names.filter(
    (name) => differs(name) && !allowChanges.includes(name) && !(name === "computation" && isOtherGraph),
  );
  if (changed.length === 0) return;
  const told = changed.map((name) => difference(name, stored[name], here[name])).join("; ");
  throw new DataError(
    `The checkpoint is of a run with other settings: ${told}. Use those of that run, or allow what is changed on purpose: ` +
      `allowChanges: ${JSON.stringify(changed)}.`,
  );
}

function difference(name: string, stored: unknown, here: unknown): string {
  if (name === "computation") {
    return "the computation (model, loss or options of the optimizer) was another one";
  }
  if (name === "learningRate" && Array.isArray(stored) && Array.isArray(here)) {
    const at = stored.findIndex((rate, i) => rate !== here[i]);
    const isConstant = [stored, here].every((rates) => rates.every((rate) => rate === rates[0]));
    return `learningRate was ${stored[at]}, here ${here[at]}${isConstant ? "" : ` (at step ${probes[at]})`}`;
  }
  const text = (value: unknown) =>
    typeof value === "string" ? value : (JSON.stringify(value) ?? "left out");
  return `${name} was ${text(stored)}, here ${text(here)}`;
}

/** Steps at which a learning rate is sampled. */
const probes = [0, ...Array.from({ length: 21 }, (_, i) => 2 ** i)];

/** A learning rate as plain data: its values at some steps, null if there is no value. */
export function ratesOf(rateOf: (step: number) => number): readonly (number | null)[] {
  return probes.map((step) => {
    try {
      return rateOf(step);
    } catch {
      return null;
    }
  });
}

/** A checksum of the names, types and elements of arrays. */
export function dataChecksum(arrays: Readonly<Record<string, NdArray>>): string {
  let hash = 0;
  for (const [name, a] of Object.entries(arrays)) {
    hash = hash32(hash ^ textHash(`${name} ${formatType({ shape: a.shape, dtype: dtypeOf(a) })}`));
    hash = wordHash(a, hash);
  }
  return hexOf(hash);
}

/** Eight times as fast as CRC-32, which matters for a large data set. */
function wordHash({ data }: NdArray, start: number): number {
  const { buffer, byteOffset, byteLength } = data;
  const words =
    data instanceof Uint8Array
      ? data
      : new Int32Array(buffer, byteOffset, byteLength / Int32Array.BYTES_PER_ELEMENT);
  let hash = start;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193) ^ (hash >>> 15);
  return hash32(hash);
}

const textHash = (text: string): number => crc32(new TextEncoder().encode(text));

export const hexOf = (hash: number): string => (hash >>> 0).toString(16).padStart(8, "0");

/**
 * A checksum of what graphs compute: operations with their attributes and constants, names and types.
 *
 * @param isCounted which outputs count, by name; default all
 */
export function graphChecksum(
  graphs: readonly Graph[],
  isCounted: (output: string) => boolean = () => true,
): string {
  let hash = 0;
  for (const { inputs, outputs } of graphs) {
    const counted = outputs.filter(({ name }) => isCounted(name));
    hash = hash32(hash ^ textHash(graphText({ inputs, outputs: counted }, arrayText)));
  }
  return hexOf(hash);
}

const arrayText = (data: NdArray["data"]): string => dataChecksum({ "": { shape: [], data } });
