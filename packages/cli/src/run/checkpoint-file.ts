// Which checkpoint goes with which records. `checkpoint.json` names the file's checksum and the length that the records
// had: written before the checkpoint, with the mark of the one before it, so that a kill between the two harms nothing.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { DataError } from "isoloss";
import { readFileOrThrow, writeFileAtomic } from "isoloss/node";
import { z } from "zod";

const count = z.int().min(0);

const markSchema = z.strictObject({
  /** Steps done. */
  step: count,
  /** Size of the checkpoint, and CRC-32 of it. */
  bytes: count,
  crc32: count,
  /** Bytes of whole lines in the records at that time. */
  metrics: count,
  teleports: count,
});

/** Lengths and checksums of the files at a checkpoint. */
export type Mark = z.infer<typeof markSchema>;

const fileSchema = z.strictObject({ marks: z.array(markSchema).min(1).max(2) });

/** A run's last checkpoint. */
export interface StoredCheckpoint {
  readonly bytes: Uint8Array;
  readonly mark: Mark;
}

const paths = (directory: string) => ({
  checkpoint: join(directory, "checkpoint"),
  marks: join(directory, "checkpoint.json"),
});

/**
 * Replaces the checkpoint of a run. A kill at any moment leaves the old one or the new one.
 *
 * @param previous the mark of the checkpoint that is there
 * @returns the mark of the new one
 * @throws DataError when it cannot be written
 */
export async function writeCheckpoint(
  directory: string,
  bytes: Uint8Array,
  {
    previous,
    ...counts
  }: Pick<Mark, "step" | "metrics" | "teleports"> & { readonly previous: Mark | undefined },
): Promise<Mark> {
  const { checkpoint, marks } = paths(directory);
  const mark: Mark = { ...counts, bytes: bytes.length, crc32: crc32(bytes) };
  const document = { marks: previous === undefined ? [mark] : [previous, mark] };
  await writeFileAtomic(marks, `${JSON.stringify(document)}\n`);
  await writeFileAtomic(checkpoint, bytes);
  return mark;
}

/**
 * The checkpoint of a run; undefined when it was killed before the first.
 *
 * @throws DataError when it is damaged
 */
export async function readCheckpoint(directory: string): Promise<StoredCheckpoint | undefined> {
  const { checkpoint, marks } = paths(directory);
  if (!existsSync(checkpoint)) return undefined;
  const bytes = await readFileOrThrow(checkpoint, { what: "checkpoint" });
  const known = parseMarks(await readFileOrThrow(marks, { what: "checkpoint's mark" }), marks);
  const sum = crc32(bytes);
  const mark = known.find((m) => m.bytes === bytes.length && m.crc32 === sum);
  if (mark === undefined) {
    const sizes = known.map((m) => m.bytes).join(" or ");
    throw new DataError(
      `The checkpoint ${checkpoint} is truncated or damaged: it has ${bytes.length} bytes, expected ${sizes}` +
        `${known.some((m) => m.bytes === bytes.length) ? " of another checksum" : ""}. Start the run again, or delete ` +
        "the checkpoint to resume from the beginning.",
    );
  }
  return { bytes, mark };
}

function parseMarks(bytes: Uint8Array, path: string): readonly Mark[] {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    // The schema refuses undefined.
  }
  const parsed = fileSchema.safeParse(document);
  if (!parsed.success) throw new DataError(`${path} is damaged: it does not describe a checkpoint.`);
  return parsed.data.marks;
}
