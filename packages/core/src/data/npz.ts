// The NPZ format: a ZIP archive of .npy files, as np.savez and np.savez_compressed write it.
import { type NdArray, requireDType } from "../array.js";
import { requireBytes } from "../bytes.js";
import { DataError } from "../errors.js";
import { requireKnown } from "../options.js";
import { decodeNpy, type NpyOptions } from "./npy.js";
import { readZip } from "./zip.js";

/**
 * Reads a `.npz` file, as `np.savez` and `np.savez_compressed` write it: arrays by name, in the file's order.
 *
 * @param options `dtype` of all arrays, as for {@link decodeNpy}
 * @throws DataError for a damaged archive, and for a file in it that is not an array of numbers, which the message names
 *
 * @example
 * const { weight } = await decodeNpz(bytes); // np.savez("a.npz", weight=w)
 */
export async function decodeNpz(
  bytes: Uint8Array,
  options: NpyOptions = {},
): Promise<Readonly<Record<string, NdArray>>> {
  requireBytes("decodeNpz", bytes);
  requireKnown("decodeNpz", options, ["dtype"], 'decodeNpz(bytes, { dtype: "float32" })');
  if (options.dtype !== undefined) requireDType("decodeNpz", options.dtype);
  const arrays = (await readZip(bytes)).map(({ name, bytes: content }): [string, NdArray] => {
    try {
      return [name.replace(/\.npy$/, ""), decodeNpy(content, options)];
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      throw new DataError(`${name} in the .npz file: ${cause.message}`, { cause });
    }
  });
  return Object.fromEntries(arrays);
}
