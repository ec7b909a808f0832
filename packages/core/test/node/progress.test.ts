import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { interruptSignal } from "../../src/node/interrupt.js";
import { progress } from "../../src/node/progress.js";
import { sgd } from "../../src/optim/sgd.js";
import { createTrainer } from "../../src/train/trainer.js";
import { someDigits } from "../train/support.js";

const stream = (isTTY: boolean) => {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
};
const report = { step: 40, last: 4000, epoch: 2.5, stepsPerSecond: 20, loss: 0.51234 };

describe("progress", () => {
  it("shows steps, epochs, loss, speed and the time left", () => {
    const out = stream(false);
    progress({ stream: out })(report);
    expect(out.written).toEqual(["40/4000 (1 %) epoch 2.5 loss 0.512 20 steps/s 3 min 18 s left\n"]);
    const several = {
      ...report,
      epoch: 0,
      loss: undefined,
      losses: Float64Array.of(1, 0.25),
      stepsPerSecond: 0.5,
    };
    progress({ stream: out })(several);
    expect(out.written[1]).toBe("40/4000 (1 %) loss 1.00, 0.250 0.50 steps/s 2 h 12 min left\n");
  });

  it("writes over its line in a terminal, and ends it with the run", () => {
    const out = stream(true);
    const show = progress({ stream: out });
    show(report);
    show({ ...report, step: 4000 });
    const [first, last] = out.written;
    expect(first).toBe("\r40/4000 (1 %) epoch 2.5 loss 0.512 20 steps/s 3 min 18 s left");
    expect(last).toBe(`\r${"4000/4000 (100 %) epoch 2.5 loss 0.512 20 steps/s".padEnd(first.length - 1)}\n`);
  });

  it("writes few lines elsewhere, and the last", () => {
    const out = stream(false);
    const show = progress({ stream: out, every: 3600 });
    for (const step of [1, 2, 3, 4000]) show({ ...report, step });
    expect(out.written.map((line) => line.split("/")[0])).toEqual(["1", "4000"]);
  });

  it("is an onProgress of a trainer, which says where a run ends", async () => {
    const out = stream(false);
    const trainer = await createTrainer({
      model: mlp({ sizes: [64, 10] }),
      data: someDigits(0, 40),
      optimizer: sgd(),
      learningRate: 0.1,
      batchSize: 20,
      runtime: "javascript",
    });
    await trainer.run({ epochs: 3, onProgress: progress({ stream: out, every: 0 }) });
    expect(out.written.at(-1)).toMatch(/^6\/6 \(100 %\) epoch 3\.0 loss 2\.\d+ \d+ steps\/s\n$/);
    const run = trainer.run({ epochs: 1, onProgress: progress as never });
    await expect(run).rejects.toThrow(OptionError);
    expect(() => progress({ stream: {} as never })).toThrow("stream must be a stream such as process.stderr");
  });
});

describe("interruptSignal", () => {
  it("is aborted by the first Ctrl-C, and leaves the next one alone", () => {
    const before = process.listenerCount("SIGINT");
    const { signal } = interruptSignal();
    expect(process.listenerCount("SIGINT")).toBe(before + 1);
    process.emit("SIGINT");
    expect(signal.aborted).toBe(true);
    expect(process.listenerCount("SIGINT")).toBe(before);
    const { signal: other, dispose } = interruptSignal();
    dispose();
    dispose();
    expect([process.listenerCount("SIGINT"), other.aborted]).toEqual([before, false]);
  });
});
