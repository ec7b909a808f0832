// Random scaling and cropping of S. Liu, E. Johns, A. Davison, "End-to-end multi-task learning with attention", CVPR 2019, as their
// program and those of FAMO, FairGrad and COST have it.
import { type NdArray, requireArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { OptionError, ShapeError } from "../../errors.js";
import { createRng } from "../../math/rng.js";
import {
  inCode,
  integerFrom,
  isObject,
  listOf,
  number,
  type OptionsOf,
  oneOf,
  optionTable,
} from "../../options.js";
import { mapValues } from "../../tree.js";

/** What the numbers of a map are, which says how they are resized and mirrored. */
export type MapKind = (typeof mapKinds)[number];
const mapKinds = ["image", "classes", "depth", "normal"] as const;

export interface ScaleCropOptions extends OptionsOf<typeof scaleCropOptions> {}

const scaleCropOptions = optionTable("scaleCropFlip", {
  /** Kinds of the maps by name; arrays of other names stay as they are. */
  maps: inCode<Readonly<Record<string, MapKind>>>(
    `kinds of maps by name (${mapKinds.join(", ")})`,
    (value) => isObject(value) && Object.values(value).every((kind) => mapKinds.includes(kind)),
  ).required(),
  /** Number of each example in its set, on which its changes depend: the order of reading changes nothing. */
  numbers: listOf(integerFrom(0)).required(),
  /** Seed of the changes; default 0. */
  seed: number({ integer: true }).default(0),
  /** Number of the epoch, each with changes of its own; default 0. */
  epoch: integerFrom(0).default(0),
  /**
   * Whether depth is divided by the scale, as published, or multiplied, as inverse depth should be; default `divide`.
   */
  depthScale: oneOf(["divide", "multiply"]).default("divide"),
});

/** How an example is changed: a window of [height, width] from the row `top` and the column `left`, and whether it is mirrored. */
export interface ScaleCrop {
  readonly scale: number;
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
  readonly isMirrored: boolean;
}

const scales = [1, 1.2, 1.5];

/** Draws the change of an example. */
export function drawScaleCrop(
  [height, width]: readonly [number, number],
  { seed, epoch, number: n }: { readonly seed: number; readonly epoch: number; readonly number: number },
): ScaleCrop {
  const rng = createRng(seed).fork("scale-crop").fork(epoch).fork(n);
  const scale = scales[rng.int(scales.length)];
  const [h, w] = [height, width].map((side) => Math.max(1, Math.trunc(side / scale)));
  const [top, left] = [rng.int(height - h + 1), rng.int(width - w + 1)];
  return { scale, top, left, height: h, width: w, isMirrored: rng.next() < 0.5 };
}

/**
 * Enlarges a random window of every example to the size of the whole, and mirrors half of the examples.
 *
 * With s of {1, 1.2, 1.5} the window has [trunc(H / s), trunc(W / s)] pixels, at least 1, at any place. Images and normals are resized
 * bilinearly with the corners aligned, classes and depth by the nearest pixel; depth is divided by s. Mirrored, normals change the
 * sign of x. Normals are not normalized anew.
 *
 * @param part maps [n, H, W] of classes, others [n, channels, H, W]
 * @throws OptionError; ShapeError unless all maps have the size and number of examples of the others
 *
 * @example
 * const image = array([[[[1, 2], [3, 4]]]]);
 * scaleCropFlip({ image }, { maps: { image: "image" }, numbers: [0], seed: 1 }).image.shape; // 1, 1, 2, 2
 */
export function scaleCropFlip(part: Batch, options: ScaleCropOptions): Batch {
  const { maps, numbers, seed, epoch, depthScale } = scaleCropOptions.read(options);
  const size = sizeOfMaps(part, maps, numbers.length);
  if (size === undefined) return part;
  const changes = numbers.map((number) => drawScaleCrop(size, { seed, epoch, number }));
  return mapValues(part, (a, name) => {
    const kind = maps[name];
    return kind === undefined ? a : changedMap(a, kind, changes, depthScale);
  });
}

function sizeOfMaps(
  part: Batch,
  maps: Readonly<Record<string, MapKind>>,
  count: number,
): readonly [number, number] | undefined {
  let size: readonly [number, number] | undefined;
  for (const [name, kind] of Object.entries(maps)) {
    if (!Object.hasOwn(part, name)) {
      throw new OptionError(
        `scaleCropFlip: maps names "${name}"; the part has ${Object.keys(part).join(", ")}.`,
      );
    }
    requireArray("scaleCropFlip", part[name]);
    const { shape } = part[name];
    const rank = kind === "classes" ? 3 : 4;
    const [height, width] = shape.slice(-2);
    size ??= [height, width];
    const isNormal = kind !== "normal" || shape[1] === 3;
    if (shape.length === rank && shape[0] === count && height === size[0] && width === size[1] && isNormal) {
      continue;
    }
    const channels = kind === "classes" ? [] : [kind === "normal" ? 3 : "channels"];
    throw new ShapeError(
      `scaleCropFlip: "${name}" must be [${[count, ...channels, ...size].join(", ")}]; got [${shape.join(", ")}].`,
    );
  }
  return size;
}

function changedMap(
  { shape, data }: NdArray,
  kind: MapKind,
  changes: readonly ScaleCrop[],
  depthScale: "divide" | "multiply",
): NdArray {
  const [height, width] = shape.slice(-2);
  const pixels = height * width;
  const planes = data.length / pixels / changes.length;
  const result = data.slice();
  changes.forEach((change, n) => {
    const isSmooth = kind === "image" || kind === "normal";
    const rows = taps(change.height, height, { isSmooth, from: change.top });
    const columns = taps(change.width, width, { isSmooth, from: change.left });
    if (change.isMirrored) columns.reverse();
    for (let plane = 0; plane < planes; plane++) {
      const at = (n * planes + plane) * pixels;
      const target = result.subarray(at, at + pixels);
      const source = data.subarray(at, at + pixels);
      if (source instanceof BigInt64Array) pick(source, target as BigInt64Array, { rows, columns, width });
      else blend(source as Float32Array, target as Float32Array, { rows, columns, width });
      const values = target as Float32Array;
      if (kind === "depth" && depthScale === "divide")
        for (let i = 0; i < pixels; i++) values[i] /= change.scale;
      if (kind === "depth" && depthScale === "multiply")
        for (let i = 0; i < pixels; i++) values[i] *= change.scale;
      // From 0, which has no sign: a vector of zeros stays one to the bit.
      if (kind === "normal" && plane === 0 && change.isMirrored) {
        for (let i = 0; i < pixels; i++) values[i] = 0 - values[i];
      }
    }
  });
  return { shape, data: result } as NdArray;
}

/** Two pixels and the weight of the second. */
interface Tap {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

/** Where the `to` pixels of a side are found in a window of `size` pixels that begins at `from`. */
const taps = (
  size: number,
  to: number,
  { isSmooth, from }: { readonly isSmooth: boolean; readonly from: number },
): Tap[] =>
  Array.from({ length: to }, (_, d) => {
    if (!isSmooth) {
      const nearest = from + Math.min(Math.floor((d * size) / to), size - 1);
      return { low: nearest, high: nearest, share: 0 };
    }
    // The quotient last: it is exact at the corners.
    const x = to === 1 ? 0 : (d * (size - 1)) / (to - 1);
    const low = Math.floor(x);
    return { low: from + low, high: from + Math.min(low + 1, size - 1), share: x - low };
  });

interface Window {
  readonly rows: readonly Tap[];
  readonly columns: readonly Tap[];
  readonly width: number;
}

function pick(source: BigInt64Array, target: BigInt64Array, { rows, columns, width }: Window): void {
  let at = 0;
  for (const { low: y } of rows) for (const { low: x } of columns) target[at++] = source[y * width + x];
}

function blend(source: Float32Array, target: Float32Array, { rows, columns, width }: Window): void {
  let at = 0;
  for (const row of rows) {
    const [top, bottom] = [row.low * width, row.high * width];
    for (const { low, high, share } of columns) {
      const upper = (1 - share) * source[top + low] + share * source[top + high];
      const lower = (1 - share) * source[bottom + low] + share * source[bottom + high];
      target[at++] = (1 - row.share) * upper + row.share * lower;
    }
  }
}
