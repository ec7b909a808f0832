// Spoken words for the models of speech, into models/data: "front center" and seven others from Debian's alsa-utils (GPL-2),
// at 16 kHz, four for calibration and four held out: `node scripts/real-speech.mjs` (Debian, after fetch-models.mjs).
// samples-*.npy, float32 [N, 12512] in the range of int16, are what openWakeWord gives the spectrogram; spectra-*.npy,
// [N, 76, 32, 1], what it gives the embedding; frames-v5-*.npz and frames-legacy-*.npz are one batch for Silero's detectors.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { ndarray } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { inPackages } from "./debian-packages.mjs";

const words = {
  calibration: ["Front_Center", "Front_Left", "Front_Right", "Rear_Center"],
  "held-out": ["Rear_Left", "Rear_Right", "Side_Left", "Side_Right"],
};
/** Samples of 76 frames of the spectrogram, 512 long and 160 apart. */
const LONG = 75 * 160 + 512;
const RATE = 16_000;

const models = fileURLToPath(new URL("../models/", import.meta.url));
const target = join(models, "data");
mkdirSync(target, { recursive: true });
await inPackages(["alsa-utils"], async (folder) => {
  for (const [name, files] of Object.entries(words)) {
    const spoken = files.map((file) => samplesOf(join(folder, `usr/share/sounds/alsa/${file}.wav`)));
    const long = windows(spoken, LONG, 800);
    save(`samples-${name}.npy`, encodeNpy(long), long);
    const spectra = await spectraOf(long);
    save(`spectra-${name}.npy`, encodeNpy(spectra), spectra);
    const unit = (array) =>
      ndarray(
        array.data.map((x) => x / 32_768),
        array.shape,
      );
    // The fifth version sees 32 samples of the frame before. At 8 kHz: both branches of the file are traced, and that for 16 kHz
    // fits frames of 288, but the other no frames of 576.
    const slower = spoken.map((samples) => samples.filter((_, i) => i % 2 === 0));
    const frames = unit(windows(slower, 288, 512));
    const zeros = (width, { shape: [count] }) =>
      ndarray(new Float32Array(2 * count * width), [2, count, width]);
    const sr = (rate) => ndarray(BigInt64Array.of(BigInt(rate)), []);
    const own = { input: frames, state: zeros(128, frames), sr: sr(RATE / 2) };
    save(`frames-v5-${name}.npz`, npz(own), frames);
    const legacy = unit(windows(spoken, 512, 1024));
    const [h, c] = [zeros(64, legacy), zeros(64, legacy)];
    save(`frames-legacy-${name}.npz`, npz({ input: legacy, sr: sr(RATE), h, c }), legacy);
  }
});

function save(name, bytes, { shape: [count] }) {
  writeFileSync(join(target, name), bytes);
  console.log(`models/data/${name}: ${count} examples`);
}

/** Samples at 16 kHz of a WAV file of 16 bits, one channel and 48 kHz: means of three. */
function samplesOf(path) {
  const bytes = readFileSync(path);
  const [channels, rate, bits] = [bytes.readUInt16LE(22), bytes.readUInt32LE(24), bytes.readUInt16LE(34)];
  if (channels !== 1 || rate !== 3 * RATE || bits !== 16)
    throw new Error(`${path} has ${channels} channels, ${rate} Hz and ${bits} bits.`);
  const sample = (i) => bytes.readInt16LE(44 + 2 * i);
  return Float32Array.from(
    { length: Math.floor((bytes.length - 44) / 6) },
    (_, i) => (sample(3 * i) + sample(3 * i + 1) + sample(3 * i + 2)) / 3,
  );
}

/** All windows of so many samples, `step` apart; words do not run into each other. */
function windows(spoken, length, step) {
  const parts = spoken.flatMap((samples) =>
    Array.from({ length: Math.floor((samples.length - length) / step) + 1 }, (_, i) =>
      samples.subarray(i * step, i * step + length),
    ),
  );
  const out = new Float32Array(parts.length * length);
  for (const [i, part] of parts.entries()) out.set(part, i * length);
  return ndarray(out, [parts.length, length]);
}

/** Spectrograms as openWakeWord scales them for the embedding: x / 10 + 2. */
async function spectraOf({ shape, data }) {
  const session = await InferenceSession.create(join(models, "melspectrogram.onnx"));
  const [count] = shape;
  const out = new Float32Array(count * 76 * 32);
  for (let i = 0; i < count; i++) {
    const samples = new Tensor("float32", data.slice(i * LONG, (i + 1) * LONG), [1, LONG]);
    const { output } = await session.run({ input: samples });
    if (output.data.length !== 76 * 32) throw new Error(`Expected 76 frames of 32; came ${output.dims}.`);
    out.set(
      output.data.map((x) => x / 10 + 2),
      i * 76 * 32,
    );
  }
  await session.release();
  return ndarray(out, [count, 76, 32, 1]);
}

/** A .npz file of arrays by name: a ZIP archive that stores them as they are. */
function npz(arrays) {
  const [locals, entries] = [[], []];
  let at = 0;
  for (const [key, array] of Object.entries(arrays)) {
    const [name, bytes] = [Buffer.from(`${key}.npy`), encodeNpy(array)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    locals.push(Buffer.from("PK\x03\x04"), common, name, bytes);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    entries.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, rest, name);
    at += 30 + name.length + bytes.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(Object.keys(arrays).length, 8);
  end.writeUInt16LE(Object.keys(arrays).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directory, end]);
}
