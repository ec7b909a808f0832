// CelebA's lists: Z. Liu, P. Luo, X. Wang, X. Tang, "Deep learning face attributes in the wild", ICCV 2015.
import { DataError } from "isoloss";

/** Attributes of faces, from list_attr_celeba.txt. */
export interface FaceAttributes {
  readonly names: readonly string[];
  /** Files of images, in order. */
  readonly files: readonly string[];
  /** 1 or 0 of every image for each name. */
  readonly values: readonly Float32Array[];
}

const linesOf = (text: string): string[] => text.trimEnd().split(/\r?\n/);

/**
 * Reads list_attr_celeba.txt: a line with the number of images, one with names, then a file with 1 or -1 for each name.
 *
 * @throws DataError naming the line
 *
 * @example
 * parseFaceAttributes("1\nBald Smiling\n000001.jpg -1  1\n").values[1][0]; // 1
 */
export function parseFaceAttributes(text: string): FaceAttributes {
  const [first = "", second = "", ...lines] = linesOf(text);
  const wrong = (line: number, expected: string, got: string) =>
    new DataError(`list_attr_celeba.txt, line ${line}: expected ${expected}; got "${got.slice(0, 60)}".`);
  const count = Number(first.trim());
  if (!Number.isInteger(count) || first.trim() === "") throw wrong(1, "the number of images", first);
  const names = second.trim().split(/\s+/);
  if (names[0] === "" || new Set(names).size < names.length || names.some((name) => /^-?\d+$/.test(name))) {
    throw wrong(2, "the names of attributes, all different", second);
  }
  if (lines.length !== count) {
    throw new DataError(
      `list_attr_celeba.txt says that there are ${count} images, and has lines for ${lines.length}. Is it cut off?`,
    );
  }
  const values = names.map(() => new Float32Array(count));
  const files = lines.map((line, i) => {
    const [file, ...marks] = line.trim().split(/\s+/);
    if (marks.length !== names.length || marks.some((mark) => mark !== "1" && mark !== "-1")) {
      throw wrong(i + 3, `a file and ${names.length} numbers 1 or -1`, line);
    }
    marks.forEach((mark, k) => {
      values[k][i] = mark === "1" ? 1 : 0;
    });
    return file;
  });
  return { names, files, values };
}

/** Parts of a data set, as list_eval_partition.txt numbers them. */
export const facePartNames = ["train", "validation", "test"] as const;

/**
 * Reads list_eval_partition.txt: a file with 0 (training), 1 (validation) or 2 (test) in each line.
 *
 * @param files of the attributes, in whose order the lines must be
 * @returns places of the images of each part
 * @throws DataError naming the line
 *
 * @example
 * parseFaceParts("000001.jpg 0\n000002.jpg 2\n", ["000001.jpg", "000002.jpg"]).test; // [1]
 */
export function parseFaceParts(
  text: string,
  files: readonly string[],
): Record<(typeof facePartNames)[number], number[]> {
  const parts = { train: [] as number[], validation: [] as number[], test: [] as number[] };
  const lines = linesOf(text);
  lines.forEach((line, i) => {
    const [file, part, ...more] = line.trim().split(/\s+/);
    if (!/^[012]$/.test(part ?? "") || more.length > 0) {
      throw new DataError(
        `list_eval_partition.txt, line ${i + 1}: expected a file and 0, 1 or 2; got "${line.slice(0, 60)}".`,
      );
    }
    if (file !== files[i]) {
      throw new DataError(
        `list_eval_partition.txt, line ${i + 1}: its files must be those of list_attr_celeba.txt in their order; expected ${files[i] ?? "no more lines"}, got ${file}.`,
      );
    }
    parts[facePartNames[Number(part)]].push(i);
  });
  if (lines.length < files.length) {
    throw new DataError(
      `list_eval_partition.txt has ${lines.length} lines, list_attr_celeba.txt ${files.length} images. Is it cut off?`,
    );
  }
  return parts;
}
