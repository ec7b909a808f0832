import { svgText } from "isoloss-figures";
import { expect, it } from "vitest";
import type { JobResult } from "../../../../src/experiments/kind.js";
import { conflictsFigure, gainFigures } from "../../../../src/experiments/kinds/multi-task/figures.js";
import { runDocument } from "../../../../src/formats/json.js";

const run = (variant: string, accuracy: number, cost?: object, seed = 0): JobResult => ({
  experiment: "pairs",
  variant,
  seed,
  settings: { problem: { name: "digitQuestions" }, ...(cost ? { cost } : {}) },
  document: runDocument({
    name: "pairs",
    seed,
    status: "completed",
    steps: 1,
    wallSeconds: 1,
    loss: [1, 1],
    metrics: { "test.accuracy": accuracy },
  }),
  seconds: [0, 1],
  jumps: [],
});

it("draws dominated conflicts of all seeds, also where cosines are not measured", async () => {
  const options = () => ({ theme: "auto", width: 480, height: 380 }) as const;
  const seeds = [0, 1].map((seed): JobResult => {
    const evaluations = [10, 20].map((step) => ({ step, seconds: step, "conflicts.dominated": seed }));
    return { ...run("many", 0.5, undefined, seed), evaluations };
  });
  const [{ name, element }, ...more] = await conflictsFigure(seeds, options);
  expect(name).toBe("dominated");
  expect(more).toEqual([]);
  expect(svgText(element)).toContain("many ends at 0.5 (mean of 2 runs)");
  const cosines = seeds.map((own) => ({
    ...own,
    evaluations: own.evaluations?.map((e) => ({ ...e, "conflicts.cosine": 0.25 })),
  }));
  const drawn = await conflictsFigure(cosines, options);
  expect(drawn.map((figure) => figure.name)).toEqual(["conflicts", "dominated"]);
  expect(svgText(drawn[0].element)).toContain("first seed");
});

it("is as wide as long names of variants need", async () => {
  const options = () => ({ theme: "auto", width: 480, height: 380 }) as const;
  const name = "a-method-of-a-long-name-without-Lg-on-imbalanced-tasks-of-clothing";
  const [{ element }] = await gainFigures(
    [run("plain", 0.5), run(name, 0.625, { trigger: "weak" })],
    options,
  );
  expect(svgText(element)).toContain(name);
});

it("has room for a single variant in a page", async () => {
  const options = () => ({ theme: "auto", width: 480, height: 380 }) as const;
  const [{ element }] = await gainFigures(
    [run("plain", 0.5), run("weak", 0.625, { trigger: "weak" })],
    options,
  );
  const svg = svgText(element);
  expect(svg).toContain("weak");
  // 100 (0.625 - 0.5)
  expect(svg).toContain("12.5");
});

it("names how many runs diverged, and has no bar for a variant of which all did", async () => {
  const options = () => ({ theme: "auto", width: 480, height: 380 }) as const;
  const lost = (variant: string, seed: number): JobResult => {
    const made = run(variant, Number.NaN, { trigger: "weak" }, seed);
    return { ...made, document: { ...made.document, status: "diverged", metrics: {} } };
  };
  const plain = [run("plain", 0.5), run("plain", 0.5, undefined, 1)];
  const [{ element }] = await gainFigures(
    [...plain, run("weak", 0.625, { trigger: "weak" }), lost("weak", 1), lost("always", 0)],
    options,
  );
  expect(svgText(element)).toContain("weak (1 diverged)");
  expect(svgText(element)).not.toContain("always");
});
