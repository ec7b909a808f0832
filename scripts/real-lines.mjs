// Rendered lines of text, half of them upside down, for PaddleOCR's direction classifier, into models/data:
// lines-calibration.npy (200), lines-training.npy (600) and lines-held-out.npy (1000), float32 [N, 3, 48, 192] in -1..1,
// with lines-*-labels.npy, 1 for 180 degrees: `node scripts/real-lines.mjs`. The last two of the five fonts are in the
// held-out lines alone. For the recognizer upright-*.npy, the upright ones of 100; for the detector pages-*.npy, pages of
// four lines below one another, [N, 3, 192, 192], standardized as it takes them.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Resvg } from "@resvg/resvg-js";
import { ndarray, takeRows } from "isoloss";
import { decodeNpy, encodeNpy } from "isoloss/data";

const fonts = dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf"));
const faces = [
  { file: "DejaVuSans.ttf", style: 'font-family="DejaVu Sans"' },
  { file: "DejaVuSerif.ttf", style: 'font-family="DejaVu Serif"' },
  { file: "DejaVuSans-Bold.ttf", style: 'font-family="DejaVu Sans" font-weight="bold"' },
  { file: "DejaVuSansMono.ttf", style: 'font-family="DejaVu Sans Mono"' },
  { file: "DejaVuSerif-Bold.ttf", style: 'font-family="DejaVu Serif" font-weight="bold"' },
];
const [HEIGHT, WIDTH] = [48, 192];
const AREA = HEIGHT * WIDTH;
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

const target = fileURLToPath(new URL("../models/data/", import.meta.url));
mkdirSync(target, { recursive: true });
write("lines-calibration", 200, 0, faces.slice(0, 3));
write("lines-training", 600, 10_000, faces.slice(0, 3));
write("lines-held-out", 1000, 20_000, faces);

for (const name of ["calibration", "held-out"]) {
  const lines = decodeNpy(readFileSync(join(target, `lines-${name}.npy`)));
  const upright = takeRows(
    lines,
    Array.from({ length: 50 }, (_, i) => 2 * i),
  );
  save(`upright-${name}`, upright);
  save(`pages-${name}`, pagesOf(lines, 48));
}

function write(name, count, first, faces) {
  const out = new Float32Array(count * 3 * AREA);
  const labels = new BigInt64Array(count);
  for (let n = 0; n < count; n++) {
    out.set(line(sequence(first + n), faces, n % 2 === 1), n * 3 * AREA);
    labels[n] = BigInt(n % 2);
  }
  save(name, ndarray(out, [count, 3, HEIGHT, WIDTH]));
  writeFileSync(join(target, `${name}-labels.npy`), encodeNpy(ndarray(labels, [count])));
}

function save(name, array) {
  writeFileSync(join(target, `${name}.npy`), encodeNpy(array));
  console.log(`models/data/${name}.npy: ${array.shape.join(" x ")}`);
}

/** Pages of four upright lines, from pixels in -1..1 to (pixel - mean) / std of ImageNet's channels. */
function pagesOf(lines, count) {
  const [means, deviations] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ];
  const out = new Float32Array(count * 12 * AREA);
  for (let i = 0; i < out.length; i++) {
    const [page, channel, at] = [Math.floor(i / (12 * AREA)), Math.floor(i / (4 * AREA)) % 3, i % (4 * AREA)];
    // Every other line is turned, and a page begins where the one before has its second line.
    const line = 2 * ((page + Math.floor(at / AREA)) % (lines.shape[0] / 2));
    const pixel = (lines.data[(line * 3 + channel) * AREA + (at % AREA)] + 1) / 2;
    out[i] = (pixel - means[channel]) / deviations[channel];
  }
  return ndarray(out, [count, 3, 4 * HEIGHT, WIDTH]);
}

/** Draws integers below n: the Numerical Recipes congruence, of which the high bits count. */
function sequence(seed) {
  let state = (seed * 2_654_435_761) >>> 0;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** A line of one to three words, as planes of blue, green and red: its height is the image's, and gray fills the rest. */
function line(draw, faces, isTurned) {
  const word = () => Array.from({ length: 2 + draw(7) }, () => letters[draw(letters.length)]).join("");
  const text = Array.from({ length: 1 + draw(3) }, word).join(" ");
  const { style } = faces[draw(faces.length)];
  const shade = (from) => `rgb(${from + draw(96)},${from + draw(96)},${from + draw(96)})`;
  const [dark, light] = [shade(0), shade(160)];
  const [ink, paper] = draw(2) === 0 ? [dark, light] : [light, dark];
  const size = 22 + draw(14);
  const svg = (width, turn) =>
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}"><rect width="100%" height="100%" fill="${paper}"/>` +
    `<text transform="${turn}" x="6" y="${30 + draw(8)}" font-size="${size}" fill="${ink}" ${style}>${text}</text></svg>`;
  const width = Math.min(WIDTH, 12 + Math.ceil(text.length * size * 0.62));
  const turn = isTurned ? `rotate(180 ${width / 2} ${HEIGHT / 2})` : "";
  const { pixels } = new Resvg(svg(width, turn), {
    font: { fontFiles: faces.map(({ file }) => join(fonts, file)), loadSystemFonts: false },
  }).render();
  const planes = new Float32Array(3 * AREA);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++)
        planes[(2 - c) * AREA + y * WIDTH + x] = pixels[(y * width + x) * 4 + c] / 127.5 - 1;
    }
  }
  return planes;
}
