// Small sets in the form of Office-31 and Office-Home: striped images of formulas, with lists of their parts.
import { type FormulaImage, loadJpegEncoder, pngFile } from "./image-files.js";
import type { SampleFile, SampleOptions } from "./sample.js";

/** Stripes of the class in a color of the task, in images of differing sizes. */
const picture = (task: number, label: number, i: number): FormulaImage => ({
  size: [40 + 7 * i, 50 + 5 * label],
  at: (y, x, c) =>
    128 + 90 * Math.sin(((label + 1) * (label % 2 === 0 ? x : y)) / 6 + i + c) - (c === task % 3 ? 30 : 0),
});

export const office31Sample = officeSample(
  ["amazon", "dslr", "webcam"],
  ["back_pack", "bike", "bottle", "monitor"],
  (task, name, i) => `${task}/images/${name}/frame_${String(i + 1).padStart(4, "0")}.jpg`,
);

export const officeHomeSample = officeSample(
  ["Art", "Clipart", "Product", "Real World"],
  ["Alarm_Clock", "Bike", "Bottle", "Calendar"],
  (task, name, i) => `${task}/${name}/${String(i + 1).padStart(5, "0")}.jpg`,
);

/** Images of some of a data set's classes in its folders, and lists of their parts in the folder `lists`. */
function officeSample(
  tasks: readonly string[],
  classes: readonly string[],
  place: (task: string, name: string, i: number) => string,
) {
  return async function* ({ examples = 2 }: SampleOptions): AsyncGenerator<SampleFile> {
    const encode = await loadJpegEncoder();
    for (const [t, task] of tasks.entries()) {
      const listed = task.replace(" ", "_");
      const lists = { train: "", val: "", test: "" };
      const parts = Object.keys(lists) as (keyof typeof lists)[];
      for (const [label, name] of classes.entries()) {
        for (let i = 0; i < parts.length * examples; i++) {
          const path = place(task, name, i);
          const image = picture(t, label, i);
          // One of the first class is gray, one of the second is no JPEG, whatever its name says.
          const isPng = label === 1 && i === 1;
          yield {
            path,
            bytes: isPng ? await pngFile(image) : await encode(image, { isGray: label === 0 && i === 1 }),
          };
          lists[parts[Math.floor(i / examples)]] += `${path.replace(task, listed)} ${label}\n`;
        }
      }
      for (const [part, bytes] of Object.entries(lists)) yield { path: `lists/${listed}_${part}.txt`, bytes };
    }
  };
}
