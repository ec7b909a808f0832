import { createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseQm9, type Qm9 } from "../data/qm9.js";
import { DataError, MissingDataError } from "../errors.js";
import { requireKnown } from "../options.js";

/** Molecules of the published files without those of uncharacterized.txt. */
const published = 130_831;
const names = { sdf: "gdb9.sdf", csv: "gdb9.sdf.csv", uncharacterized: "uncharacterized.txt" };

/**
 * Loads QM9 from a folder with gdb9.sdf, gdb9.sdf.csv and uncharacterized.txt, which are read line by line.
 *
 * The first two are in MoleculeNet's qm9.zip, the last one is figshare's file 3195404.
 *
 * @param options `isWhole`: whether there must be the 130,831 molecules of the published files; default true
 * @throws MissingDataError naming the files that are not there; DataError for damaged files, and where `isWhole` does not hold
 *
 * @example
 * const { molecules, targets } = await loadQm9("qm9/raw");
 */
export async function loadQm9(
  directory: string,
  options: { readonly isWhole?: boolean | undefined } = {},
): Promise<Qm9> {
  requireKnown("loadQm9", options, ["isWhole"], 'loadQm9("qm9/raw", { isWhole: false })');
  const { isWhole = true } = options;
  const missing: string[] = [];
  for (const name of Object.values(names)) {
    await access(join(directory, name)).catch(() => missing.push(name));
  }
  if (missing.length > 0) {
    throw new MissingDataError(
      `${directory} has no ${missing.join(" and no ")}. gdb9.sdf and gdb9.sdf.csv are in MoleculeNet's qm9.zip, uncharacterized.txt is figshare's file 3195404: put all three into one folder.`,
    );
  }
  const [sdf, csv, uncharacterized] = Object.values(names).map((name) => linesOf(join(directory, name)));
  const loaded = await parseQm9({ sdf, csv, uncharacterized });
  if (isWhole && loaded.molecules.length !== published) {
    throw new DataError(
      `${directory}: QM9 has ${published} molecules that are characterized; these files have ${loaded.molecules.length}. For a part of it, isWhole: false.`,
    );
  }
  return loaded;
}

/** The lines of a file, which is opened when the first one is asked for. */
async function* linesOf(path: string): AsyncGenerator<string> {
  yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
}
