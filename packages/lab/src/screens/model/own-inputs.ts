// Inputs of the user's own, from files. Loaded when some are chosen.
import { astype, DataError, type NdArray, takeRows } from "isoloss";
import { concatenateRows, decodeNpy } from "isoloss/data";
import type { ImportedInput } from "isoloss/onnx";
import { type Sizes, shapeOf } from "./sizes.js";

export type Batch = Readonly<Record<string, NdArray>>;

/** Examples that are compared at most, or those that the model takes at once where these are more. */
const most = (inputs: readonly ImportedInput[]) => Math.max(64, fixedRows(inputs) ?? 0);

/** Examples that the model takes at once, where its file says so. */
const fixedRows = (inputs: readonly ImportedInput[]): number | undefined =>
  inputs.flatMap(({ shape }) => (typeof shape?.[0] === "number" ? [shape[0]] : []))[0];

/**
 * Batches for a model from `.npy` files or images: of several inputs, each from the file with its name.
 *
 * @throws DataError for files that do not fit
 */
export async function ownInputs(
  files: readonly File[],
  inputs: readonly ImportedInput[],
  sizes: Sizes,
): Promise<readonly Batch[]> {
  const isImage = ({ type, name }: File) => type.startsWith("image/") || /\.(png|jpe?g|webp)$/i.test(name);
  if (files.some(isImage)) {
    const input = inputs.find(({ shape }) => shape?.length === 4);
    if (input === undefined) throw new DataError("The model has no input of four axes, which images have.");
    const images = await Promise.all(
      files.slice(0, most([input])).map((file) => imageOf(file, shapeOf(input, sizes))),
    );
    return batchesOf({ [input.name]: concatenateRows(images) }, inputs);
  }
  const arrays = await Promise.all(
    files.map(async (file) => {
      const stem = file.name.replace(/\.npy$/i, "");
      const input = inputs.length === 1 ? inputs[0] : inputs.find(({ name }) => name === stem);
      if (input === undefined) {
        const names = inputs.map(({ name }) => `${name}.npy`).join(", ");
        throw new DataError(`${file.name} fits no input: choose ${names}.`);
      }
      const array = decodeNpy(new Uint8Array(await file.arrayBuffer()));
      const { shape = [] } = input;
      const fits = (size: number | string, axis: number) =>
        axis === 0 || typeof size === "string" || size === array.shape[axis];
      if (shape.length !== array.shape.length || !shape.every(fits)) {
        throw new DataError(
          `${file.name} has the shape [${array.shape.join(", ")}], and ${input.name} takes [${shape.map((size) => size || "?").join(", ")}].`,
        );
      }
      return [input.name, astype(array, input.dtype)] as const;
    }),
  );
  return batchesOf(Object.fromEntries(arrays), inputs);
}

/** Parts of as many rows as the model takes at once; the last rows that fill no part are left out. */
function batchesOf(arrays: Batch, inputs: readonly ImportedInput[]): readonly Batch[] {
  if (!inputs.every(({ name }) => Object.hasOwn(arrays, name))) {
    const names = inputs.map(({ name }) => `${name}.npy`).join(", ");
    throw new DataError(`The model has several inputs: choose ${names} together.`);
  }
  // Rows of these do not belong together, such as where one is a single number.
  if (new Set(inputs.map(({ name }) => arrays[name].shape[0])).size > 1) return [arrays];
  const rows = Math.min(most(inputs), ...inputs.map(({ name }) => arrays[name].shape[0] ?? 1));
  const each = fixedRows(inputs) ?? rows;
  if (rows < each) throw new DataError(`The model takes ${each} examples at once, and there are ${rows}.`);
  return Array.from({ length: Math.floor(rows / each) }, (_, k) => {
    const part = Array.from({ length: each }, (_, i) => k * each + i);
    return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, takeRows(array, part)]));
  });
}

/** An image as [1, channels, height, width] in [0, 1], resized to the model's size. */
async function imageOf(file: File, [, channels, height, width]: readonly number[]): Promise<NdArray> {
  if (channels !== 1 && channels !== 3) {
    throw new DataError(`The model takes ${channels} channels; of images there are 1 or 3.`);
  }
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new DataError(`${file.name} is no image that this browser reads.`);
  });
  const context = new OffscreenCanvas(width, height).getContext("2d") as OffscreenCanvasRenderingContext2D;
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = width * height;
  const planes = new Float32Array(channels * pixels);
  for (let i = 0; i < pixels; i++) {
    const [r, g, b] = data.subarray(4 * i, 4 * i + 3);
    // Gray as in ITU-R BT.601.
    if (channels === 1) planes[i] = (0.299 * r + 0.587 * g + 0.114 * b) / 255;
    else for (const [c, value] of [r, g, b].entries()) planes[c * pixels + i] = value / 255;
  }
  return { shape: [1, channels, height, width], data: planes };
}
