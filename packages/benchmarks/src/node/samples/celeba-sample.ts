// A small set in the form of CelebA, of formulas.
import { type FormulaImage, loadJpegEncoder } from "./image-files.js";
import type { SampleFile, SampleOptions } from "./sample.js";

/** The published names, in their order. */
const names =
  "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young".split(
    " ",
  );

const fileOf = (n: number) => `${String(n + 1).padStart(6, "0")}.jpg`;

/** One of seven hues, by which attributes go, in a brightness of the image's own over a ramp. */
const face = (n: number): FormulaImage => ({
  size: [218, 178],
  at: (y, x, c) =>
    118 + 80 * Math.sin(2 * Math.PI * (n / 7 + c / 3)) + 10 * Math.sin(n) + (30 * (x + y)) / 396,
});

/** Attribute k of image n: three of the seven hues have it. */
const hasAttribute = (n: number, k: number): boolean => (((k % 5) + 1) * n + k) % 7 < 3;

/** Twice as many images for training as for validation and for test. */
export async function* celebaSample({ examples = 3 }: SampleOptions): AsyncGenerator<SampleFile> {
  const encode = await loadJpegEncoder();
  const count = 4 * examples;
  const images = Array.from({ length: count }, (_, n) => n);
  // Numbers are right-aligned, so that there are one or two spaces before them.
  const marks = (n: number) => names.map((_, k) => (hasAttribute(n, k) ? "1" : "-1").padStart(3)).join("");
  yield {
    path: "Anno/list_attr_celeba.txt",
    bytes: `${count}\n${names.join(" ")} \n${images.map((n) => `${fileOf(n)}${marks(n)}\n`).join("")}`,
  };
  yield {
    path: "Eval/list_eval_partition.txt",
    bytes: images.map((n) => `${fileOf(n)} ${Math.max(0, Math.floor(n / examples) - 1)}\n`).join(""),
  };
  for (const n of images) yield { path: `Img/img_align_celeba/${fileOf(n)}`, bytes: await encode(face(n)) };
}
