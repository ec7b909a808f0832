import { sampledRows } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import type { DataStream } from "../../src/data/stream.js";
import { type MlpParams, mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { every, type When } from "../../src/teleport/when.js";
import { createTrainer } from "../../src/train/trainer.js";
import type { Trainer, TrainerTeleportPlan } from "../../src/train/trainer-options.js";
import { someDigits } from "./support.js";

/** Digits that all trainers of these tests learn. */
export const data = someDigits(0, 120);
export const model = mlp({ sizes: [64, 12, 10] });

export const trainerFor = (
  teleport: TrainerTeleportPlan<MlpParams>,
  from: Dataset | DataStream<Dataset> = data,
) =>
  createTrainer({
    model,
    data: from,
    optimizer: adam(),
    learningRate: 1e-3,
    batchSize: 20,
    dtype: "float64",
    runtime: "javascript",
    gradNorm: true,
    teleport,
  });

/** Runs with the teleports in the loop and with those of the host, which have the same numbers; and counts the runs of plain steps. */
export async function both<P, S>(when: When, make: (when: When) => Promise<Trainer<P, S>>, steps: number) {
  const runs = [when, { ...when, isPlanned: false }].map(async (each) => {
    const trainer = await make(each);
    let calls = 0;
    const { run } = trainer.executable;
    Object.assign(trainer.executable, {
      run: (...args: Parameters<typeof run>) => {
        calls++;
        return run(...args);
      },
    });
    await trainer.run({ steps, reportEvery: 6 });
    await trainer.dispose();
    return { trainer, calls };
  });
  const [branch, host] = await Promise.all(runs);
  const untimed = ({ history }: Trainer<P, S>) =>
    history.teleports.map((event) => ({ ...event, seconds: 0 }));
  expect(untimed(branch.trainer)).toEqual(untimed(host.trainer));
  expect(branch.trainer.history.loss).toEqual(host.trainer.history.loss);
  expect(branch.trainer.current).toEqual(host.trainer.current);
  return { branch: branch.trainer, calls: [branch.calls, host.calls] };
}

/** Tests that plans are a branch of the loop, with the numbers of the host. */
export function expectBranches(
  plans: Readonly<Record<string, Omit<TrainerTeleportPlan<MlpParams>, "when">>>,
): void {
  it.each(sampledRows(Object.entries(plans)))(
    "are a branch of the loop, with the numbers of the host: %s",
    async (_, given) => {
      const { branch, calls } = await both(every(4), (when) => trainerFor({ ...given, when }), 10);
      expect(branch.history.teleports.some(({ accepted }) => accepted)).toBe(true);
      // The host cuts its run at the teleports before steps 4 and 8.
      expect(calls).toEqual([0, 3]);
    },
  );
}
