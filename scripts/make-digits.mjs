// Writes packages/core/src/data/digits-data.ts from scikit-learn's digits.csv.gz (in Debian: package python3-sklearn).
// Usage: node scripts/make-digits.mjs /usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz
import { readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

const levels = 17;
const longestCode = 15;

/** Code lengths of a Huffman code: D. Huffman, Proc. IRE 40(9), 1952. */
function huffmanLengths(counts) {
  const lengths = counts.map(() => 0);
  let nodes = counts.map((count, symbol) => ({ count, symbols: [symbol] }));
  while (nodes.length > 1) {
    nodes = nodes.sort((a, b) => a.count - b.count);
    const [a, b, ...rest] = nodes;
    const symbols = [...a.symbols, ...b.symbols];
    for (const s of symbols) lengths[s]++;
    nodes = [...rest, { count: a.count + b.count, symbols }];
  }
  return lengths;
}

/** The canonical code of given lengths: codes count up by length, then by symbol. */
function canonicalCodes(lengths) {
  const codes = [];
  let code = 0;
  for (let length = 1; length <= longestCode; length++) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] === length) codes[symbol] = (code++).toString(2).padStart(length, "0");
    }
    code *= 2;
  }
  return codes;
}

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error("Give the path of scikit-learn's digits.csv.gz.");
const rows = gunzipSync(readFileSync(path))
  .toString("ascii")
  .trim()
  .split("\n")
  .map((line) => line.split(",").map(Number));
const pixels = rows.flatMap((row) => row.slice(0, 64));
const labels = rows.map((row) => row[64]);
const inRange = (limit) => (x) => Number.isInteger(x) && x >= 0 && x < limit;
if (
  rows.length !== 1797 ||
  rows.some((row) => row.length !== 65) ||
  !pixels.every(inRange(levels)) ||
  !labels.every(inRange(10))
) {
  throw new Error("Expected 1797 rows of 64 pixels in 0..16 and a label in 0..9.");
}

const counts = Array.from({ length: levels }, (_, level) => pixels.filter((p) => p === level).length);
const lengths = huffmanLengths(counts);
const codes = canonicalCodes(lengths);
const bits = pixels.map((p) => codes[p]).join("");
const packed = Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
  Number.parseInt(bits.slice(8 * i, 8 * i + 8).padEnd(8, "0"), 2),
);

const out = new URL("../packages/core/src/data/digits-data.ts", import.meta.url);
writeFileSync(
  out,
  `/*! UCI digits: E. Alpaydin and C. Kaynak, 1998, CC BY 4.0; the copy in scikit-learn, BSD-3-Clause. See LICENSE-digits.txt. */
// Written by scripts/make-digits.mjs. Pixels: canonical Huffman code, most significant bit first, in base64.

/** Bits of the code of each pixel value 0..16. */
export const codeLengths: readonly number[] = [${lengths.join(", ")}];

/** Class of each of the 1797 images, one character each. */
export const labels =
  "${labels.join("")}";

export const pixels =
  "${Buffer.from(packed).toString("base64")}";
`,
);
console.log(`${packed.length} bytes of pixels, code lengths ${lengths.join(" ")}`);
