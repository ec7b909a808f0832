import { readdir, readFile } from "node:fs/promises";
import { createOptimizer, optimizers } from "isoloss/optim";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/load.js";
import {
  makeLearningRate,
  optimizerRegistry,
  optimizerSchema,
} from "../../src/experiments/catalogue/optimizers.js";
import { makeWhen, whenRegistry, whenSchema } from "../../src/experiments/catalogue/when.js";
import { experimentNames, loadExperiment, packagedNames } from "../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../src/experiments/definition/resolve.js";
import {
  type Expected,
  everyRun,
  experimentSchema,
  type RatesConfig,
} from "../../src/experiments/definition/schema.js";
import { templates } from "../../src/experiments/definition/templates.js";
import type { Settings } from "../../src/experiments/kind.js";
import { kinds } from "../../src/experiments/kinds/kinds.js";

const named = (expected: readonly Expected[] = []) =>
  expected.flatMap(({ variant }) => (variant === undefined || variant === everyRun ? [] : [variant]));

describe("packaged experiments", () => {
  it("are all that the issue names for functions, regressions and classifiers", () => {
    expect(packagedNames()).toEqual(
      expect.arrayContaining([
        "booth",
        "classify-digits",
        "classify-fashion",
        "convnet-fashion",
        "quadratic",
        "regression-adagrad",
        "regression-gd",
        "rosenbrock",
        "rosenbrock-20d",
      ]),
    );
  });

  it.each(packagedNames())(
    "%s is named as its file, has a source, and expects numbers of variants that it has",
    async (name) => {
      const experiment = await loadExperiment(name);
      expect(experiment.name).toBe(name);
      expect(experiment.source?.paper).toBeTruthy();
      const { variants } = resolveExperiment(experiment);
      const known = variants.map((v) => v.name);
      expect(experiment.expected?.length).toBeGreaterThan(0);
      for (const variant of named(experiment.expected)) expect(known).toContain(variant);
      const quick = resolveExperiment(experiment, { quick: true });
      const fast = quick.variants.map((v) => v.name);
      for (const variant of named(quick.expected)) expect(fast).toContain(variant);
    },
  );
});

describe("benchmarks", () => {
  const names = packagedNames().filter((name) => name.startsWith("benchmarks/"));

  // github.com/zzpustc/COST, commit 28172e7, methods/weight_methods.py, DynamicWeightAverage, lines 1336-1382: `iteration_window: int =
  // 25`, as in the programs of Nash-MTL, FAMO and FairGrad, whose tables these are.
  it.each(names)("%s runs DWA in the form of the published row beside it", async (name) => {
    const experiment = await loadExperiment(name);
    const { published = {} } = (experiment as unknown as { protocol: { published?: object } }).protocol;
    const { variants } = resolveExperiment(experiment);
    const { settings } = variants.find(({ name: variant }) => variant === "DWA") ?? {};
    expect(settings?.method).toEqual({ name: "dwa", ...("DWA" in published ? { window: 25 } : {}) });
  });

  it.each(names)("%s has in its quick part what its quick part is expected to show", async (name) => {
    const { variants, expected = [] } = resolveExperiment(await loadExperiment(name), { quick: true });
    expect(expected.map(({ path }) => path)).toEqual(["metrics.cost.driftOfGuard"]);
    // The other presets have no guard.
    expect(variants.some(({ settings }) => presetOf(settings) === "default")).toBe(true);
  });

  // Equations 7-12 of the paper, arXiv 2503.04046; the program's methods/teleportation.py, lines 149-195.
  it("run each preset of COST in a quick part, from an epoch that it has", async () => {
    const { variants } = resolveExperiment(await loadExperiment("benchmarks/celeba"), { quick: true });
    const rows = variants.filter(({ settings }) => settings.cost !== undefined);
    expect(rows.map(({ settings }) => presetOf(settings))).toEqual(["default", "paper", "released"]);
  });

  const presetOf = ({ cost }: Settings) =>
    typeof cost === "object" ? (cost as { readonly preset?: string } | null)?.preset : cost;
});

it("the demo runs Rosenbrock's function with the settings of clock-rosenbrock", async () => {
  const [small, whole] = [await loadExperiment("demo/rosenbrock"), await loadExperiment("clock-rosenbrock")];
  const shared = ({ choose: _, references: __, ...rates }: RatesConfig) => rates;
  expect(shared(small.rates as RatesConfig)).toEqual(shared(whole.rates as RatesConfig));
  const { variants } = resolveExperiment(whole);
  for (const variant of resolveExperiment(small).variants) expect(variants).toContainEqual(variant);
});

describe("controls", () => {
  const words = (name: string) => name.toLowerCase().split("-");
  const controlOfCost = ({ cost }: Settings) => (cost as { readonly control?: string } | undefined)?.control;

  /** Every control with what it is a control of: those that experiments declare, and those of COST. */
  async function declaredIn(name: string) {
    const experiment = await loadExperiment(name);
    const { variants, roles } = resolveExperiment(experiment);
    const declared = Object.entries(roles).flatMap(([baseline, beside]) =>
      Object.keys(beside).map((control) => ({ control, baseline })),
    );
    const ofCost = variants.flatMap((v) =>
      controlOfCost(v.settings) === undefined ? [] : [{ control: v.name, baseline: "COST" }],
    );
    return { experiment, variants, declared: [...declared, ...ofCost] };
  }

  it.each(experimentNames())("of %s are declared where its text names them", async (name) => {
    const { experiment, variants, declared } = await declaredIn(name);
    const { title = "", source, expected = [], rates = [] } = experiment;
    const texts = [title, source?.note ?? "", ...expected.map((e) => e.source)];
    const sentences = texts.flatMap((text) => text.split(/(?<=[.;:])\s/));
    const baselines = [variants[0].name, ...[rates].flat().flatMap(({ baseline }) => baseline ?? [])];
    const common = new Set(["cost", ...baselines.flatMap(words)]);
    for (const sentence of sentences.filter((text) => /\bcontrols?\b/.test(text))) {
      // What a measure is compared with is no variant.
      if (experiment.kind === "minima") continue;
      const said = new Set(sentence.toLowerCase().match(/[a-z0-9.]+/g));
      // A variant by the words of its name that its baseline's does not have.
      const called = variants.filter((v) => {
        const own = words(v.name).filter((word) => !common.has(word));
        return own.length > 0 && own.every((word) => said.has(word));
      });
      expect(declared.length, sentence).toBeGreaterThan(0);
      const known = declared.map(({ control }) => control);
      for (const variant of called) expect(known, sentence).toContain(variant.name);
    }
  });

  it("have tuned rates as what they are beside, and a comparison that judges them", async () => {
    for (const name of experimentNames()) {
      const { experiment, variants, declared } = await declaredIn(name);
      const tuned = [experiment.rates ?? []].flat();
      for (const { control, baseline } of declared) {
        // COST's controls have their own comparison.
        if (baseline === "COST" || experiment.kind === "multi-task") continue;
        const isTuned = tuned.some((rates) => (rates.baseline ?? variants[0].name) === baseline);
        const steps = variants.find((v) => v.name === baseline)?.settings.steps;
        expect(isTuned || steps === 0, `${name}: ${control}`).toBe(true);
      }
    }
  });

  it("of the tables of results are declared in the experiments that these are of", async () => {
    const folder = new URL("../../../../docs/studies/", import.meta.url);
    const records = await Promise.all(
      (await readdir(folder)).map((name) => readFile(new URL(name, folder), "utf8")),
    );
    const sections = records.filter((record) => /\| (control|alternative|ceiling): /.test(record));
    expect(sections.length).toBeGreaterThan(3);
    for (const section of sections) {
      const [, name = ""] = /isoloss reproduce ([a-z0-9-]+)/.exec(section) ?? [];
      const known = (await declaredIn(name)).declared.flatMap(({ control }) => words(control));
      for (const [, row = ""] of section.matchAll(/\| (?:control|alternative|ceiling): ([^|]+)\|/g)) {
        const said = row.toLowerCase().match(/[a-z]{4,}/g) ?? [];
        expect(
          said.some((word) => known.some((own) => own.startsWith(word))),
          `${name}: ${row}`,
        ).toBe(true);
      }
    }
  });
});

describe("templates", () => {
  // A recorded run is written by a program, not by hand.
  it.each(Object.keys(kinds).filter((kind) => kind !== "recorded"))(
    "has one for the kind %s that the check accepts",
    (kind) => {
      const { kind: got } = parseConfig(templates[kind], { schema: experimentSchema, file: kind });
      expect(got).toBe(kind);
    },
  );
});

describe("registries", () => {
  it("have every optimizer of the library, made as the library makes it", () => {
    expect(Object.keys(optimizerRegistry)).toEqual(Object.keys(optimizers));
    for (const [name, { make }] of Object.entries(optimizerRegistry)) {
      expect(make({}, undefined).name).toBe(createOptimizer(name).name);
    }
    expect(optimizerSchema.parse("adam")).toEqual({ name: "adam" });
    expect(optimizerSchema.safeParse({ name: "gd", momentum: 0.9 }).success).toBe(false);
  });

  it("make schedules of the learning rate, with a warm-up where one is asked for", () => {
    expect(makeLearningRate(0.3)).toBe(0.3);
    const step = makeLearningRate({ name: "step", rate: 1, size: 10, gamma: 0.5 });
    expect(typeof step === "function" && [step(0), step(9), step(20)]).toEqual([1, 1, 0.25]);
    const warm = makeLearningRate({ name: "constant", rate: 1, warmUp: { steps: 4, start: 0 } });
    expect(typeof warm === "function" && [warm(0), warm(1), warm(4)]).toEqual([0, 0.25, 1]);
  });

  it("make schedules of teleports from the key that chooses them", () => {
    const examples: Record<string, object> = {
      atSteps: { atSteps: [3] },
      every: { every: 10, from: 5, max: 2 },
      inEpochs: { inEpochs: [1], batches: 2 },
      onPlateau: { onPlateau: { patience: 7 } },
      onPredictedGain: { onPredictedGain: 0.5, every: 20 },
    };
    expect(Object.keys(examples)).toEqual(Object.keys(whenRegistry));
    const stepsOf = (config: object, stepsPerEpoch: number) => {
      const when = makeWhen(whenSchema.parse(config) as Record<string, unknown>);
      let at = -1;
      return Array.from({ length: 4 }, () => {
        at = when.nextStep?.({ step: at, stepsPerEpoch }, when.init()) ?? Number.NaN;
        return at;
      });
    };
    expect(stepsOf(examples.atSteps, 10).slice(0, 2)).toEqual([3, Infinity]);
    expect(stepsOf(examples.every, 10).slice(0, 3)).toEqual([5, 15, Infinity]);
    expect(stepsOf(examples.inEpochs, 10).slice(0, 3)).toEqual([10, 11, Infinity]);
    expect(stepsOf(examples.onPredictedGain, 10)[0]).toBe(20);
    expect(whenSchema.safeParse({ atSteps: [1], every: 3 }).success).toBe(false);
  });
});
