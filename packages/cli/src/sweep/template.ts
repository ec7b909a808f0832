/** A commented sweep to start from. */
export const sweepTemplate = `# yaml-language-server: $schema=sweep.schema.json
# A sweep of isoloss: run it with  isoloss sweep NAME_OF_THIS_FILE
# The schema beside it:  isoloss init --kind sweep --schema sweep.schema.json

name: my-sweep
experiment: classify-digits # a file, or the name of one that comes with isoloss: isoloss list experiments
# variant: sgd # of the experiment; default its first
set: { epochs: 4, data: { name: digits, validation: 0.2, test: 0.2 } } # settings of all trials, by their paths
method: sobol # or grid, random
seed: 0 # of the method
metric: { name: validation.loss, goal: minimize } # a number of a run's document, or loss
seeds: 0..1 # a trial's value is the mean over them

# Paths as in  isoloss run --set PATH=VALUE
parameters:
  learningRate: { min: 1.0e-3, max: 1, scale: log }
  optimizer.name: { values: [sgd, adam] } # with probabilities: [0.7, 0.3], if they are not to be equal
  optimizer.momentum: { min: 0.5, max: 0.95, when: { optimizer.name: sgd } } # else it is not set
  batchSize: { min: 10, max: 50, step: 10 }
  # model.sizes: { values: [[64, 16, 10], [64, 32, 10]] }

# Runs that are behind others at 40, 120, 360, ... steps end there.
prune: { rule: asha, from: 40, factor: 3 } # or { rule: median, from: 40 }, { rule: bound, from: 40, above: 3 }
budget: { trials: 30 } # and seconds: 7200, steps: 100000
# stopAfter: { failures: 3 } # of the first trials
# timeout: 600 # seconds of one run

# The best trials and the baseline again, on seeds and test rows that chose nothing.
confirm:
  seeds: 1000..1009
  best: 2
  baseline: {} # the experiment's own settings; or such as { learningRate: 0.05 }
`;
