// What loaders read is what the trainer of several tasks takes.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adam, createMultiTaskTrainer, crossEntropy, type Tensor, torchGenerator } from "isoloss";
import { readEpoch } from "isoloss/data";
import { depthError, iou, mae, normalAngle } from "isoloss/metrics";
import { linearScalarization } from "isoloss/mtl";
import { l1Loss, mseLoss, normalLoss } from "isoloss/nn";
import { greater } from "isoloss/ops";
import { attentionSegnet, messagePassing } from "isoloss-benchmarks";
import { afterAll, describe, expect, it } from "vitest";
import { qm9Streams } from "../../src/data/qm9-streams.js";
import { writeSample } from "../../src/node/benchmarks.js";
import { loadNyuv2 } from "../../src/node/dense.js";
import { loadQm9 } from "../../src/node/qm9.js";

const root = mkdtempSync(join(tmpdir(), "isoloss-trains-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Of all tasks' losses at a step. */
const sum = (losses: readonly (readonly number[])[], step: number) =>
  losses.reduce((total, own) => total + own[step], 0);

describe("the trainer of several tasks", () => {
  it("learns NYUv2's maps by the masked losses, and measures them by task", async () => {
    await writeSample("nyuv2", join(root, "nyuv2"), { examples: 2, size: [16, 16] });
    const { train, test } = await loadNyuv2(join(root, "nyuv2"), { isWhole: false, augment: false });
    const model = attentionSegnet({
      heads: { semantic: 13, depth: 1, normal: 3 },
      channels: [4, 8],
      attention: false,
    });
    const { params, state } = model.init(torchGenerator(0));
    type Maps = { image: Tensor; semantic: Tensor; depth: Tensor; normal: Tensor };
    const apply = (p: never, { image }: Maps, context: { keepState?: (next: never) => void }) => {
      const { output, state: next } = model.apply(p, image, context as never);
      context.keepState?.(next as never);
      return output as unknown as Omit<Maps, "image">;
    };
    const trainer = await createMultiTaskTrainer({
      params,
      state,
      data: train,
      batchSize: 2,
      method: linearScalarization(),
      optimizer: adam(),
      learningRate: 0.02,
      losses: ((p: never, batch: Maps, context: never) => {
        const y = apply(p, batch, context);
        return [
          crossEntropy(y.semantic, batch.semantic, { axis: 1, ignoreIndex: -1 }),
          l1Loss(y.depth, batch.depth, { mask: greater(batch.depth, 0) }),
          normalLoss(y.normal, batch.normal),
        ];
      }) as never,
      outputs: ((p: never, batch: Maps, context: never) => {
        const y = apply(p, batch, context);
        return {
          semantic: { output: y.semantic, labels: batch.semantic },
          depth: { output: y.depth, labels: batch.depth },
          normal: { output: y.normal, labels: batch.normal },
        };
      }) as never,
    });
    await trainer.run({ steps: 15 });
    const { losses } = trainer.history;
    expect(sum(losses, 14)).toBeLessThan(0.8 * sum(losses, 0));
    const { tasks } = await trainer.evaluate(test as never, {
      metrics: {
        semantic: { mIoU: iou() },
        depth: { relative: depthError({ kind: "relative" }) },
        normal: { mean: normalAngle() },
      },
    });
    expect(tasks.semantic.mIoU).toBeLessThanOrEqual(1);
    expect(tasks.depth.relative).toBeGreaterThan(0);
    expect(tasks.normal.mean).toBeGreaterThan(0);
    await trainer.dispose();
  });

  it("learns QM9's molecules, with errors in the tasks' units", async () => {
    await writeSample("qm9", join(root, "qm9"), { examples: 20 });
    const streams = qm9Streams(await loadQm9(join(root, "qm9"), { isWhole: false }));
    const data = await readEpoch(streams.train);
    const tasks = ["alpha", "cv"];
    const model = messagePassing({ tasks, width: 4, hidden: 4 });
    const outputs = (p: never, batch: Record<string, Tensor>) =>
      model.apply(p, batch as never) as Record<string, Tensor>;
    const trainer = await createMultiTaskTrainer({
      params: model.init(torchGenerator(0)),
      data,
      method: linearScalarization(),
      optimizer: adam(),
      learningRate: 0.02,
      losses: ((p: never, batch: Record<string, Tensor>) =>
        tasks.map((task) => mseLoss(outputs(p, batch)[task], batch[task]))) as never,
      outputs: ((p: never, batch: Record<string, Tensor>) => ({
        alpha: { output: outputs(p, batch).alpha, labels: batch.alpha },
      })) as never,
    });
    await trainer.run({ steps: 30 });
    const { losses } = trainer.history;
    expect(sum(losses, 29)).toBeLessThan(0.7 * sum(losses, 0));
    const scale = streams.std[streams.tasks.indexOf("alpha")];
    const found = await trainer.evaluate(data as never, {
      metrics: { alpha: { error: mae({ scale }), standardized: mae() } },
    });
    expect(found.tasks.alpha.error).toBeCloseTo(scale * found.tasks.alpha.standardized, 10);
    await trainer.dispose();
  });
});
