// The commands, in the order of the help. Each is loaded when it is asked for, and by the build in two parts: its help appears at
// once, its code is loaded when it runs (see lazyCommands).
import type { ListedCommand } from "./command.js";

/** `isoloss ...`, and `isoloss model`. */
export const commands: readonly ListedCommand[] = [
  {
    usage: "demo [experiments...]",
    summary: "small experiments with and without teleports, each with its verdict, in about a minute",
    load: async () => (await import("./demo.js")).demo,
  },
  {
    usage: "lab",
    summary: "functions, trajectories and teleports to play with, in your browser",
    load: async () => (await import("./lab.js")).lab,
  },
  {
    usage: "run [experiment]",
    summary: "run an experiment: a YAML file, or the name of one that comes with isoloss",
    load: async () => (await import("./run.js")).runCommand,
  },
  {
    usage: "reproduce [experiments...]",
    summary:
      "run the papers' experiments, and compare them with the numbers that are expected; or a file of yours",
    load: async () => (await import("./reproduce.js")).reproduce,
  },
  {
    usage: "sweep [file]",
    summary: "try many settings of an experiment, and confirm the best ones on fresh seeds",
    load: async () => (await import("./sweep.js")).sweep,
  },
  {
    usage: "worker",
    summary: "compute the runs of sweeps that other computers started",
    load: async () => (await import("./worker.js")).worker,
  },
  {
    usage: "list [what]",
    summary:
      "every problem, symmetry, objective, search, schedule, optimizer, data set and experiment, one line each",
    load: async () => (await import("./list.js")).list,
  },
  {
    usage: "init [file]",
    summary: "write a commented experiment or sweep to start from; without a file to stdout",
    load: async () => (await import("./init.js")).init,
  },
  {
    usage: "data <action> [name] [folder]",
    summary: "data sets: list them, verify or fetch one, or write a small one in its form",
    load: async () => (await import("./data.js")).data,
  },
  {
    usage: "compare <runs...>",
    summary: "compare runs: final loss, steps and time to a target, mean and spread over seeds",
    load: async () => (await import("./compare.js")).compare,
  },
  {
    usage: "plot <runs...>",
    summary: "draw runs as SVG and PNG, and write the numbers of the figures as CSV",
    load: async () => (await import("./plot.js")).plot,
  },
  {
    usage: "diagnose <run-or-experiment>",
    summary: "gradient and curvature along a run, or at an experiment's start: can a teleport help there?",
    load: async () => (await import("./diagnose.js")).diagnose,
  },
  {
    usage: "predict <run>",
    summary: "write what a run's model predicts for new examples",
    load: async () => (await import("./predict.js")).predict,
  },
  {
    usage: "export <run>",
    summary: "write a run for other programs",
    load: async () => (await import("./export.js")).exportCommand,
  },
];

/** `isoloss model ...`: ONNX files of any origin. */
export const modelCommands: readonly ListedCommand[] = [
  {
    usage: "inspect <file>",
    summary: "inputs, outputs, parameters and operators, and which operators stop symmetries",
    load: async () => (await import("./model/inspect.js")).inspect,
  },
  {
    usage: "summary <file>",
    summary: "layers, shapes, parameters, operations, and the memory of a training step",
    load: async () => (await import("./model/summary.js")).summary,
  },
  {
    usage: "symmetries <file>",
    summary: "which changes of the weights keep what the model computes, on all inputs",
    load: async () => (await import("./model/symmetries.js")).symmetries,
  },
  {
    usage: "verify <first> <second>",
    summary: "whether two files compute the same: on random inputs, or on data",
    load: async () => (await import("./model/verify.js")).verify,
  },
  {
    usage: "fold <file>",
    summary: "move batch normalizations into the layers before them, which then have all scalings",
    load: async () => (await import("./model/fold.js")).fold,
  },
  {
    usage: "imbalance <file>",
    summary: "how unevenly the weights are scaled, and whether that matters for training, int8 and float16",
    load: async () => (await import("./model/imbalance.js")).imbalance,
  },
  {
    usage: "balance <file>",
    summary: "scale units so that the weights on both sides are equally large: the model computes the same",
    load: async () => (await import("./model/balance.js")).balance,
  },
  {
    usage: "restore <file>",
    summary: "put batch normalizations back into a model that was exported without, for training it further",
    load: async () => (await import("./model/restore.js")).restore,
  },
  {
    usage: "rotate <file>",
    summary:
      "turn spaces that linear maps or lengths alone touch, such as attention heads: the model computes the same",
    load: async () => (await import("./model/rotate.js")).rotate,
  },
  {
    usage: "quantize <file>",
    summary: "integers of 8 bits in the place of floats, by the choice with the least measured error",
    load: async () => (await import("./model/quantize.js")).quantize,
  },
  {
    usage: "prune <file>",
    summary: "zeros in the place of the least weights, or a smaller model without the least units",
    load: async () => (await import("./model/prune.js")).prune,
  },
  {
    usage: "half <file>",
    summary: "float16 in the place of float32, with numbers moved into its range",
    load: async () => (await import("./model/half.js")).half,
  },
  {
    usage: "low-rank <file>",
    summary: "smaller weights around the spaces that linear maps alone touch, such as attention heads",
    load: async () => (await import("./model/low-rank.js")).lowRank,
  },
  {
    usage: "finetune <file>",
    summary: "train a model further, with its batch normalizations put back for the training",
    load: async () => (await import("./model/finetune.js")).finetune,
  },
];
