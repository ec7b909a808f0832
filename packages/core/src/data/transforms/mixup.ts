// H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018, eq. 1.
import { allocate, dtypeOf, type NdArray, sizeOf } from "../../array.js";
import { DataError } from "../../errors.js";
import type { Rng } from "../../math/rng.js";
import { integerFrom, number, type OptionsOf, optionTable, text } from "../../options.js";
import type { Transform } from "../streams/mapped.js";
import { type ArrayOption, arrayRow, type Example, floatsOf } from "./images.js";

export interface MixupOptions extends ArrayOption, OptionsOf<typeof mixupOptions> {}

const mixupOptions = optionTable("mixup", {
  /** Number of classes, for labels that are classes; default none: labels are floats. */
  classes: integerFrom(2).otherwise("none: labels are floats"),
  /** The fractions are drawn from Beta(alpha, alpha), alpha in (0, 4]; default 0.2. */
  alpha: number({ above: 0, max: 4 }).default(0.2),
  /** Name of the labels; default labels. */
  labels: text("the name of an array, such as labels").default("labels"),
  ...arrayRow,
});

/**
 * Mixes each example with another one of its part, inputs and labels alike.
 *
 * x <- l x_i + (1 - l) x_j, y <- l y_i + (1 - l) y_j, l ~ Beta(alpha, alpha)
 *
 * Classes become floats [n, classes], the weights of the two: `loss: crossEntropy` takes them. The other example is the next
 * one of the part (of the last one the first), which is a random one in a stream that is shuffled before.
 *
 * @throws OptionError for options out of range; DataError from a stream whose labels do not fit
 *
 * @example
 * const { images, labels } = digits();
 * const stream = mapped(shuffled(streamOf({ inputs: images, labels }), { buffer: 2000 }), mixup({ classes: 10 }));
 */
export function mixup(options: MixupOptions = {}): Transform {
  const { classes, alpha, labels: labelName, array } = mixupOptions.read(options);
  return {
    name: "mixup",
    apply(part, rngOf) {
      const x = floatsOf("mixup", part, array);
      const y = targetsOf((part as Example)[labelName], { classes, name: labelName, like: x });
      const fractions = Float64Array.from({ length: x.shape[0] }, (_, i) => betaOf(rngOf(i), alpha));
      return { ...part, [array]: mixed(x, fractions), [labelName]: mixed(y, fractions) };
    },
  };
}

/** Each row with the next one. */
function mixed(a: NdArray, fractions: Float64Array): NdArray {
  const [count] = a.shape;
  const width = sizeOf(a.shape.slice(1));
  const data = allocate(dtypeOf(a), a.data.length);
  for (let i = 0; i < count; i++) {
    const j = (i + 1) % count;
    for (let k = 0; k < width; k++) {
      const [own, other] = [Number(a.data[i * width + k]), Number(a.data[j * width + k])];
      data[i * width + k] = fractions[i] * own + (1 - fractions[i]) * other;
    }
  }
  return { shape: a.shape, data };
}

/** Labels as floats; of classes 1 for the class and 0 for the others. */
function targetsOf(
  labels: NdArray,
  {
    classes,
    name,
    like,
  }: { readonly classes: number | undefined; readonly name: string; readonly like: NdArray },
): NdArray {
  if (!(labels?.data instanceof BigInt64Array)) return floatsOf("mixup", { [name]: labels }, name);
  if (classes === undefined || labels.shape.length !== 1) {
    throw new DataError(
      `mixup needs the number of classes for labels [n] that are classes, mixup({ classes: 10 }); "${name}" has the shape [${labels.shape.join(", ")}].`,
    );
  }
  const data = allocate(dtypeOf(like), labels.data.length * classes);
  labels.data.forEach((label, i) => {
    if (label < 0n || label >= BigInt(classes)) {
      throw new DataError(`mixup: labels must be classes in 0..${classes - 1}; got ${label}.`);
    }
    data[i * classes + Number(label)] = 1;
  });
  return { shape: [labels.data.length, classes], data };
}

/** A draw from Beta(a, a): M. D. Jöhnk, Metrika 8, 1964. */
function betaOf(rng: Rng, a: number): number {
  for (;;) {
    const [u, v] = [(1 - rng.next()) ** (1 / a), (1 - rng.next()) ** (1 / a)];
    if (u + v > 0 && u + v <= 1) return u / (u + v);
  }
}
