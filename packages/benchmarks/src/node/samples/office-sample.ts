// Small sets in the form of Office-31 and Office-Home: striped images of formulas, with lists of their parts.
import { type FormulaImage, loadJpegEncoder, pngFile } from "./image-files.js";
import type { SampleFile, SampleOptions } from "./sample.js";

/** Classes of a sample, of names that the data sets have. */
const [office31Classes, officeHomeClasses] = [
  ["back_pack", "bike", "bottle", "monitor"],
  ["Alarm_Clock", "Bike", "Bottle", "Calendar"],
];

/** Stripes of the class in a color of the task, in images of differing sizes. */
const picture = (task: number, label: number, i: number): FormulaImage => ({
  size: [40 + 7 * i, 50 + 5 * label],
  at: (y, x, c) =>
    128 + 90 * Math.sin(((label + 1) * (label % 2 === 0 ? x : y)) / 6 + i + c) - (c === task % 3 ? 30 : 0),
});

export const office31Sample = (options: SampleOptions): AsyncIterable<SampleFile> =>
  officeSample(
    {
      tasks: ["amazon", "dslr", "webcam"],
      classes: office31Classes,
      place: (task, name, i) => `${task}/images/${name}/frame_${String(i + 1).padStart(4, "0")}.jpg`,
    },
    options,
  );

export const officeHomeSample = (options: SampleOptions): AsyncIterable<SampleFile> =>
  officeSample(
    {
      tasks: ["Art", "Clipart", "Product", "Real World"],
      classes: officeHomeClasses,
      place: (task, name, i) => `${task}/${name}/${String(i + 1).padStart(5, "0")}.jpg`,
    },
    options,
  );

interface OfficeForm {
  readonly tasks: readonly string[];
  readonly classes: readonly string[];
  readonly place: (task: string, name: string, i: number) => string;
}

/** Images in the data sets' folders, and lists of their parts in the folder `lists`. */
async function* officeSample(
  { tasks, classes, place }: OfficeForm,
  { examples = 2 }: SampleOptions,
): AsyncGenerator<SampleFile> {
  const encode = await loadJpegEncoder();
  for (const [t, task] of tasks.entries()) {
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
        lists[parts[Math.floor(i / examples)]] += `${path.replace("Real World", "Real_World")} ${label}\n`;
      }
    }
    for (const [part, bytes] of Object.entries(lists)) {
      yield { path: `lists/${task.replace(" ", "_")}_${part}.txt`, bytes };
    }
  }
}
