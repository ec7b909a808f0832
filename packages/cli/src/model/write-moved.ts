// A model that was moved along its symmetries: compared with the one before, then written.
import type { NdArray } from "isoloss";
import { lowerBounds, withParams } from "isoloss-onnx";
import { type ModelFile, readModelFile } from "../formats/read-model.js";
import { requireOutputs } from "../output.js";
import type { DataOptions } from "./data-options.js";
import { type DiscoveryOfModel, discoveryOf } from "./discovery.js";
import { measuredInputs } from "./measured-change.js";
import type { Sizes } from "./sizes.js";
import { checkedText, type Written, writeVerified } from "./write-prepared.js";

export interface MoveOptions extends DataOptions {
  readonly heldOut?: string | undefined;
  readonly out: string;
  readonly force: boolean;
  readonly tolerance?: number | undefined;
  readonly size: Sizes;
  readonly verify: boolean;
  readonly report?: string | undefined;
}

type Params = DiscoveryOfModel["model"]["params"];

export interface MovedFile {
  readonly discovery: DiscoveryOfModel;
  /** All parameters after the move. */
  readonly params: Params;
  /** Those that the move changed. */
  readonly changed: Params;
  /** Whether bounds moved, so that the new file has numbers of channels in their place. */
  readonly isLifted: boolean;
  readonly written: Written;
  /** How far outputs are from those before. */
  readonly checked: string;
  readonly file: ModelFile;
  /** The new file. */
  readonly bytes: Uint8Array;
}

/** A move makes another array of zeros the same. */
const hasSameNumbers = ({ data }: NdArray, other: NdArray): boolean =>
  (data as Float64Array).every((v, i) => v === other.data[i]);

/** Reads a model, moves it and writes it under another name, if it computes the same. */
export async function writeMoved(
  path: string,
  options: MoveOptions,
  move: (discovery: DiscoveryOfModel) => Params | Promise<Params>,
): Promise<MovedFile> {
  const { heldOut, out, tolerance, verify } = options;
  const file = await readModelFile(path);
  await requireOutputs(file, options, [heldOut]);
  const { batches, sizes, what } = await measuredInputs(file, options, heldOut);
  const discovery = discoveryOf(file, { sizes });
  const params = await move(discovery);
  const changed = Object.fromEntries(
    Object.entries(params).filter(([name, array]) => !hasSameNumbers(array, discovery.model.params[name])),
  );
  const isLifted = Object.entries(changed).some(
    ([name, { shape }]) => shape.length > 0 && discovery.bounds.has(name),
  );
  const bytes = isLifted
    ? lowerBounds(withParams(discovery.lifted, changed)).bytes
    : withParams(file.bytes, changed);
  const written = await writeVerified(file, out, bytes, { sizes, inputs: batches, tolerance, verify });
  const checked = checkedText(written, path, what);
  return { discovery, params, changed, isLifted, written, checked, file, bytes };
}
