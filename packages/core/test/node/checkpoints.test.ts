import { type FileHandle, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DataError } from "../../src/errors.js";
import { famo } from "../../src/mtl/methods/famo.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { loadCheckpoint, saveCheckpoint } from "../../src/node/checkpoints.js";
import { sgd } from "../../src/optim/sgd.js";
import { createTrainer } from "../../src/train/trainer.js";
import { trainerFor } from "../mtl/train/training-support.js";
import { elements, someDigits } from "../train/support.js";

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return { ...actual, open: vi.fn(actual.open) };
});

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "isoloss-checkpoints-"));
  path = join(directory, "checkpoint.safetensors");
});

afterEach(() => rm(directory, { recursive: true }));

function newTrainer({ dropout = 0.2, hidden = 8, runtime = "javascript" as "javascript" | "onnx" } = {}) {
  return createTrainer({
    model: mlp({ sizes: [64, hidden, 10], dropout }),
    data: someDigits(0, 60),
    optimizer: sgd({ momentum: 0.9 }),
    learningRate: 0.1,
    batchSize: 16,
    runtime,
  });
}

it("keeps a file with the best epoch, from which training goes on", async () => {
  const trainer = await newTrainer();
  const validation = someDigits(60, 90);
  const save = () => saveCheckpoint(path, trainer);
  await trainer.run({ epochs: 3, validation, best: "keep", onBest: save });
  const { best, step } = trainer.current;
  const saved = await newTrainer();
  await loadCheckpoint(path, saved);
  expect(saved.current.step).toBe(((best?.epoch ?? 0) * step) / 3);
  expect(saved.current.params).toEqual(best?.params);
  expect(await readdir(directory)).toEqual(["checkpoint.safetensors"]);
});

/** Lets the next file that is opened take only a part of what is written to it, as a full disk does. */
function failNextWrite(): void {
  vi.mocked(open).mockImplementationOnce(async (file, flags) => {
    const handle = await open(file, flags);
    handle.writeFile = async (content) => {
      await handle.write((content as Uint8Array).subarray(0, 1000));
      throw Object.assign(new Error("write failed"), { code: "ENOSPC" });
    };
    return handle satisfies FileHandle;
  });
}

it("is of trainers of several tasks, too", async () => {
  const trainer = await trainerFor(famo());
  await trainer.run({ steps: 3 });
  await saveCheckpoint(path, trainer);
  const other = await trainerFor(famo());
  await loadCheckpoint(path, other);
  expect(other.current).toEqual(trainer.current);
  await expect(loadCheckpoint(path, await newTrainer())).rejects.toThrow(DataError);
});

describe("saveCheckpoint and loadCheckpoint", () => {
  it.each(["javascript", "onnx"] as const)(
    "continue a run bit for bit in a new trainer on %s",
    async (runtime) => {
      const whole = await newTrainer({ runtime });
      await whole.run({ steps: 30 });
      const first = await newTrainer({ runtime });
      await first.run({ steps: 13, onProgress: () => saveCheckpoint(path, first) });
      const second = await newTrainer({ runtime });
      await loadCheckpoint(path, second);
      expect(second.current.step).toBe(13);
      await second.run({ steps: 17 });
      expect(second.history.loss).toEqual(whole.history.loss);
      expect(elements(second.current)).toEqual(elements(whole.current));
      expect(await readdir(directory)).toEqual(["checkpoint.safetensors"]);
      await Promise.all([whole, first, second].map((t) => t.dispose()));
    },
  );

  it("save the state at the call, though the trainer goes on", async () => {
    const trainer = await newTrainer();
    await trainer.run({ steps: 2 });
    const saving = saveCheckpoint(path, trainer);
    await trainer.run({ steps: 2 });
    await saving;
    const other = await newTrainer();
    await loadCheckpoint(path, other);
    expect(other.current.step).toBe(2);
    expect(other.history.loss).toEqual(trainer.history.loss.slice(0, 2));
  });

  it("leave the old checkpoint whole when a write fails half-way", async () => {
    const trainer = await newTrainer();
    await trainer.run({ steps: 2 });
    await saveCheckpoint(path, trainer);
    const old = await readFile(path);
    await trainer.run({ steps: 2 });
    failNextWrite();
    const saving = saveCheckpoint(path, trainer);
    await expect(saving).rejects.toThrow(DataError);
    await expect(saving).rejects.toThrow(`Cannot write ${path}: no space is left on the disk.`);
    expect(await readFile(path)).toEqual(old);
    expect(await readdir(directory)).toEqual(["checkpoint.safetensors"]);

    const other = await newTrainer();
    await loadCheckpoint(path, other);
    expect(other.current.step).toBe(2);
    await saveCheckpoint(path, trainer);
    await loadCheckpoint(path, other);
    expect(other.current.step).toBe(4);
  });

  it("say which file is missing, damaged or of another model, and change nothing", async () => {
    const trainer = await newTrainer();
    await trainer.run({ steps: 1 });
    const before = trainer.current;
    await expect(loadCheckpoint(path, trainer)).rejects.toThrow(
      new DataError(`Cannot read the checkpoint ${path}: no such file or directory.`),
    );
    await saveCheckpoint(path, trainer);
    const bytes = await readFile(path);
    bytes[bytes.length - 1] ^= 1;
    await writeFile(path, bytes);
    const damaged = loadCheckpoint(path, trainer);
    await expect(damaged).rejects.toThrow(DataError);
    await expect(damaged).rejects.toThrow(`${path}: The checkpoint's checksum`);
    await writeFile(path, bytes.subarray(0, 5000));
    await expect(loadCheckpoint(path, trainer)).rejects.toThrow(DataError);
    await saveCheckpoint(path, await newTrainer({ hidden: 9 }));
    const foreign = loadCheckpoint(path, trainer);
    await expect(foreign).rejects.toThrow(DataError);
    await expect(foreign).rejects.toThrow(
      `${path}: The checkpoint does not fit this run: "params.layers.0.weight" must be float32[8, 64]; got float32[9, 64].`,
    );
    expect(trainer.current).toBe(before);
  });

  it("make the directory, so that what was trained is not lost for want of one", async () => {
    const trainer = await newTrainer();
    await trainer.run({ steps: 3 });
    const inside = join(directory, "runs", "first", "checkpoint.safetensors");
    await saveCheckpoint(inside, trainer);
    const again = await newTrainer();
    await loadCheckpoint(inside, again);
    expect(again.current.step).toBe(3);
  });

  it("refuse a path that cannot be written", async () => {
    const trainer = await newTrainer();
    await mkdir(path);
    await expect(saveCheckpoint(path, trainer)).rejects.toThrow(DataError);
    await writeFile(join(directory, "file"), "no folder");
    await expect(saveCheckpoint(join(directory, "file", "a"), trainer)).rejects.toThrow("not a directory");
    expect((await readdir(directory)).sort()).toEqual(["checkpoint.safetensors", "file"]);
  });
});
