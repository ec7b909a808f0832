import { describe, expect, it } from "vitest";
import { f1, topK } from "../../src/entries/metrics.js";
import { OptionError, ShapeError } from "../../src/errors.js";
import { adam } from "../../src/optim/adam.js";
import { withAverage } from "../../src/optim/with-average.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../../src/train/checkpoint.js";
import { watchOf } from "../../src/train/early-stopping.js";
import type { EpochRow } from "../../src/train/epoch-row.js";
import { createTrainer } from "../../src/train/trainer.js";
import { batchNormNet, elements, scripted, someDigits } from "./support.js";

const data = someDigits(0, 70);
const validation = someDigits(100, 160);

function make(options: object = {}) {
  const defaults = {
    data,
    optimizer: adam(),
    learningRate: 0.02,
    batchSize: 20,
    runtime: "javascript" as const,
  };
  return createTrainer({ model: batchNormNet(), ...defaults, ...options });
}

describe("a run in epochs", () => {
  it("does whole passes, and records the mean training loss and the validation of each", async () => {
    const trainer = await make();
    const rows: EpochRow[] = [];
    const { status } = await trainer.run({ epochs: 2, validation, onEpoch: (row) => void rows.push(row) });
    expect(status).toBe("completed");
    expect(trainer.stepsPerEpoch).toBe(3);
    expect(trainer.current.step).toBe(6);
    const { loss, seconds, epochs } = trainer.history;
    expect(epochs).toEqual(rows);
    expect(rows.map(({ epoch, step }) => [epoch, step])).toEqual([[1, 3], [2, 6]]); // biome-ignore format: a matrix
    expect(rows[1].loss).toBeCloseTo((loss[3] + loss[4] + loss[5]) / 3, 12);
    expect(rows[1].seconds).toBe(seconds[5]);
    expect(rows[1].validation).toEqual(await trainer.evaluate(validation));
  });

  it("counts an epoch under way as the first", async () => {
    const trainer = await make();
    await trainer.run({ steps: 4 });
    expect(trainer.history.epochs).toEqual([]);
    await trainer.run({ epochs: 2 });
    expect(trainer.current.step).toBe(9);
    expect(trainer.history.epochs.map(({ epoch }) => epoch)).toEqual([2, 3]);
    await trainer.run({ epochs: 0 });
    expect(trainer.current.step).toBe(9);
  });

  it("measures metrics, of the last smaller batch too", async () => {
    const metrics = { top3: topK({ k: 3 }), f1: f1() };
    const whole = await make();
    const trainer = await make({ evaluationBatchSize: 16 });
    for (const one of [whole, trainer]) await one.run({ epochs: 1 });
    const expected = await whole.evaluate(validation, { metrics });
    expect(expected.top3).toBeGreaterThan(0.3);
    // 60 examples in batches of 16 and one of 12.
    const inParts = await trainer.evaluate(validation, { metrics });
    expect(inParts.loss).toBeCloseTo(expected.loss, 5);
    const { top3, f1: score, accuracy } = expected;
    expect([inParts.top3, inParts.f1, inParts.accuracy]).toEqual([top3, score, accuracy]);
    await trainer.run({ epochs: 1, validation, metrics });
    expect(trainer.history.epochs[1].validation).toEqual(await trainer.evaluate(validation, { metrics }));
  });

  it("ends early after so many epochs without improvement", async () => {
    const trainer = await make();
    const metrics = { score: scripted([1, 3, 2, 3, 2.5, 9]) };
    const options = { epochs: 10, validation, metrics };
    const { status } = await trainer.run({ ...options, earlyStopping: { metric: "score", patience: 3 } });
    expect(status).toBe("stopped");
    expect(trainer.history.epochs.map(({ validation: v }) => v?.score)).toEqual([1, 3, 2, 3, 2.5]);
  });

  it("keeps the best epoch, and continues with it where it is told to", async () => {
    for (const best of ["keep", "restore"] as const) {
      const trainer = await make();
      const seen: object[] = [];
      await trainer.run({
        epochs: 4,
        validation,
        metrics: { score: scripted([1, 3, 2, 3]) },
        earlyStopping: { metric: "score", patience: Infinity },
        best,
        onEpoch: () => void seen.push(trainer.current.params),
      });
      const { best: kept, params, step } = trainer.current;
      expect([kept?.epoch, kept?.metric, kept?.value, step]).toEqual([2, "score", 3, 12]);
      expect(kept?.params).toBe(seen[1]);
      expect(params).toBe(seen[best === "keep" ? 3 : 1]);
    }
  });

  it("continues with the best epoch's average", async () => {
    const trainer = await make({ optimizer: withAverage(adam(), { decay: 0.5 }) });
    await trainer.run({
      epochs: 3,
      validation,
      best: "restore",
      metrics: { score: scripted([1, 3, 2]) },
      earlyStopping: { metric: "score", patience: Infinity },
    });
    const { epochs } = trainer.history;
    expect(epochs[1].validation?.loss).not.toBe(epochs[2].validation?.loss);
    expect((await trainer.evaluate(validation)).loss).toBe(epochs[1].validation?.loss);
    const { params, optimizer } = trainer.current;
    expect(optimizer.average).toBe(params);
    await trainer.run({ steps: 1 });
    expect(trainer.current.optimizer.average).toEqual(trainer.current.params);
  });

  it("tells of each best epoch, also in a resumed run", async () => {
    const trainer = await make();
    const told: string[] = [];
    const checkpoints: Uint8Array[] = [];
    const tell = {
      onBest: ({ epoch }: EpochRow) => {
        told.push(`best ${epoch}`);
        checkpoints.push(encodeCheckpoint(trainer));
      },
      onEpoch: ({ epoch }: EpochRow) => void told.push(`end ${epoch}`),
    };
    const watched = { validation, earlyStopping: { metric: "score", patience: 9 } };
    await trainer.run({ epochs: 4, ...watched, metrics: { score: scripted([1, 3, 2, 3]) }, ...tell });
    expect(told).toEqual(["best 1", "end 1", "best 2", "end 2", "end 3", "end 4"]);
    expect(trainer.current.best).toBeUndefined();
    const resumed = await make();
    resume(resumed, decodeCheckpoint(checkpoints[1]));
    expect([resumed.current.step, resumed.history.epochs.length]).toEqual([6, 2]);
    told.length = 0;
    await resumed.run({ epochs: 3, ...watched, metrics: { score: scripted([2, 3, 4]) }, ...tell });
    expect(told).toEqual(["end 3", "end 4", "best 5", "end 5"]);
    await expect(trainer.run({ epochs: 1, ...tell })).rejects.toThrow("run: onBest needs validation data");
  });

  it("ends at a signal, and does not take the best epoch's parameters then", async () => {
    const trainer = await make();
    const abort = new AbortController();
    const { status } = await trainer.run({
      epochs: 9,
      validation,
      metrics: { score: scripted([5, 4, 3]) },
      earlyStopping: { metric: "score" },
      best: "restore",
      onEpoch: ({ epoch }) => {
        if (epoch === 2) abort.abort();
      },
      signal: abort.signal,
    });
    expect(status).toBe("interrupted");
    expect(trainer.current.step).toBe(6);
    expect(trainer.current.params).not.toBe(trainer.current.best?.params);
    expect(await trainer.run({ steps: 5, signal: abort.signal })).toEqual({ status: "interrupted" });
  });

  it("refuses the controller in the place of its signal", async () => {
    const trainer = await make();
    const run = trainer.run({ steps: 5, signal: new AbortController() as never });
    await expect(run).rejects.toThrow("run: signal must be the signal of an AbortController; got");
  });

  it("notices a signal that comes while it computes", async () => {
    const trainer = await make();
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 60);
    const { status } = await trainer.run({ steps: 10_000_000, reportEvery: 10, signal: abort.signal });
    expect(status).toBe("interrupted");
  });
});

describe("a resumed run in epochs", () => {
  const options = {
    validation,
    metrics: { f1: f1() },
    earlyStopping: { metric: "loss", patience: 2 },
    best: "restore",
  } as const;
  // A large rate: the validation loss soon rises.
  const settings = { learningRate: 0.3 };

  it("ends where the run would have ended, with the same bits, from every step", async () => {
    const whole = await make(settings);
    const checkpoints = [encodeCheckpoint(whole)];
    const save = () => void checkpoints.push(encodeCheckpoint(whole));
    const result = await whole.run({ epochs: 12, reportEvery: 1, onProgress: save, ...options });
    expect(result.status).toBe("stopped");
    const { loss, epochs } = whole.history;
    expect(epochs.length).toBeLessThan(12);
    for (const bytes of checkpoints) {
      const trainer = await make(settings);
      resume(trainer, decodeCheckpoint(bytes));
      const left = 12 - Math.floor(trainer.current.step / trainer.stepsPerEpoch);
      expect(await trainer.run({ epochs: left, ...options })).toEqual(result);
      expect(trainer.history.loss).toEqual(loss);
      const withoutTime = (rows: readonly EpochRow[]) => rows.map(({ seconds: _, ...row }) => row);
      expect(withoutTime(trainer.history.epochs)).toEqual(withoutTime(epochs));
      expect(elements(trainer.current)).toEqual(elements(whole.current));
      expect(trainer.current.best).toEqual(whole.current.best);
    }
  });

  it("refuses a best epoch of another model", async () => {
    const trainer = await make();
    await trainer.run({ epochs: 1, ...options });
    const { best } = trainer.current;
    const other = await make({ model: batchNormNet(5) });
    await other.run({ epochs: 1 });
    expect(() => other.restore({ ...other.current, best })).toThrow(ShapeError);
    expect(() => other.restore({ ...other.current, best })).toThrow(
      "The best epoch of the state does not fit",
    );
    // A state without one has none.
    trainer.restore({ ...trainer.current, best: undefined });
    expect(trainer.current.best).toBeUndefined();
  });
});

describe("options of a run in epochs", () => {
  it.each<[string, object, string]>([
    ["neither steps nor epochs", {}, "run takes steps or epochs, one of them; got neither."],
    ["both", { steps: 1, epochs: 1 }, "got both"],
    ["half an epoch", { epochs: 0.5 }, "epochs must be an integer >= 0; got 0.5."],
    ["metrics without data", { epochs: 1, metrics: { f1: f1() } }, "run: metrics needs validation data"],
    [
      "early stopping without data",
      { epochs: 1, earlyStopping: {} },
      "run: earlyStopping needs validation data",
    ],
    [
      "another way with the best",
      { epochs: 1, validation, best: "save" },
      'best must be keep or restore; got "save".',
    ],
    [
      "an unknown option of early stopping",
      { epochs: 1, validation, earlyStopping: { wait: 1 } },
      'earlyStopping has no option "wait"',
    ],
    [
      "no patience",
      { epochs: 1, validation, earlyStopping: { patience: 0 } },
      "patience must be an integer >= 1, or Infinity; got 0.",
    ],
    ["a metric that was not called", { epochs: 1, validation, metrics: { f1 } }, "Call it."],
    [
      "a metric of which neither is better",
      {
        epochs: 1,
        validation,
        metrics: { f2: { ...f1(), mode: undefined } },
        earlyStopping: { metric: "f2" },
      },
      "mode must be given",
    ],
    [
      "an unknown metric",
      { epochs: 1, validation, earlyStopping: { metric: "f2", mode: "max" } },
      'metric must be one of loss, accuracy; got "f2".',
    ],
  ])("are refused: %s", async (_, options, message) => {
    const trainer = await make();
    await expect(trainer.run(options as never)).rejects.toThrow(OptionError);
    await expect(trainer.run(options as never)).rejects.toThrow(message);
    // Before the first epoch, which may be long.
    expect(trainer.current.step).toBe(0);
  });

  it("of evaluations are checked", async () => {
    const trainer = await make();
    await expect(trainer.evaluate(validation, { metric: f1() } as never)).rejects.toThrow(
      'evaluate has no option "metric"',
    );
    await expect(make({ evaluationBatchSize: 0 })).rejects.toThrow(
      "evaluationBatchSize must be an integer >= 1",
    );
  });
});

describe("early stopping", () => {
  const rowsOf = (values: number[]): EpochRow<{ m: number }>[] =>
    values.map((m, i) => ({ epoch: i + 1, step: i + 1, loss: 0, seconds: 0, validation: { m } }));
  const overAt = (values: number[], options: object) => {
    const watch = watchOf({ metric: "m", ...options }, { modeOf: () => "min" });
    return values.findIndex((_, i) => watch.isOver(rowsOf(values.slice(0, i + 1))));
  };

  it("counts measurements in a row that are no improvement by the threshold", () => {
    expect(overAt([3, 2, 2.5, 2, 1.9, 2], { patience: 2 })).toBe(3);
    expect(overAt([3, 2, 1.95, 1.9, 1.5], { patience: 2, threshold: 0.2 })).toBe(3);
    expect(overAt([1, 2, 3, 3, 3], { patience: 2, mode: "max" })).toBe(4);
    expect(overAt([1, Number.NaN, Number.NaN], { patience: 2 })).toBe(2);
    expect(overAt([1, 2, 3, 4], { patience: Infinity })).toBe(-1);
  });
});
