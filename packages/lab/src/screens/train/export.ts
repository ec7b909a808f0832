// What the screen's export buttons make.
import { variantsOf } from "../../app/save.js";
import { mostSteps } from "../../url/teleports.js";
import { textAt } from "../../worker/columns.js";
import type { TrainRun } from "./run.js";
import type { RunName, TrainState } from "./state.js";

/** One line a kept step: what the charts show, of several seeds the median, the least and the largest. */
export function* dataCsv(runs: readonly TrainRun[]): Iterable<string> {
  const means = ["meanLoss", "meanGradNormSq"].flatMap((name) => [name, `${name}Least`, `${name}Largest`]);
  yield `variant,step,seconds,${means.join(",")}`;
  for (const { name, spreads } of runs)
    for (const [k, t] of spreads.step.entries()) {
      const values = [spreads.smoothLoss, spreads.smoothGradNormSq].flatMap(({ median, low, high }) => [
        ...[median[k], low[k], high[k]],
      ]);
      yield [name, t, spreads.seconds.median[k], ...values].join(",");
    }
}

/** One line a teleport of the seed that is shown. */
export function* teleportsCsv(runs: readonly TrainRun[]): Iterable<string> {
  yield "variant,step,accepted,drift,heldOutDrift,gradNormSqBefore,gradNormSqAfter,seconds,reason";
  for (const { name, teleports: t } of runs)
    for (const [k, step] of t.step.entries()) {
      const drifts = [t.drift[k], Number.isNaN(t.heldOutDrift[k]) ? "" : t.heldOutDrift[k]];
      const reason = `"${textAt(t.reason, k).replaceAll('"', '""')}"`;
      yield [
        ...[name, step, t.accepted[k] === 1, ...drifts],
        ...[t.gradNormSqBefore[k], t.gradNormSqAfter[k], t.seconds[k], reason],
      ].join(",");
    }
}

/** The schedule with the teleports that were asked for by hand, which are in no setting. */
function stepsOf({ tp }: TrainState, runs: readonly TrainRun[]): readonly number[] | undefined {
  const taken = Array.from(runs.find(({ name }) => name === "teleported")?.teleports.step ?? []);
  const isPlanned = (step: number) =>
    tp.kind === "every" ? step > 0 && step % tp.steps === 0 : tp.kind === "at" && tp.steps.includes(step);
  const isByHand = taken.some((step) => !isPlanned(step));
  if (tp.kind === "off" || isByHand) return taken;
  return tp.kind === "at" ? tp.steps : undefined;
}

/** Names of the found groups in configurations of `isoloss run`. */
const groups = {
  scaling: "scaling",
  linear: "linear",
  orthogonal: "orthogonal",
  shifts: "shifts",
  hidden: "hidden",
} as const;

/** A random move needs a group: along the level set there is none. */
const isThere = (name: RunName, { sym }: TrainState): boolean => name !== "random" || sym !== "levelSet";

/** Four fifths of the digits: a batch has no more of them. */
const trainingDigits = 1438;

const seedsOf = ({ seed, seeds }: TrainState): string =>
  Array.from({ length: seeds }, (_, k) => seed + k).join(", ");

/** An experiment of `isoloss run`; undefined for data that it does not read. */
export function experimentOf(state: TrainState, runs: readonly TrainRun[]): string | undefined {
  if (state.data !== "digits") return undefined;
  const { net, act, opt, lr, batch, seed, epochs, tp, sym, obj, with: names, control } = state;
  const steps = stepsOf(state, runs);
  const when =
    steps === undefined
      ? `{ every: ${tp.kind === "every" ? tp.steps : 1} }`
      : `{ atSteps: [${steps.join(", ")}] }`;
  const search = (name: string, more = "") =>
    sym === "levelSet" ? "levelSet" : `{ name: ${name}, symmetry: ${groups[sym]}${more} }`;
  const teleport = (by: string) =>
    `{ teleport: { when: ${when}, search: ${by}, objective: ${obj}, state: ${state.state} } }`;
  const settings = {
    plain: "{}",
    teleported: teleport(search("gradientAscent")),
    random: teleport(search("randomSearch", `, samples: 1, seed: ${seed}`)),
    rate: `{ learningRate: ${lr * Number(control)} }`,
  };
  const moves = steps !== undefined && steps.length === 0;
  return [
    "# npx isoloss run lab.yaml",
    "name: lab",
    "kind: train",
    "data: { name: digits, validation: 0.2 }",
    `model: { name: mlp, sizes: [64, ${net.join(", ")}, 10], activation: ${act}${act === "leakyRelu" ? ", slope: 0.1" : ""} }`,
    `optimizer: ${opt}`,
    `learningRate: ${lr}`,
    `batchSize: ${Math.min(batch, trainingDigits)}`,
    `epochs: ${epochs}`,
    `seeds: [${seedsOf(state)}]`,
    ...variantsOf(
      names
        .filter((name) => isThere(name, state) && (!moves || name === "plain" || name === "rate"))
        .map((name) => `  ${name}: ${settings[name]}`),
    ),
    "figures: [loss, validation]",
    "",
  ].join("\n");
}

/** A TypeScript program of the library that trains what the screen compares, from its seeds, and prints the medians of the last losses. */
export function typescriptOf(state: TrainState, runs: readonly TrainRun[]): string {
  const { data, noise, net, act, opt, lr, batch, epochs, tp, sym, obj, with: names, control } = state;
  const steps = stepsOf(state, runs);
  const isMoving = (name: string) => name === "teleported" || name === "random";
  const moved = steps?.length === 0 ? [] : names.filter((name) => isMoving(name) && isThere(name, state));
  const set = data === "own" ? "moons" : data;
  const shape = data === "digits" ? `64, ${net.join(", ")}, 10` : `2, ${net.join(", ")}, 2`;
  const isGroup = sym !== "levelSet" && moved.length > 0;
  const schedule =
    steps === undefined ? `every(${tp.kind === "every" ? tp.steps : 1})` : `atSteps([${steps.join(", ")}])`;
  const searches = {
    teleported: isGroup ? "gradientAscent(symmetryOf(seed))" : "levelSet()",
    random: "randomSearch(symmetryOf(seed), { samples: 1, seed })",
  } as const;
  const named = [
    steps === undefined ? "every" : "atSteps",
    obj,
    ...moved.map((name) => (name === "random" ? "randomSearch" : isGroup ? "gradientAscent" : "levelSet")),
  ];
  const list = (all: readonly string[]) => [...new Set(all)].sort().join(", ");
  const runOf = (name: (typeof names)[number]) => {
    if (name === "plain") return "{ ...settings, seed }";
    if (name === "rate") return `{ ...settings, seed, learningRate: ${lr * Number(control)} }`;
    return `{ ...settings, seed, teleport: { when: ${schedule}, search: ${searches[name]}, objective: ${obj}, state: "${state.state}" } }`;
  };
  const shown = names.filter((name) => !isMoving(name) || moved.includes(name));
  return [
    `import { ${list(["createTrainer", "mlp", "NumericalError", ...(isGroup ? ["crossEntropy", "symmetriesOf", "takeRows", "torchGenerator"] : [])])} } from "isoloss";`,
    `import { ${list([set, "divide"])} } from "isoloss/data";`,
    'import { createOptimizer } from "isoloss/optim";',
    ...(moved.length > 0 ? [`import { ${list(named)} } from "isoloss/teleport";`] : []),
    "",
    ...(data === "own" ? ["// In the place of the moons: the points of your own."] : []),
    `const { train, validation = train } = divide(${set}(${data === "digits" ? "" : `{ noise: ${noise} }`}));`,
    `const model = mlp({ sizes: [${shape}], activation: "${act}", slope: 0.1 });`,
    "const settings = {",
    "  model,",
    "  data: train,",
    `  optimizer: createOptimizer("${opt}"),`,
    `  learningRate: ${lr},`,
    `  batchSize: Math.min(${batch}, train.inputs.shape[0]),`,
    "  gradNorm: true,",
    '  runtime: "javascript",',
    "} as const;",
    ...(isGroup
      ? [
          "const rows = Int32Array.from({ length: settings.batchSize }, (_, k) => k);",
          "const batch = { x: takeRows(train.inputs, rows), y: takeRows(train.labels, rows) };",
          "const symmetryOf = (seed: number) => {",
          "  const { params } = model.init(torchGenerator(seed));",
          `  const { ${sym}: symmetry } = symmetriesOf((p, { x, y }) => crossEntropy(model.apply(p, x).output, y), params, batch);`,
          '  if (symmetry === undefined) throw new Error("This network has no such symmetry.");',
          "  return symmetry;",
          "};",
        ]
      : []),
    "",
    `const seeds = [${seedsOf(state)}];`,
    "const trainers = {",
    ...shown.map((name) => `  ${name}: (seed: number) => createTrainer(${runOf(name)}),`),
    "};",
    "const median = (values: readonly number[]) => {",
    "  const [sorted, middle] = [[...values].sort((a, b) => a - b), (values.length - 1) / 2];",
    "  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;",
    "};",
    "export const ends: Record<string, { readonly loss: number; readonly accuracy: number }> = {};",
    "for (const [name, trainerOf] of Object.entries(trainers)) {",
    "  const [losses, accuracies]: number[][] = [[], []];",
    "  for (const seed of seeds) {",
    "    const trainer = await trainerOf(seed);",
    "    try {",
    `      await trainer.run({ steps: Math.min(${mostSteps}, ${epochs} * trainer.stepsPerEpoch) });`,
    "      const { loss, accuracy = Number.NaN } = await trainer.evaluate(validation);",
    "      losses.push(loss);",
    "      accuracies.push(accuracy);",
    "    } catch (error) {",
    "      if (!(error instanceof NumericalError)) throw error;",
    "      // A seed that diverged counts as an infinite loss.",
    "      losses.push(Infinity);",
    "      accuracies.push(-Infinity);",
    "    }",
    "  }",
    "  ends[name] = { loss: median(losses), accuracy: median(accuracies) };",
    "}",
    "console.log(ends);",
    "",
  ].join("\n");
}
