const heading = `# An experiment of isoloss: run it with  isoloss run NAME_OF_THIS_FILE
# All names that may stand here:  isoloss list

name: my-experiment
`;

const variants = `# Variants, which are compared. Each replaces the settings above that it names.
variants:
`;

const tunedRates = (
  grid: string,
): string => `# What a comparison needs: the same rates for all, seeds that choose apart from seeds that judge.
# With it,  isoloss reproduce NAME_OF_THIS_FILE  says whether a variant helps at its own tuned rate.
# rates: { grid: [${grid}], tune: 100..102, confirm: 1000..1007 }
`;

/** Commented experiments to start from, by their kind. */
export const templates: Readonly<Record<string, string>> = {
  minimize: `${heading}title: Rosenbrock's function with and without teleports
kind: minimize # a function, or a loss on fixed data, by full-batch steps

problem: rosenbrock # or with options: { name: rosenbrock, start: [-1, -1] }; isoloss list problems
optimizer: gd # or with options: { name: sgd, momentum: 0.9 }; isoloss list optimizers
learningRate: 1.0e-3 # or a schedule: { name: cosine, rate: 1.0e-3, steps: 1000 }; isoloss list rates
steps: 1000
seeds: [0] # or a range: 0..4

${variants}  plain: {}
  exact:
    teleport:
      when: { every: 100, from: 99 } # isoloss list when
      search: bestAngle # or { name: gradientAscent, steps: 10 }; isoloss list searches
      # objective: gradNormSq # what is raised; isoloss list objectives
      # guard: { drift: 1.0e-6, halvings: 3, race: true } # false takes every finite point
      # state: keep # of the optimizer across a teleport: keep, reset, push or reuse
  level-set:
    teleport:
      when: { every: 100, from: 99 }
      search: { name: levelSet, steps: 50 } # needs no symmetry

figures: [levelSets, loss, gradNormSq]

# Numbers to compare with, in  isoloss reproduce NAME_OF_THIS_FILE
expected:
  - { variant: plain, path: "loss.history[0]", value: 404, tolerance: 1.0e-12, source: by hand }
`,
  minima: `${heading}title: Are flatter minima better on data that were not seen?
kind: minima # trains a model from many starts; sharpness and curvature of each against its validation loss

data: { name: digits, validation: 0.2 } # isoloss list data
model: { name: mlp, sizes: [64, 16, 10] } # isoloss list models
optimizer: sgd # isoloss list optimizers
learningRate: 0.1
batchSize: 20
epochs: 20
models: 20
seeds: [0]
# radii: [0.05, 0.1, 0.2] # lengths of the random perturbations that measure sharpness
# directions: 20 # of them for each radius
# generators: 20 # of the group, of whose curves the curvature is a mean

figures: [minima]
`,
  train: `${heading}title: The embedded digits with and without teleports
kind: train # a classifier on mini-batches

data: { name: digits, validation: 0.2 } # isoloss list data
model: { name: mlp, sizes: [64, 32, 10], activation: leakyRelu, slope: 0.1 } # isoloss list models
# model: { onnx: network.onnx } # or a file of yours, relative to this one; or a module that exports a model:
# model: { module: "mine.mjs#model", images: true } # images: it takes [n, channels, height, width], not rows of pixels
optimizer: sgd # or with options: { name: sgd, momentum: 0.9 }; isoloss list optimizers
learningRate: 0.1 # or a schedule: { name: step, rate: 0.1, size: 500 }; isoloss list rates
batchSize: 20
epochs: 20 # or steps: 1000
# evaluateEvery: 1 # epochs between looks at the validation data
seeds: 0..2 # or a list: [0, 1, 2]

${variants}  plain: {}
  scaling:
    teleport:
      when: { inEpochs: [2], batches: 8 } # isoloss list when
      search: { name: gradientAscent, symmetry: positiveScaling, steps: 10 } # isoloss list searches, symmetries
      objective: decrease # what is raised; isoloss list objectives
      guard: { race: true } # keeps a teleport only where ten steps from there lead further
      # batchSize: 200 # of a teleport
      # state: keep # of the optimizer across a teleport: keep, reset, push or reuse

figures: [loss, validation, accuracy]

${tunedRates("0.05, 0.1, 0.2")}`,
  continue: `${heading}title: Pruned digits, with and without a balanced network before
kind: continue # a trained network is changed, perhaps moved, and its training goes on

data: { name: digits, validation: 0.2 } # isoloss list data
model: { name: convnet, stages: [[8], [16]] } # isoloss list models
pretrain: { optimizer: adam, learningRate: 3.0e-3, epochs: 10 } # null: the network is new
# shift: inverted # what is different in the data from then on; isoloss list shifts
optimizer: adam # isoloss list optimizers
learningRate: 1.0e-3 # or a schedule: { name: cosine, rate: 1.0e-3 }; isoloss list rates
batchSize: 50
steps: 100 # or epochs: 3
seeds: 0..2 # or a list: [0, 1, 2]

${variants}  plain: { start: [{ name: prune, fraction: 0.8 }] } # isoloss list changes
  balanced: { start: [balance, { name: prune, fraction: 0.8 }] }

figures: [loss, validation, accuracy]

${tunedRates("5.0e-4, 1.0e-3, 2.0e-3")}`,
  "multi-task": `${heading}title: Eight questions about the digits, with and without COST
kind: multi-task # several losses with shared parameters

problem: digitQuestions # or with options: { name: toy, scale: 0.1 }; isoloss list tasks
method: linearScalarization # how the tasks' gradients are combined; isoloss list methods
optimizer: adam # or with options: { name: sgd, momentum: 0.9 }; isoloss list optimizers
learningRate: 1.0e-3 # or a schedule: { name: cosine, rate: 1.0e-3, steps: 1000 }; isoloss list rates
batchSize: 32
epochs: 5 # or steps: 1000
# evaluateEvery: 1 # epochs between looks at the test data
seeds: 0..2 # or a list: [0, 1, 2]

${variants}  single-task: { alone: true } # each task by a model of its own: the baseline of Delta_m
  LS: {}
  LS-COST: { cost: default } # or the presets paper and released, or options: { trigger: weak, guard: { drift: 0.02 } }
  LS-same-compute: { cost: { control: sameCompute } } # the teleports' time spent on ordinary steps: what COST must beat
  FairGrad: { method: { name: fairGrad, alpha: 2 } }

figures: [loss, conflicts, test]
`,
  tables: `# An experiment of isoloss: run it with  isoloss run NAME_OF_THIS_FILE
# Delta_m and mean ranks of a table of results, computed from the values in its rows.

name: my-table
title: Two methods on three metrics
kind: tables

columns:
  - { name: accuracy, better: higher }
  - { name: error, better: lower, digits: 3 } # shown with three digits after the point
  - { name: loss, better: lower }
base: [90, 0.1, 0.3] # of the models that learn one task each
rows:
  LS: { values: [88, 0.12, 0.31] } # with  deltaM: 9.3  as printed somewhere, the difference is shown
  FairGrad: { values: [90.5, 0.11, 0.3] }
ranked: [LS, FairGrad] # rows that mean ranks are taken among
# ties: dense # ranks without gaps after ties; default competition
`,
};

/** A commented experiment of kind module, and the module beside it, which MODULE stands for. */
export const moduleTemplate = `${heading}title: A loss of my own with and without teleports
kind: module # a module of yours: a loss on fixed data, or a network with its data. Its code runs.

# Relative to this file; the export after #, or the default one: "mine.mjs#other". A run records the SHA-256 of the file, and is
# resumed with no other; what the module itself imports and reads is yours to keep. It runs as kind minimize or train, and
# all settings of those may stand here. They come before the module's own.
module: MODULE
# learningRate: 0.05 # the module has 0.1
# steps: 100
seeds: [0] # or a range: 0..4; start is a function of it

${variants}  plain: {}
  scaling:
    teleport:
      when: { every: 50, from: 20 } # isoloss list when
      search: { name: gradientAscent, symmetry: scaling, steps: 10 } # isoloss list searches, symmetries
  level-set:
    teleport:
      when: { every: 50, from: 20 }
      search: { name: levelSet, steps: 20 } # needs no symmetry

figures: [loss, gradNormSq]
`;

export const moduleText = `// A program for isoloss. It needs isoloss beside it: npm install isoloss isoloss-cli
import { array, mlp, torchGenerator } from "isoloss";
import { mseLoss } from "isoloss/nn";

const network = mlp({ sizes: [1, 8, 1], activation: "leakyRelu" });
const x = Array.from({ length: 32 }, (_, i) => [i / 16 - 1]);

// A loss on fixed data, minimized by full batches:
export default {
  loss: (p, { x, y }) => mseLoss(network.apply(p, x).output, y),
  start: (seed) => network.init(torchGenerator(seed)).params, // or parameters as they are: { w: array([1, 2]) }
  batch: { x: array(x), y: array(x.map(([v]) => [Math.sin(3 * v)])) }, // left out: a function of the parameters alone
  // symmetry: a group of yours that keeps the loss; others are found in it
  optimizer: { name: "gd" },
  learningRate: 0.1,
  steps: 200,
};

// Or a network on mini-batches. Labels are classes, int64, or numbers; the loss, of outputs and labels, may be left out then:
// export default {
//   model: network,
//   data: { inputs: array(x), labels: array(y) }, // or a function that returns it
//   validation: { inputs, labels }, // left out: a fifth of the data
//   loss: mseLoss,
//   optimizer: { name: "adam" }, learningRate: 0.01, batchSize: 8, epochs: 20,
// };
`;
