import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { correlation, partialCorrelation } from "../../src/math/correlation.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { sgd } from "../../src/optim/sgd.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { measureMinimum } from "../../src/teleport/curvature/minima.js";
import { type MinimaStudyProgress, minimaStudy } from "../../src/train/minima-study.js";
import { createTrainer } from "../../src/train/trainer.js";
import { batchNormNet, someDigits } from "./support.js";

const data = { training: someDigits(0, 200), validation: someDigits(200, 300) };
const training = { optimizer: sgd(), learningRate: 0.2, batchSize: 20, steps: 60 };
const settings = { radii: [0.1, 1], directions: 3, generators: 4, examples: 100 };

describe("minimaStudy", () => {
  it("gives a row a seed: the trained model as it is measured on its own, and the rows' correlations", async () => {
    const model = mlp({ sizes: [64, 8, 10] });
    const seeds = [3, 5, 8, 13];
    const { rows, correlations } = await minimaStudy({ model, data, seeds, ...training, ...settings });
    expect(rows.map(({ seed }) => seed)).toEqual(seeds);

    const { steps, ...options } = training;
    const trainer = await createTrainer({ model, data: data.training, ...options, seed: 5 });
    await trainer.run({ steps });
    const { params } = trainer.current;
    const { inputs, labels } = someDigits(0, 100);
    const { examples: _, ...measured } = settings;
    const minimum = await measureMinimum({
      loss: (p, { x, y }) => crossEntropy(model.apply(p, x).output, y),
      params,
      batch: { x: inputs, y: labels },
      symmetry: positiveScaling(params),
      ...measured,
    });
    const { loss: validationLoss, accuracy } = await trainer.evaluate(data.validation);
    await trainer.dispose();
    const row = rows[1];
    expect(row).toMatchObject({ seed: 5, validationLoss, accuracy });
    expect(row.trainingLoss).toBeCloseTo(minimum.loss, 6);
    expect(row.sharpness).toBeCloseTo(minimum.sharpness, 6);
    expect(row.curvature).toBeCloseTo(minimum.curvature as number, 6);
    expect(row.gradNormSq).toBeCloseTo(minimum.gradNormSq, 6);

    const of = (name: "sharpness" | "curvature" | "trainingLoss" | "validationLoss") =>
      rows.map((r) => r[name] as number);
    expect(correlations).toEqual({
      sharpness: correlation(of("sharpness"), of("validationLoss")),
      curvature: correlation(of("curvature"), of("validationLoss")),
      trainingLoss: correlation(of("trainingLoss"), of("validationLoss")),
      sharpnessGivenLoss: partialCorrelation(of("sharpness"), of("validationLoss"), of("trainingLoss")),
      curvatureGivenLoss: partialCorrelation(of("curvature"), of("validationLoss"), of("trainingLoss")),
    });
  });

  it("reports steps and rows as they come, and ends with what a callback throws", async () => {
    const model = mlp({ sizes: [64, 4, 10] });
    const seen: MinimaStudyProgress[] = [];
    const options = { model, data, seeds: [0, 1], ...training, ...settings };
    const { rows } = await minimaStudy({
      ...options,
      onProgress: (progress) => {
        seen.push(progress);
      },
    });
    expect(seen.filter(({ row }) => row).map(({ row }) => row)).toEqual(rows);
    expect(seen.filter(({ row }) => row).map(({ done, of, seed }) => [done, of, seed])).toEqual([
      [1, 2, 0],
      [2, 2, 1],
    ]);
    const underWay = seen.filter(({ row }) => !row);
    expect(underWay.filter(({ seed }) => seed === 1).map(({ step }) => step)).toEqual([
      10, 20, 30, 40, 50, 60,
    ]);
    expect(underWay.every(({ done, seed }) => done === seed)).toBe(true);
    const stop = () => {
      throw new Error("enough");
    };
    await expect(minimaStudy({ ...options, onProgress: stop })).rejects.toThrow("enough");
  });

  it("measures a model with batch normalization and dropout as it is evaluated", async () => {
    const options = { model: batchNormNet(), data, seeds: [0, 1], ...training, ...settings };
    const { rows } = await minimaStudy({ ...options, examples: 200, evaluationBatchSize: 30 });
    const { steps, ...ofTrainer } = training;
    const trainer = await createTrainer({
      ...ofTrainer,
      model: batchNormNet(),
      data: data.training,
      seed: 1,
    });
    await trainer.run({ steps });
    const { loss } = await trainer.evaluate(data.training);
    await trainer.dispose();
    expect(rows[1].trainingLoss).toBeCloseTo(loss, 5);
    expect(rows[1].curvature).toBeGreaterThan(0);
  });

  it("leaves out the curvature of a network without scalings", async () => {
    const model = mlp({ sizes: [64, 4, 10], activation: "tanh" });
    const { rows, correlations } = await minimaStudy({
      model,
      data,
      seeds: [0, 1],
      ...training,
      ...settings,
    });
    expect(Object.keys(correlations)).toEqual(["sharpness", "trainingLoss", "sharpnessGivenLoss"]);
    expect(rows.some((row) => "curvature" in row)).toBe(false);
  });

  it("says what does not fit", async () => {
    const options = { model: mlp({ sizes: [64, 10] }), data, ...training };
    await expect(minimaStudy({ ...options, seeds: [1] })).rejects.toThrow(/two or more seeds.*got \[1\]/);
    await expect(minimaStudy({ ...options, seeds: [1, 1] })).rejects.toThrow(OptionError);
    for (const [seeds, shown] of [
      [3, "3"],
      [undefined, "undefined"],
    ] as const) {
      const call = minimaStudy({ ...options, seeds: seeds as never });
      await expect(call).rejects.toThrow(
        new OptionError(`minimaStudy: needs two or more seeds, all different; got ${shown}.`),
      );
    }
    await expect(minimaStudy({ ...options, seeds: [0, 1], examples: 201 })).rejects.toThrow(
      /from 1 to the 200/,
    );
    await expect(minimaStudy({ ...options, seeds: [0, 1], directions: 0 })).rejects.toThrow(OptionError);
  });
});
