// Crops of photos for quantization, into models/data: photos-calibration.npy and photos-held-out.npy, float32 [N, 3, 224, 224]
// in 0..1, of different pictures: `node scripts/real-photos.mjs` (Debian).
// Licenses: budgie-backgrounds 3.0, CC0-1.0 (its debian/copyright). Of python3-skimage 0.25.2 only photos whose notes in
// skimage/data/_fetchers.py free them: chelsea (CC0, Stefan van der Walt), coffee (CC0, Rachel Michetti), astronaut (NASA,
// "released into the public domain") and rocket (SpaceX, "released in the public domain").
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import decodeJpeg, { init } from "@jsquash/jpeg/decode.js";
import { decode as decodePng } from "fast-png";
import { ndarray } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { inPackages } from "./debian-packages.mjs";

const budgie = "usr/share/backgrounds/budgie";
const skimage = "usr/lib/python3/dist-packages/skimage/data";
const of = (folder, names) => names.map((name) => join(folder, name));
const calibration = of(budgie, [
  "beacon-street-sunset.jpg",
  "blue-periwinkle.jpg",
  "canyon-wren.jpg",
  "casa-mila.jpg",
  "extreme-desert-hike.jpg",
  "high-trestle-trail.jpg",
  "oakland-zoo-otters.jpg",
  "perched-osprey.jpg",
  "roman-colosseum.jpg",
  "tea-gardens.jpg",
]);
const heldOut = [
  ...of(budgie, [
    "lake-sherburne.jpg",
    "ocean-waves.jpg",
    "piazza-gae-aulenti.jpg",
    "singaporean-cityscape.jpg",
  ]),
  ...of(skimage, ["astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"]),
];
const SIDE = 224;
const CROPS = 12;

const target = fileURLToPath(new URL("../models/data/", import.meta.url));
await inPackages(["budgie-backgrounds", "python3-skimage"], async (folder) => {
  const decoder = await WebAssembly.compile(readFileSync(decoderPath()));
  await init({
    // In Node the package would look for its code over the network.
    instantiateWasm(imports, done) {
      const instance = new WebAssembly.Instance(decoder, imports);
      done(instance);
      return instance.exports;
    },
  });
  mkdirSync(target, { recursive: true });
  const at = (paths) => paths.map((path) => join(folder, path));
  await write("photos-calibration.npy", at(calibration));
  await write("photos-held-out.npy", at(heldOut));
});

function decoderPath() {
  const require = createRequire(import.meta.url);
  return require.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
}

/** The first crop of each photo, then the second: few examples from the start are of many photos. */
async function write(name, paths) {
  const size = 3 * SIDE * SIDE;
  const out = new Float32Array(paths.length * CROPS * size);
  for (const [i, path] of paths.entries()) {
    const image = await read(path);
    for (let n = 0; n < CROPS; n++) out.set(cropOf(image, n), (n * paths.length + i) * size);
  }
  writeFileSync(join(target, name), encodeNpy(ndarray(out, [paths.length * CROPS, 3, SIDE, SIDE])));
  console.log(`models/data/${name}: ${CROPS} crops of each of ${paths.length} photos`);
}

async function read(path) {
  const bytes = readFileSync(path);
  if (path.endsWith(".png")) return decodePng(bytes);
  return {
    channels: 4,
    ...(await decodeJpeg(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))),
  };
}

/**
 * A square of 40 to 100 percent of the shorter side; each pixel is the mean of those that it covers. Sides and places of
 * the crops are spread evenly: multiples of powers of 1 / 1.2207, modulo 1 (the R3 sequence).
 */
function cropOf({ width, height, channels, data }, n) {
  const [a, b, c] = [1, 2, 3].map((power) => ((n + 1) * 1.2207440846 ** -power) % 1);
  const side = Math.floor(Math.min(width, height) * (0.4 + 0.6 * a));
  const [left, top] = [Math.floor((width - side) * b), Math.floor((height - side) * c)];
  const out = new Float32Array(3 * SIDE * SIDE);
  const edge = (i) => Math.floor((i * side) / SIDE);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const [rows, columns] = [y, x].map((i) => [edge(i), Math.max(edge(i + 1), edge(i) + 1)]);
      const sums = [0, 0, 0];
      for (let row = rows[0]; row < rows[1]; row++) {
        for (let column = columns[0]; column < columns[1]; column++) {
          const at = ((top + row) * width + left + column) * channels;
          for (let c = 0; c < 3; c++) sums[c] += data[at + c];
        }
      }
      const count = (rows[1] - rows[0]) * (columns[1] - columns[0]) * 255;
      for (let c = 0; c < 3; c++) out[(c * SIDE + y) * SIDE + x] = sums[c] / count;
    }
  }
  return out;
}
