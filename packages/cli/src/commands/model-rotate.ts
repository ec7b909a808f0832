import { rotated } from "isoloss/moves";
import { withParams } from "isoloss/onnx";
import type { DataOptions } from "../model/data-options.js";
import { discoveryOf } from "../model/discovery.js";
import { measuredInputs } from "../model/measured-change.js";
import { requirePage } from "../model/page/require-page.js";
import { readModelFile } from "../model/read-model.js";
import { peakOf, rotatedText } from "../model/rotated-text.js";
import type { Sizes } from "../model/sizes.js";
import { checkedText, requireOtherFile, type Written, writeVerified } from "../model/write-prepared.js";

export interface RotateOptions extends DataOptions {
  readonly by: "hadamard" | "random" | "descended";
  readonly seed: number;
  readonly heldOut?: string;
  readonly out: string;
  readonly tolerance: number;
  readonly size: Sizes;
  readonly verify: boolean;
  readonly report?: string;
  readonly json: boolean;
}

/** The document of `isoloss model rotate --json`. */
export interface RotatedModel extends Written {
  readonly by: RotateOptions["by"];
  readonly seed: number;
  /** The spaces that were turned. */
  readonly spaces: readonly RotatedSpace[];
  /** Each weight that was turned. */
  readonly weights: readonly PeakOfWeight[];
}

interface RotatedSpace {
  /** `linear`: any linear map of it cancels; `orthogonal`: rotations alone. */
  readonly kind: "linear" | "orthogonal";
  readonly size: number;
  /** How many spaces of this size there are, such as heads. */
  readonly copies: number;
  readonly parameters: readonly string[];
}

/** The largest magnitude of a parameter, relative to the root of its mean square, which no rotation changes. */
interface PeakOfWeight {
  readonly parameter: string;
  readonly before: number;
  readonly after: number;
}

/** `isoloss model rotate`: the same function with rotated hidden spaces. */
export async function rotate(path: string, options: RotateOptions): Promise<void> {
  const { by, seed, heldOut, out, tolerance, verify, report, json } = options;
  const file = await readModelFile(path);
  await requireOtherFile(file, out);
  await requirePage(file, out, report);
  const { batches, sizes } = await measuredInputs(file, options, heldOut);
  const { model, found } = discoveryOf(file, { sizes });
  const params = rotated(model.params, found, { by, seed });
  const moved = Object.entries(params).filter(([name, array]) => array !== model.params[name]);
  const bytes = withParams(file.bytes, Object.fromEntries(moved));
  const written = await writeVerified(file, out, bytes, { sizes, inputs: batches, tolerance, verify });
  const document: RotatedModel = {
    ...written,
    by,
    seed,
    spaces: [...found.linear, ...found.orthogonal].map(({ kind, size, copies, axes }) => ({
      kind,
      size,
      copies,
      parameters: [...new Set(axes.map(({ path: name }) => name))],
    })),
    weights: moved
      .filter(([, { shape }]) => shape.length > 1)
      .map(([parameter, array]) => ({
        parameter,
        before: peakOf(model.params[parameter]),
        after: peakOf(array),
      }))
      .sort((a, b) => b.before - a.before),
  };
  const checked = checkedText(written.largest, path, heldOut ?? "random inputs");
  if (report !== undefined) {
    const { writeRotatePage } = await import("../model/page/rotate-page.js");
    await writeRotatePage(report, { file, out, bytes, sizes }, { ...document, checked });
  }
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${rotatedText(document, out, checked)}\n`);
}
