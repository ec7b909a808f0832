/** A sweep that is right; parameters with all forms. */
export const good = `name: rates
experiment: classify-digits
method: sobol
metric: { name: validation.loss, goal: minimize, target: 0.1 }
seeds: 0..1
parameters:
  learningRate: { min: 1.0e-3, max: 1, scale: log }
  optimizer.name: { values: [sgd, adam] }
  optimizer.momentum: { min: 0.5, max: 0.95, when: { optimizer.name: sgd } }
  batchSize: { min: 10, max: 50, step: 10 }
prune: { rule: asha, from: 40 }
budget: { trials: 60 }
confirm: { seeds: 1000..1009, best: 2, baseline: { learningRate: 0.1 } }
`;

/** Lines of {@link good} that are replaced, and the errors with their lines and columns. */
export const malformed: readonly (readonly [from: string | RegExp, to: string, errors: readonly string[]])[] =
  [
    [
      "name: rates",
      "nmae: rates",
      [
        '1:1: nmae: unknown key; did you mean "name"? Known: name, experiment, variant, set, method, order, seed, metric, seeds, parameters, prune, budget, stopAfter, timeout, runSeconds, confirm.',
      ],
    ],
    [
      "name: rates",
      "name: -x",
      ['1:1: name: expected up to 60 letters, digits, ".", "_" and "-", the first no "." or "-"; got "-x"'],
    ],
    [/experiment: .*\n/, "", ["1:1: experiment: missing; expected text"]],
    [
      "batchSize: { min: 10, max: 50, step: 10 }",
      "variant: { values: [sgd, adam] }",
      [
        "10:3: parameters.variant: a sweep is of one variant: compare what the variants change, such as teleport: { values: [null, { when: .., search: .. }] }.",
      ],
    ],
    [
      "learningRate: {",
      "variants.sgd.learningRate: {",
      [
        "7:3: parameters.variants.sgd.learningRate: a sweep is of one variant, and its settings need no prefix: write learningRate, and the sweep's own key variant: sgd.",
      ],
    ],
    [
      /seeds: 0..1\nparameters:\n {2}learningRate:/,
      "variant: sgd\nparameters:\n  variants.sgd.model.sizes[1]:",
      [
        "7:3: parameters.variants.sgd.model.sizes[1]: a sweep is of one variant, and its settings need no prefix: write model.sizes.1.",
      ],
    ],
    [
      "learningRate: {",
      "variants.sgd: {",
      [
        "7:3: parameters.variants.sgd: a sweep is of one variant: compare what the variants change, such as teleport: { values: [null, { when: .., search: .. }] }.",
      ],
    ],
    [
      "batchSize: { min: 10, max: 50, step: 10 }",
      "seed: { values: [1, 2, 3] }",
      [
        "10:3: parameters.seed: a trial runs on all seeds of the sweep: write its own key, seeds: [0, 1, 2], beside parameters.",
      ],
    ],
    [
      "batchSize: { min: 10, max: 50, step: 10 }",
      "seeds: { values: [[1], [2], [3]] }",
      [
        "10:3: parameters.seeds: a trial runs on all seeds of the sweep: write its own key, seeds: [0, 1, 2], beside parameters.",
      ],
    ],
    [
      "batchSize: { min: 10, max: 50, step: 10 }",
      "quick.steps: { values: [10, 20] }",
      ["10:3: parameters.quick.steps: trials are no quick runs: write steps."],
    ],
    [
      "seeds: 0..1\n",
      "seeds: 0..1\nset: { quick: { steps: 3 } }\n",
      [
        "6:8: set.quick: trials are no quick runs: leave it out, and write its settings themselves, such as steps.",
      ],
    ],
    [
      "seeds: 0..1\n",
      "seeds: 0..1\nset: { kind: minimize, title: a, name: b, variants.sgd.steps: 3 }\n",
      [
        "6:8: set.kind: all trials are of the experiment's kind: leave it out.",
        "6:24: set.title: is no setting of a run, so that it changes none: leave it out.",
        "6:34: set.name: is no setting of a run, so that it changes none: leave it out.",
        "6:43: set.variants.sgd.steps: a sweep is of one variant, and its settings need no prefix: write steps, and the sweep's own key variant: sgd.",
      ],
    ],
    [
      "baseline: { learningRate: 0.1 }",
      "baseline: { expected: [] }",
      ["13:52: confirm.baseline.expected: is no setting of a run, so that it changes none: leave it out."],
    ],
    [
      "method: sobol",
      "method: bayesian",
      ['3:1: method: unknown method "bayesian". Known: grid, random, sobol.'],
    ],
    [
      "method: sobol",
      "metod: sobol",
      [
        '3:1: metod: unknown key; did you mean "method"? Known: name, experiment, variant, set, method, order, seed, metric, seeds, parameters, prune, budget, stopAfter, timeout, runSeconds, confirm.',
        "1:1: method: missing; expected one of grid, random, sobol",
      ],
    ],
    ["method: sobol", "method: random\norder: file", ["4:1: order: only a grid has an order."]],
    [/metric: .*\n/, "", ["1:1: metric: missing; expected a map of keys, such as { name: validation.loss }"]],
    ["seeds: 0..1", "seeds: 3", ["5:1: seeds: expected a list or text, such as 0..4 or [ 100 ]; got 3"]],
    [
      "goal: minimize",
      "goal: minimise",
      ['4:34: metric.goal: unknown goal "minimise"; did you mean "minimize"? Known: minimize, maximize.'],
    ],
    [
      "goal: minimize",
      "aggregate: avg",
      ['4:34: metric.aggregate: unknown aggregate "avg". Known: mean, median, geometric, worst.'],
    ],
    [
      "name: validation.loss",
      "name: wallSeconds",
      [
        "4:11: metric.name: wallSeconds depends on what else the machine did: rank trials by steps or a loss. confirm.metric may be in seconds.",
      ],
    ],
    [
      "seeds: 0..1\n",
      "seeds: 1..0\n",
      ["5:1: seeds: expected a range a..b with a <= b and at most 10000 seeds; got 1..0"],
    ],
    ["seeds: 0..1\n", "seeds: [1, 1]\n", ["5:1: seeds: has the seed 1 twice."]],
    ["seeds: 0..1\n", "seeds: [0.5]\n", ["5:9: seeds[0]: expected an integer >= 0; got 0.5"]],
    [
      "seeds: 0..1\n",
      "seeds: 0..1000\n",
      [
        "13:12: confirm.seeds: seed 1000 is one of seeds: what chose a trial cannot confirm it. Expected other seeds, or confirm: false.",
      ],
    ],
    [
      "min: 1.0e-3, max: 1",
      "min: 0, max: 1",
      ["7:19: parameters.learningRate.min: expected a number > 0, as the scale is logarithmic; got 0"],
    ],
    [
      "min: 1.0e-3, max: 1",
      "min: 1, max: 1.0e-3",
      ["7:27: parameters.learningRate.max: expected a number > 1, which is min; got 0.001"],
    ],
    [
      "min: 1.0e-3, max: 1",
      "min: 1.0e-3",
      ["7:3: parameters.learningRate.max: missing; expected a number > 0.001"],
    ],
    [
      "min: 1.0e-3, max: 1",
      "mim: 1.0e-3, max: 1",
      [
        '7:19: parameters.learningRate.mim: unknown key; did you mean "min"? Known: value, values, probabilities, min, max, scale, step, roundTo, count, distribution, mu, sigma, when.',
        "7:3: parameters.learningRate.min: missing; expected a number < 1",
      ],
    ],
    [
      "scale: log",
      "scale: logarithmic",
      [
        '7:40: parameters.learningRate.scale: unknown scale "logarithmic"; did you mean "log"? Known: linear, log.',
      ],
    ],
    [
      "scale: log",
      "values: [0.1]",
      ["7:3: parameters.learningRate: expected one of values, min and max; got both."],
    ],
    [
      "{ min: 1.0e-3, max: 1, scale: log }",
      "{}",
      [
        "7:3: parameters.learningRate: expected one of value, values, min and max, distribution; got none of them.",
      ],
    ],
    [
      "{ min: 1.0e-3, max: 1, scale: log }",
      "{ distribution: unifrom, min: 0, max: 1 }",
      [
        '7:19: parameters.learningRate.distribution: unknown distribution "unifrom". Known: normal, log_normal.',
      ],
    ],
    [
      "{ min: 1.0e-3, max: 1, scale: log }",
      "0.1",
      ["7:3: parameters.learningRate: expected a map of keys, such as { values: [ 0.01, 0.1 ] }; got 0.1"],
    ],
    [
      "{ min: 1.0e-3, max: 1, scale: log }",
      "{ value: 0.1, min: 0 }",
      ["7:3: parameters.learningRate: expected one of value, min and max; got both."],
    ],
    [
      "{ min: 1.0e-3, max: 1, scale: log }",
      "{ min: -10000000000000000, max: 1 }",
      [
        "7:19: parameters.learningRate.min: expected a number from -1e+15 to 1e+15, as there are steps of 1: 15 digits do not tell larger ones apart; got -10000000000000000",
      ],
    ],
    [
      "{ min: 1.0e-3, max: 1, scale: log }",
      "{ min: 0.0, max: 1, step: 1.0e-17 }",
      [
        "7:29: parameters.learningRate.max: expected a number from -0.01 to 0.01, as there are steps of 1e-17: 15 digits do not tell larger ones apart; got 1",
      ],
    ],
    [
      "{ min: 1.0e-3, max: 1, scale: log }",
      "{ distribution: normal, mu: 0.2, sigma: 0.01, step: 1 }",
      [
        "7:63: parameters.learningRate.step: expected a smaller one, as all numbers that are drawn are rounded to 0; got 1",
      ],
    ],
    [
      "values: [sgd, adam]",
      "values: []",
      ["8:21: parameters.optimizer.name.values: expected a list of at least 1; got []"],
    ],
    [
      "values: [sgd, adam]",
      "values: [sgd, adam, sgd]",
      ['8:41: parameters.optimizer.name.values[2]: "sgd" is in the list before.'],
    ],
    [
      "values: [sgd, adam]",
      "values: [sgd, adam], probabilities: [0.5]",
      ["8:42: parameters.optimizer.name.probabilities: expected 2 numbers, one for each value; got 1."],
    ],
    [
      "values: [sgd, adam]",
      "values: [sgd, adam], probabilities: [0.5, 0.6]",
      ["8:42: parameters.optimizer.name.probabilities: expected numbers that sum to 1; their sum is 1.1."],
    ],
    [
      "values: [sgd, adam]",
      "values: [sgd, adam], step: 1",
      ["8:42: parameters.optimizer.name.step: not beside values, which takes values, probabilities, when."],
    ],
    [
      "when: { optimizer.name: sgd }",
      "when: { optimiser.name: sgd }",
      [
        '9:54: parameters.optimizer.momentum.when.optimiser.name: expected a parameter, one of learningRate, optimizer.name, batchSize; got "optimiser.name"; did you mean "optimizer.name"?',
      ],
    ],
    [
      "when: { optimizer.name: sgd }",
      "when: { optimizer.name: sdg }",
      [
        '9:54: parameters.optimizer.momentum.when.optimizer.name: optimizer.name never is "sdg"; expected one of sgd, adam; got "sdg"; did you mean "sgd"?',
      ],
    ],
    [
      "when: { optimizer.name: sgd }",
      "when: { batchSize: 60 }",
      ["9:54: parameters.optimizer.momentum.when.batchSize: batchSize never is 60."],
    ],
    [
      "when: { optimizer.name: sgd }",
      "when: { batchSize: [15, 25] }",
      ["9:54: parameters.optimizer.momentum.when.batchSize: batchSize never is [15,25]."],
    ],
    [
      "values: [sgd, adam]",
      "values: [sgd, adam], when: { optimizer.momentum: 0.9 }",
      [
        "8:50: parameters.optimizer.name.when.optimizer.momentum: depends on optimizer.name itself: conditions go around in a circle.",
        "9:54: parameters.optimizer.momentum.when.optimizer.name: depends on optimizer.momentum itself: conditions go around in a circle.",
      ],
    ],
    ["step: 10", "step: 0", ["10:34: parameters.batchSize.step: expected a number > 0; got 0"]],
    ["step: 10", "step: 50", ["10:34: parameters.batchSize.step: expected at most max - min, 40; got 50"]],
    [
      "step: 10",
      "step: 10, count: 3",
      ["10:44: parameters.batchSize.count: expected one of step, count; got both."],
    ],
    [
      "step: 10",
      "roundTo: 10, count: 3",
      ["10:47: parameters.batchSize.count: expected one of roundTo, count; got both."],
    ],
    [
      "step: 10",
      "roundTo: 200",
      [
        "10:34: parameters.batchSize.roundTo: expected a smaller one, as all numbers from min to max are rounded to 0; got 200",
      ],
    ],
    ["step: 10", "count: 1", ["10:34: parameters.batchSize.count: expected an integer >= 2; got 1"]],
    [
      "batchSize: {",
      "batch..size: {",
      ["10:3: parameters.batch..size: expected a path of the experiment, such as optimizer.name."],
    ],
    [
      "seeds: 0..1\n",
      "seeds: 0..1\nset: { batchSize: 20 }\n",
      ["6:8: set.batchSize: is one of the parameters, too: leave out one of them."],
    ],
    [
      "rule: asha",
      "rule: hyperband",
      ['11:10: prune.rule: unknown rule "hyperband". Known: asha, median, bound.'],
    ],
    ["from: 40", "from: 0", ["11:22: prune.from: expected a number > 0; got 0"]],
    [
      "from: 40",
      "above: 3",
      [
        "11:22: prune.above: unknown key. Known: rule, from, factor, startup, unit, below.",
        "11:1: prune.from: missing; expected a number > 0",
      ],
    ],
    [
      "trials: 60",
      "seconds: 60",
      ["12:1: budget.trials: missing; expected an integer >= 1: only a grid has an end of its own."],
    ],
    ["trials: 60", "trials: 0.5", ["12:11: budget.trials: expected an integer >= 1; got 0.5"]],
    [
      "trials: 60",
      "trial: 60",
      [
        '12:11: budget.trial: unknown key; did you mean "trials"? Known: trials, seconds, hard, steps.',
        "12:1: budget.trials: missing; expected an integer >= 1: only a grid has an end of its own.",
      ],
    ],
    [
      "1000..1009, best: 2",
      "1..9, best: 2",
      [
        "13:12: confirm.seeds: seed 1 is one of seeds: what chose a trial cannot confirm it. Expected other seeds, or confirm: false.",
      ],
    ],
    [
      "1000..1009, best: 2",
      "[1000], best: 2",
      ["13:12: confirm.seeds: expected at least 2 seeds: one has no spread. Or confirm: false."],
    ],
    ["1000..1009, best: 2", "1000..1009, best: 0", ["13:31: confirm.best: expected an integer >= 1; got 0"]],
    [
      "best: 2, baseline: { learningRate: 0.1 }",
      "each: optimizer.name, baseline: { optimizer.name: adan }",
      [
        '13:65: confirm.baseline.optimizer.name: optimizer.name never is "adan", so that no trial is like the baseline; expected one of sgd, adam; got "adan"; did you mean "adam"?',
      ],
    ],
    [
      "best: 2",
      "metric: validation.accuracy",
      [
        "13:31: confirm.metric: expected a time, such as wallSeconds: other numbers are metric.name of the sweep; got validation.accuracy",
      ],
    ],
    [
      "method: sobol",
      "method: grid",
      [
        "7:3: parameters.learningRate: a grid needs values: add a step, or a count such as count: 5.",
        "9:3: parameters.optimizer.momentum: a grid needs values: add a step, or a count such as count: 5.",
      ],
    ],
    [
      "{ min: 1.0e-3, max: 1, scale: log }",
      "{ distribution: normal, sigma: 0 }",
      ["7:41: parameters.learningRate.sigma: expected a number > 0; got 0"],
    ],
  ];
