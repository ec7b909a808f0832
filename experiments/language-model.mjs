// What experiments/language-model.yaml trains: licenses of Debian's package base-files, which may all be copied as they are, as bytes.
import { readFileSync } from "node:fs";
import { MissingDataError } from "isoloss";
import { crossEntropy, sequenceTransformer } from "isoloss/nn";
import { mul } from "isoloss/ops";

const folder = "/usr/share/common-licenses";
const texts = {
  training: [
    ...["Apache-2.0", "Artistic", "BSD", "CC0-1.0", "GFDL-1.2", "GFDL-1.3", "GPL-1", "GPL-2", "GPL-3"],
    ...["LGPL-2", "LGPL-2.1", "LGPL-3", "MPL-1.1"],
  ],
  test: ["MPL-2.0"],
};
const length = 128;

function bytesOf(names) {
  try {
    return Buffer.concat(names.map((name) => readFileSync(`${folder}/${name}`)));
  } catch (cause) {
    throw new MissingDataError(`The texts are those of Debian's ${folder}: ${cause.message}.`, { cause });
  }
}

/** Windows of bytes, and the byte behind each. */
function windows(text, stride) {
  const count = Math.floor((text.length - 1 - length) / stride) + 1;
  const cut = (shift) => ({
    shape: [count, length],
    data: BigInt64Array.from({ length: count * length }, (_, k) =>
      BigInt(text[Math.floor(k / length) * stride + (k % length) + shift]),
    ),
  });
  return { inputs: cut(0), labels: cut(1) };
}

/** Windows for training overlap by three quarters; those for the test do not. */
export const data = () => ({
  data: windows(bytesOf(texts.training), length / 4),
  test: windows(bytesOf(texts.test), length),
});

const network = (width, heads, depth) =>
  sequenceTransformer({
    ...{ tokens: 256, classes: 256, perElement: true, causal: true },
    ...{ width, heads, depth, hidden: 2 * width },
  });

export const model = () => network(256, 8, 4);
export const smallModel = () => network(32, 4, 2);

/** Mean of -log2 of the probability of each byte. */
export const bitsPerByte = (output, labels) => mul(crossEntropy(output, labels), Math.LOG2E);
