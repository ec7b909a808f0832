/** A commented experiment of kind module, and the module beside it, which MODULE stands for. */
export const moduleTemplate = `# An experiment of isoloss: run it with  isoloss run NAME_OF_THIS_FILE
# All names that may stand here:  isoloss list

name: my-experiment
title: A loss of my own with and without teleports
kind: module # a module of yours: a loss on fixed data, or a network with its data. Its code runs.

# Relative to this file; the export after #, or the default one: "mine.mjs#other". A run records the SHA-256 of the file, and is
# resumed with no other; what the module itself imports and reads is yours to keep. It runs as kind minimize or train, and
# all settings of those may stand here. They come before the module's own.
module: MODULE
# learningRate: 0.05 # the module has 0.1
# steps: 100
seeds: [0] # or a range: 0..4; start is a function of it

# Variants, which are compared. Each replaces the settings above that it names.
variants:
  plain: {}
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
