// A run on a stream in a process of its own, which tests kill or give little memory. Arguments: MODE, then
// run: folder of the checkpoint, steps (from the checkpoint, if there is one); prints its state at the end
// large: megabytes of the stream; prints the megabytes that the process had at most
// file: folder for an .npy file, and its megabytes; prints the same
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ndarray } from "../../src/array.js";
import type { Dataset } from "../../src/data/dataset.js";
import { digits } from "../../src/data/digits.js";
import type { DataStream } from "../../src/data/stream.js";
import { mapped } from "../../src/data/streams/mapped.js";
import { shuffled } from "../../src/data/streams/shuffled.js";
import { streamOf } from "../../src/data/streams/stream-of.js";
import { randomCrop } from "../../src/data/transforms/crop.js";
import { randomFlip } from "../../src/data/transforms/flip.js";
import { createRng } from "../../src/math/rng.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { openArrays } from "../../src/node/array-streams.js";
import { loadCheckpoint, saveCheckpoint } from "../../src/node/checkpoints.js";
import { adam } from "../../src/optim/adam.js";
import { sgd } from "../../src/optim/sgd.js";
import { createTrainer } from "../../src/train/trainer.js";

const [mode, ...rest] = process.argv.slice(2);
if (mode === "run") await run(rest[0], Number(rest[1]));
else if (mode === "file") await file(rest[0], Number(rest[1]));
else await large(Number(rest[0]));

async function run(folder: string, steps: number): Promise<void> {
  const { images, labels } = digits();
  const square = { inputs: { ...images, shape: [images.shape[0], 1, 8, 8] }, labels };
  const changed = mapped(streamOf(square, { size: 100 }), [randomFlip(), randomCrop({ padding: 1 })]);
  const flat = ({ inputs, labels: y }: Dataset): Dataset => ({
    inputs: { ...inputs, shape: [inputs.shape[0], 64] },
    labels: y,
  });
  const trainer = await createTrainer({
    model: mlp({ sizes: [64, 16, 10] }),
    data: shuffled(mapped<Dataset>(changed, flat), { buffer: 300 }),
    optimizer: adam(),
    learningRate: 1e-3,
    batchSize: 32,
    runtime: "javascript",
  });
  const path = join(folder, "checkpoint.safetensors");
  if (existsSync(path)) await loadCheckpoint(path, trainer);
  let isFirst = true;
  while (trainer.current.step < steps) {
    await trainer.run({ steps: Math.min(7, steps - trainer.current.step) });
    await saveCheckpoint(path, trainer);
    if (isFirst) process.stdout.write("saved\n");
    isFirst = false;
  }
  const { seconds: _, ...history } = trainer.history;
  process.stdout.write(JSON.stringify({ current: trainer.current, history }));
  await trainer.dispose();
}

async function large(megabytes: number): Promise<void> {
  // A part of 1 MiB: 256 examples of 1024 numbers.
  const stream: DataStream<Dataset> = {
    length: 256 * megabytes,
    async *batches(seed, epoch) {
      for (let i = 0; i < megabytes; i++) {
        const rng = createRng(seed).fork(epoch).fork(i);
        const start = rng.next();
        const inputs = new Float32Array(256 * 1024).fill(start);
        const labels = BigInt64Array.from({ length: 256 }, () => BigInt(rng.int(4)));
        yield { inputs: ndarray(inputs, [256, 1024]), labels: ndarray(labels, [256]) };
        // As a disk would: the collector has its turn.
        await new Promise((next) => setImmediate(next));
      }
    },
  };
  await trainOn(stream);
}

/** The same from files, which are written part by part, too. */
async function file(folder: string, megabytes: number): Promise<void> {
  const rows = 256 * megabytes;
  const [inputs, labelFile] = ["x.npy", "y.npy"].map((name) => join(folder, name));
  const header = (descr: string, shape: string) => {
    const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117);
    return Buffer.from(`\x93NUMPY\x01\0\x76\0${text}\n`, "latin1");
  };
  writeFileSync(inputs, header("<f4", `${rows}, 1024`));
  writeFileSync(labelFile, Buffer.concat([header("|u1", `${rows},`), new Uint8Array(rows)]));
  for (let i = 0; i < megabytes; i++) {
    appendFileSync(inputs, new Uint8Array(new Float32Array(256 * 1024).fill(i / megabytes).buffer));
  }
  await trainOn(await openArrays(inputs, { labelFile }));
}

async function trainOn(stream: DataStream<Dataset>): Promise<void> {
  const trainer = await createTrainer({
    model: mlp({ sizes: [1024, 4] }),
    data: shuffled(stream, { buffer: 2000 }),
    optimizer: sgd(),
    learningRate: 0.01,
    batchSize: 128,
    runtime: "javascript",
  });
  await trainer.run({ epochs: 1 });
  process.stdout.write(
    JSON.stringify({ steps: trainer.current.step, megabytes: process.resourceUsage().maxRSS / 1024 }),
  );
  await trainer.dispose();
}
