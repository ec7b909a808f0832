import { createReadStream } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { DataError } from "isoloss";
import { decodeNpz } from "isoloss/data";
import { requireKnown } from "isoloss/internal";
import { readFileOrThrow, reasonOf } from "isoloss/node";
import { parseQm9, type Qm9 } from "../data/qm9.js";
import { qm9FromArrays } from "../data/qm9-arrays.js";
import { Folder, type FolderGuide } from "./folder.js";

export const qm9Guide: FolderGuide = {
  title: "QM9",
  layout: [
    "gdb9.sdf              molecules",
    "gdb9.sdf.csv          their properties",
    "uncharacterized.txt   molecules to leave out",
    "qm9.npz               or, instead of these, PyTorch Geometric's processed arrays",
  ],
  source: "MoleculeNet's qm9.zip (moleculenet.org/datasets-1), and figshare's file 3195404",
  license: "QM9 is CC0",
  published: { molecules: 130_831 },
};
const processed = "qm9.npz";
const names = { sdf: "gdb9.sdf", csv: "gdb9.sdf.csv", uncharacterized: "uncharacterized.txt" };

/**
 * Loads QM9 from a folder with gdb9.sdf, gdb9.sdf.csv and uncharacterized.txt, which are read line by line.
 *
 * The first two are in MoleculeNet's qm9.zip, the last one is figshare's file 3195404. A folder with none of them may have qm9.npz, the
 * arrays of {@link qm9FromArrays}.
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
  const folder = new Folder(directory, qm9Guide);
  const missing: string[] = [];
  for (const name of Object.values(names)) if (!(await folder.has(name))) missing.push(name);
  const isProcessed = missing.length === 3 && (await folder.has(processed));
  if (missing.length > 0 && !isProcessed) throw folder.missing(`there is no ${missing.join(" and no ")}`);
  const place = isProcessed ? join(directory, processed) : directory;
  const loaded = await (isProcessed ? fromArrays(place) : fromFiles(directory)).catch((error) => {
    throw error instanceof DataError ? new DataError(`${place}: ${error.message}`, { cause: error }) : error;
  });
  if (isWhole) folder.requireWhole({ molecules: loaded.molecules.length });
  return loaded;
}

async function fromFiles(directory: string): Promise<Qm9> {
  const [sdf, csv, uncharacterized] = Object.values(names).map((name) => linesOf(join(directory, name)));
  return parseQm9({ sdf, csv, uncharacterized });
}

async function fromArrays(path: string): Promise<Qm9> {
  return qm9FromArrays(await decodeNpz(await readFileOrThrow(path)));
}

/** The lines of a file, which is opened when the first one is asked for. */
async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  } catch (cause) {
    throw new DataError(`Cannot read ${basename(path)}: ${reasonOf(cause)}.`, { cause });
  }
}
