import { rotated } from "isoloss/moves";
import { peakOf, rotatedText } from "../model/rotated-text.js";
import { type MoveOptions, writeMoved } from "../model/write-moved.js";
import type { Written } from "../model/write-prepared.js";

export interface RotateOptions extends MoveOptions {
  readonly by: "hadamard" | "random" | "descended";
  readonly seed: number;
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
  const { by, seed, out, report, json } = options;
  const { discovery, changed, written, checked, subject } = await writeMoved(
    path,
    options,
    ({ model, found }) => rotated(model.params, found, { by, seed }),
  );
  const { model, found } = discovery;
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
    weights: Object.entries(changed)
      .filter(([, { shape }]) => shape.length > 1)
      .map(([parameter, array]) => ({
        parameter,
        before: peakOf(model.params[parameter]),
        after: peakOf(array),
      }))
      .sort((a, b) => b.before - a.before),
  };
  if (report !== undefined) {
    const { writeRotatePage } = await import("../model/page/rotate-page.js");
    await writeRotatePage(report, subject, { ...document, checked });
  }
  process.stdout.write(json ? `${JSON.stringify(document)}\n` : `${rotatedText(document, out, checked)}\n`);
}
