// Folders as users have them by mistake, each with the one message that it gives.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "isoloss";
import { npyFile } from "isoloss/internal-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BenchmarkName, verifyBenchmark, writeSample } from "../../src/node/benchmarks.js";

const root = mkdtempSync(join(tmpdir(), "isoloss-malformed-data-"));
const names = ["cityscapes", "nyuv2", "celeba", "qm9", "office31", "officeHome"] as const;
beforeAll(async () => {
  for (const name of names) {
    await writeSample(name, join(root, name), { examples: name === "qm9" ? 20 : 2, size: [4, 6] });
  }
});
afterAll(() => rmSync(root, { recursive: true }));

/** Changes a copy of a sample. */
type Damage = (at: (path: string) => string) => void;

const remove =
  (path: string): Damage =>
  (at) =>
    rmSync(at(path), { recursive: true });
const write =
  (path: string, content: string | Uint8Array): Damage =>
  (at) =>
    writeFileSync(at(path), content);
const edit =
  (path: string, change: (text: string) => string): Damage =>
  (at) =>
    writeFileSync(at(path), change(readFileSync(at(path), "utf8")));
const cut =
  (path: string, bytes: number): Damage =>
  (at) =>
    writeFileSync(at(path), readFileSync(at(path)).subarray(0, bytes));
const move =
  (from: string, to: string): Damage =>
  (at) =>
    renameSync(at(from), at(to));
/** An array whose element at the start is `first`, and all others 0. */
const filled = (shape: readonly number[], first: number) =>
  npyFile(shape, (index) => (index.every((i) => i === 0) ? first : 0));

/** Only qm9.npz instead of the published files. */
const processed =
  (content: string | Uint8Array): Damage =>
  (at) => {
    for (const name of ["gdb9.sdf", "gdb9.sdf.csv", "uncharacterized.txt"]) rmSync(at(name));
    writeFileSync(at("qm9.npz"), content);
  };
const attributes = "Anno/list_attr_celeba.txt";
const partition = "Eval/list_eval_partition.txt";
const [train, val] = ["lists/amazon_train.txt", "lists/amazon_val.txt"];

const cases: readonly [BenchmarkName, string, Damage, RegExp][] = [
  [
    "cityscapes",
    "without a part",
    remove("val"),
    /there is no val\/image\. The folder of CityScapes must look so:\n {2}train\/image\/0\.npy.*\nWhere to get it: .*mtan \(Cityscapes is for non-commercial use/s,
  ],
  [
    "cityscapes",
    "without labels",
    remove("train/label_7"),
    /there is no train\/label_7 and no train\/label\. The folder/,
  ],
  ["cityscapes", "without depth", remove("train/depth"), /there is no train\/depth\. The folder/],
  [
    "cityscapes",
    "with an empty folder",
    (at) => {
      rmSync(at("train/image"), { recursive: true });
      mkdirSync(at("train/image"));
    },
    /the folder train\/image is empty\. The folder/,
  ],
  [
    "cityscapes",
    "with a gap",
    move("train/image/0.npy", "train/image/2.npy"),
    /train\/image: 2 files must be 0\.npy to 1\.npy; 0\.npy is missing\. Unpack/,
  ],
  [
    "cityscapes",
    "with a file too few",
    remove("val/depth/1.npy"),
    /val: every folder must have a file for each example; val\/image has 2 and val\/depth 1\. Unpack/,
  ],
  [
    "cityscapes",
    "with padded numbers",
    move("train/depth/0.npy", "train/depth/000.npy"),
    /train\/depth: files are named 0\.npy, 1\.npy, \.\.\.; there is 000\.npy/,
  ],
  [
    "cityscapes",
    "with other files",
    write("train/image/notes.txt", "x"),
    /train\/image: files are named .* there is notes\.txt\. Take it away/,
  ],
  [
    "cityscapes",
    "with a file that is no array",
    write("train/depth/1.npy", "GIF89a"),
    /train\/depth\/1\.npy: An \.npy file starts with 93 4e .* got 47 49 46/,
  ],
  [
    "cityscapes",
    "with a file that is cut off",
    cut("train/image/1.npy", 200),
    /train\/image\/1\.npy: The \.npy data .* needs 288 bytes; got 72\. The file is truncated/,
  ],
  [
    "cityscapes",
    "with a file that is empty",
    write("val/label_7/0.npy", ""),
    /val\/label_7\/0\.npy: An \.npy file starts .* got no bytes/,
  ],
  [
    "cityscapes",
    "with Python's objects",
    (at) => writeFileSync(at("val/depth/0.npy"), objects()),
    /val\/depth\/0\.npy: The \.npy file holds elements of type \|O: Python objects/,
  ],
  [
    "cityscapes",
    "with channels first",
    write("train/image/0.npy", filled([3, 4, 6], 0)),
    /train\/image\/0\.npy: an image is \[height, width, 3\]; got \[3, 4, 6\]\. Channels come last: np\.moveaxis/,
  ],
  [
    "cityscapes",
    "with images of two sizes",
    write("train/image/1.npy", filled([6, 4, 3], 0)),
    /train\/image\/1\.npy: the image of an example must be \[4, 6, 3\].*got \[6, 4, 3\]/,
  ],
  [
    "cityscapes",
    "with parts of two sizes",
    (at) => {
      for (const i of [0, 1]) writeFileSync(at(`val/image/${i}.npy`), filled([8, 6, 3], 0));
    },
    /val\/image\/0\.npy: images of training have \[4, 6\] pixels, those of testing \[8, 6\]/,
  ],
  [
    "cityscapes",
    "with labels as planes",
    write("train/label_7/0.npy", filled([4, 6, 1], 0)),
    /label_7\/0\.npy: the semantic of an example must be \[4, 6\].*got \[4, 6, 1\]/,
  ],
  [
    "cityscapes",
    "with images of bytes",
    write("train/image/0.npy", filled([4, 6, 3], 255)),
    /image\/0\.npy: the image must be numbers in \[0, 1\] \(of bytes: x \/ 255\); element 0 is 255/,
  ],
  [
    "cityscapes",
    "with NaN in an image",
    write("train/image/1.npy", filled([4, 6, 3], Number.NaN)),
    /image\/1\.npy: the image must be .* element 0 is NaN/,
  ],
  [
    "cityscapes",
    "with labels of 19 classes",
    write("train/label_7/1.npy", filled([4, 6], 18)),
    /label_7\/1\.npy: the semantic must be classes 0 to 6, -1 where there is none; element 0 is 18/,
  ],
  [
    "cityscapes",
    "with another label for none",
    write("val/label_7/1.npy", filled([4, 6], 255)),
    /val\/label_7\/1\.npy: the semantic must be classes 0 to 6, -1 .* element 0 is 255/,
  ],
  ["cityscapes", "with half a label", write("val/label_7/0.npy", filled([4, 6], 0.5)), /element 0 is 0\.5/],
  [
    "cityscapes",
    "with negative depth",
    write("train/depth/0.npy", filled([4, 6, 1], -2)),
    /train\/depth\/0\.npy: the depth must be numbers >= 0, 0 where it is not known; element 0 is -2/,
  ],
  [
    "nyuv2",
    "without normals",
    remove("train/normal"),
    /there is no train\/normal\. The folder of NYUv2 must look so/,
  ],
  [
    "nyuv2",
    "with normals as colors",
    write("train/normal/1.npy", filled([4, 6, 3], 128)),
    /normal\/1\.npy: the normal must be vectors of length 1, or 0 where they are not known; element 0 is 128/,
  ],
  [
    "nyuv2",
    // Unit vectors, (0, 0, 0) where invalid: the loss is 1 - p . t without a division by |t|. github.com/zzpustc/COST, commit
    // 28172e7, experiments/nyuv2/trainer.py, lines 34 and 46-50.
    "with normals of length 0.3",
    write("val/normal/1.npy", filled([4, 6, 3], 0.3)),
    /normal\/1\.npy: the normal must be vectors of length 1, or 0 where .*; that of row 0, column 0 has the length 0\.300/,
  ],
  [
    "nyuv2",
    "with infinite depth",
    write("val/depth/1.npy", filled([4, 6, 1], Number.POSITIVE_INFINITY)),
    /val\/depth\/1\.npy: the depth must be .* element 0 is Infinity/,
  ],
  [
    "celeba",
    "without attributes",
    remove(attributes),
    /there is no list_attr_celeba\.txt and no Anno\/list_attr_celeba\.txt\. The folder of CelebA must look so/,
  ],
  [
    "celeba",
    "without images",
    remove("Img"),
    /there is no img_align_celeba and no Img\/img_align_celeba\. The folder/,
  ],
  [
    "celeba",
    "with a list that is cut off",
    edit(attributes, (text) => text.split("\n").slice(0, 6).join("\n")),
    /list_attr_celeba\.txt: list_attr_celeba\.txt says that there are 8 images, and has lines for 4/,
  ],
  [
    "celeba",
    "with attributes of 0 and 1",
    edit(attributes, (text) => text.replaceAll(" -1", "  0")),
    /list_attr_celeba\.txt, line 3: expected a file and 40 numbers 1 or -1; got "000001\.jpg/,
  ],
  [
    "celeba",
    "without a number of images",
    edit(attributes, (text) => text.slice(2)),
    /list_attr_celeba\.txt, line 1: expected the number of images; got "5_o_Clock/,
  ],
  [
    "celeba",
    "with parts of another order",
    edit(partition, (text) => text.split("\n").reverse().join("\n").trimStart()),
    /list_eval_partition\.txt, line 1: its files must be those of list_attr_celeba\.txt in their order; expected 000001\.jpg, got 000008\.jpg/,
  ],
  [
    "celeba",
    "with a fourth part",
    edit(partition, (text) => text.replace("000003.jpg 0", "000003.jpg 3")),
    /list_eval_partition\.txt, line 3: expected a file and 0, 1 or 2; got "000003\.jpg 3"/,
  ],
  [
    "celeba",
    "with parts that are cut off",
    edit(partition, (text) => text.slice(0, 26)),
    /list_eval_partition\.txt has 2 lines, list_attr_celeba\.txt 8 images/,
  ],
  [
    "celeba",
    "with an image too few",
    remove("Img/img_align_celeba/000005.jpg"),
    /there is no 000005\.jpg, which list_attr_celeba\.txt names; the folder has 7 files for 8 images/,
  ],
  [
    "celeba",
    "with an image that is cut off",
    cut("Img/img_align_celeba/000002.jpg", 300),
    /Cannot decode the JPEG image .*000002\.jpg: /,
  ],
  [
    "celeba",
    "with an image that is a page of a server",
    write("Img/img_align_celeba/000001.jpg", "<html>"),
    /000001\.jpg is neither PNG nor JPEG: its first bytes are 3c 68 74/,
  ],
  [
    "qm9",
    "without properties",
    remove("gdb9.sdf.csv"),
    /there is no gdb9\.sdf\.csv\. The folder of QM9 must look so:\n {2}gdb9\.sdf/,
  ],
  [
    "qm9",
    "with molecules that are cut off",
    edit("gdb9.sdf", (text) => text.slice(0, 5000)),
    /The SDF file ends within molecule \d+: its last line is not \$\$\$\$/,
  ],
  [
    "qm9",
    "with properties too few",
    edit("gdb9.sdf.csv", (text) => text.split("\n").slice(0, 10).join("\n")),
    /gdb9\.sdf has 20 molecules and gdb9\.sdf\.csv 9 rows/,
  ],
  [
    "qm9",
    "with properties of another packaging",
    edit("gdb9.sdf.csv", (text) => text.replace("u0_atom", "U0")),
    /gdb9\.sdf\.csv begins with the names of its columns; there is no u0_atom/,
  ],
  [
    "qm9",
    // pyg-team/pytorch_geometric, commit 03df1e5, torch_geometric/datasets/qm9.py, line 124: `types`.
    "with an element that it does not have",
    edit("gdb9.sdf", (text) => text.replace(" C  0", " Cl 0")),
    /gdb9\.sdf, molecule 1: elements are H, C, N, O, F; got Cl/,
  ],
  ["qm9", "as arrays that are none", processed("GIF89a"), /qm9\.npz: /],
  [
    "office31",
    "without a task",
    remove("dslr"),
    /there is no dslr\/images and no dslr\. The folder of Office-31 must look so/,
  ],
  [
    "office31",
    "with a list too few",
    remove(val),
    /Cannot read the list .*amazon_val\.txt: no such file or directory\. It has a line "path label"/,
  ],
  [
    "office31",
    "with a line without a label",
    write(train, "amazon/images/bike/frame_0001.jpg\n"),
    /amazon_train\.txt, line 1: expected a path and a class 0 to 30; got "amazon\/images/,
  ],
  [
    "office31",
    "with a training image in another part",
    (at) => writeFileSync(at(val), readFileSync(at(train), "utf8").split("\n").slice(1, 2).join("")),
    /line 1 of .*amazon_val\.txt names this image, as does line 2 of .*amazon_train\.txt: an image is in one part/,
  ],
  [
    "office31",
    "with a class too many",
    edit(train, (text) => text.replace(" 3\n", " 31\n")),
    /amazon_train\.txt, line \d+: expected a path and a class 0 to 30; got ".* 31"/,
  ],
  [
    "office31",
    "with an image too few",
    remove("amazon/images/bike/frame_0002.jpg"),
    /amazon\/images\/bike\/frame_0002\.jpg: there is no such image, which line \d+ of .*amazon_\w+\.txt names/,
  ],
  [
    "office31",
    "with an image that is empty",
    write("webcam/images/bike/frame_0001.jpg", ""),
    /frame_0001\.jpg is neither PNG nor JPEG: its first bytes are no bytes/,
  ],
  [
    "officeHome",
    "without a task",
    remove("Real World"),
    /there is no Real_World and no Real World\. The folder of Office-Home must look so/,
  ],
];

/** A file of an array of Python's objects, as far as its header goes. */
function objects(): Uint8Array {
  const header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".padEnd(117);
  return Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0, ...Buffer.from(`${header}\n`)]);
}

describe("a folder of", () => {
  it.each(cases)("%s %s", async (name, _what, damage, message) => {
    const folder = mkdtempSync(join(root, "case-"));
    cpSync(join(root, name), folder, { recursive: true });
    damage((path) => join(folder, path));
    const error = await verifyBenchmark(name, folder, { isWhole: false }).then(
      () => "none",
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toMatch(message);
    // Where in the folder it is.
    expect((error as DataError).message).toContain(folder);
  });

  it.each(names)("%s that is a part of the published one says how each command takes it", async (name) => {
    await expect(verifyBenchmark(name, join(root, name))).rejects.toThrow(
      "--part of isoloss data verify, --set problem.part=true of isoloss run",
    );
  });
});
