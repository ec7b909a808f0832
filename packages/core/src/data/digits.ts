// UCI "Optical recognition of handwritten digits", test part: E. Alpaydin and C. Kaynak, Kybernetika 34(4), 1998.
import { codeLengths, labels as labelText, pixels } from "./digits-data.js";
import type { LabeledImages } from "./labeled-images.js";

const PIXELS_PER_IMAGE = 64;
const FULL_INK = 16;

/** Decodes a canonical Huffman code: codes of one length are consecutive numbers, and follow those of shorter ones. */
function decode(bytes: Uint8Array, lengths: readonly number[], size: number): Uint8Array {
  const symbolsByLength = Array.from({ length: Math.max(...lengths) + 1 }, (_, length) =>
    lengths.flatMap((l, symbol) => (l === length ? [symbol] : [])),
  );
  const out = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < size; i++) {
    let code = 0;
    let firstCode = 0;
    for (let length = 1; ; length++) {
      code = 2 * code + ((bytes[at >> 3] >> (7 - (at & 7))) & 1);
      at++;
      firstCode *= 2;
      const symbols = symbolsByLength[length];
      if (code - firstCode < symbols.length) {
        out[i] = symbols[code - firstCode];
        break;
      }
      firstCode += symbols.length;
    }
  }
  return out;
}

/**
 * The 1797 handwritten digits of 8 x 8 pixels of scikit-learn's `load_digits`, in the same order; part of the
 * package.
 *
 * Pixels are the counts 0..16 of the original divided by 16. Each call returns new arrays.
 *
 * Data: E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, CC BY 4.0.
 *
 * @example
 * const { images, labels } = digits(); // images [1797, 64], labels [1797]
 */
export function digits(): LabeledImages & { readonly classes: 10 } {
  const n = labelText.length;
  const packed = Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0));
  const values = decode(packed, codeLengths, n * PIXELS_PER_IMAGE);
  return {
    images: { shape: [n, PIXELS_PER_IMAGE], data: Float32Array.from(values, (v) => v / FULL_INK) },
    labels: { shape: [n], data: BigInt64Array.from(labelText, BigInt) },
    classes: 10,
  };
}
