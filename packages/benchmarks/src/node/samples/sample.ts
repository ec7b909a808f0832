import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DataError } from "isoloss";
import { integerFrom, listOf, type OptionsOf, optionTable } from "isoloss/internal";
import { makeFolder } from "isoloss/internal-node";
import { reasonOf } from "isoloss/node";

/** A file of a sample. */
export interface SampleFile {
  readonly path: string;
  readonly bytes: Uint8Array | string;
}

export interface SampleOptions extends OptionsOf<typeof sampleOptions> {}

export const sampleOptions = optionTable("writeSample", {
  /**
   * Examples of each part: of each class for Office-31 and Office-Home, twice as many for training for CelebA, all molecules for QM9;
   * default as many as show what is special about the format.
   */
  examples: integerFrom(1).otherwise("as many as show what is special about the format"),
  /** [height, width] of CityScapes and NYUv2; default [32, 64]. Others have sizes of their own. */
  size: listOf(integerFrom(1), { length: 2 }).otherwise("[32, 64] for maps of pixels"),
});

/**
 * Writes files into a folder, which is there with all of them or not at all.
 *
 * @returns the number of files
 * @throws DataError when the folder has files, or cannot be written
 */
export async function writeFolder(
  directory: string,
  files: Iterable<SampleFile> | AsyncIterable<SampleFile>,
): Promise<number> {
  const target = resolve(directory);
  const there = await readdir(target).catch(() => []);
  if (there.length > 0) {
    throw new DataError(
      `${directory} is not empty: a sample is written into a folder of its own. Name another one.`,
    );
  }
  const temporary = join(dirname(target), `.${basename(target)}.tmp-${process.pid}`);
  let count = 0;
  try {
    for await (const { path, bytes } of files) {
      const place = join(temporary, path);
      await makeFolder(dirname(place));
      await writeFile(place, bytes);
      count++;
    }
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    if (cause instanceof DataError) throw cause;
    throw new DataError(`Cannot write ${directory}: ${reasonOf(cause)}.`, { cause });
  }
  return count;
}
