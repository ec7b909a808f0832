// Written by scripts/option-summaries.mjs from the comments of the option types: edit those.
/** What every option is, by the names of its table and its own. */
export const optionSummaries: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "absorbedBiases": {
    "heldOut": "Batches that clipping is measured on; default: the last quarter of the calibration, which is then not used for it.",
    "deviations": "How many standard deviations below the mean the smallest value of a unit is taken to be, such as the paper's 3; default: the smallest value on the calibration data.",
    "limit": "The largest relative change of results on the held-out data, above which the parameters stay; default 1e-3."
  },
  "adagrad": {
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0.",
    "epsilon": "Added to the root; default 1e-10.",
    "rateDecay": "delta: the rate falls as eta / (1 + delta t); default 0.",
    "initialSum": "Initial value of s; default 0."
  },
  "adam": {
    "weightDecay": "lambda; default 0, for AdamW 0.01.",
    "betas": "b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999].",
    "epsilon": "Added to the root; default 1e-8.",
    "amsgrad": "Divides by the root of the largest v so far; default false."
  },
  "adamw": {
    "weightDecay": "lambda; default 0, for AdamW 0.01.",
    "betas": "b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999].",
    "epsilon": "Added to the root; default 1e-8.",
    "amsgrad": "Divides by the root of the largest v so far; default false."
  },
  "alignedMtl": {
    "scaleMode": "The common length of all principal components: sqrt of the least (default), lower median or mean eigenvalue.",
    "preference": "Weight of each task; default 1 (`sum`) or 1 / K (`mean`), see `scale`.",
    "scale": "Without a preference: whether the tasks' weights are 1 (`sum`, default) or 1 / K (`mean`).",
    "epsilon": "Eigenvalues up to K times this fraction of the largest are left out; default 1.19e-7, float32's epsilon."
  },
  "attentionSegnet": {
    "heads": "Channels of each task's output: those of CityScapes are `{ semantic: 7, depth: 1 }`.",
    "inputs": "Channels of the images; default 3.",
    "channels": "Channels of the stages, two or more; default [64, 128, 256, 512, 512].",
    "attention": "Whether each task has an attention network (MTAN), or only a head (split); default true."
  },
  "attributeTasks": {
    "attributes": "Names of the attributes, which are those of their labels in batches.",
    "stages": "Channels of the convolutions of each stage; default [[64], [128, 128], [256, 256], [512, 512]].",
    "hidden": "Widths of the linear layers behind them; default [512, 512]."
  },
  "autoLambda": {
    "learningRate": "Learning rate of Adam for a; default 1e-4.",
    "initial": "a before the first step; default 0.1.",
    "weights": "Whether w is a itself (`free`, default, as the authors have it) or softmax(a), as LibMTL has it.",
    "primary": "Numbers of the tasks whose losses count; the others only help them. Default all."
  },
  "balance": {
    "by": "`norm` (default): the least sum of squares of the weights on the orbit; `range`: equal largest magnitudes of each unit's weights; `gradient`: the least gradient on the orbit.",
    "powersOfTwo": "Factors rounded to powers of 2, by which floats are multiplied exactly: results stay the same, bit for bit, where nothing over- or underflows. GL is left out then. Default false.",
    "tolerance": "Sweeps end when no logarithm of a factor would move by more; default 1e-3, of ranges 0.05.",
    "sweeps": "Sweeps over all groups at most; default 1000. 2 to 20 are usual."
  },
  "balanced": {
    "by": "`norm` (default): the least sum of squares on the orbit; `range`: equal largest magnitudes of each unit's weights, for quantization of whole tensors.",
    "powersOfTwo": "Factors rounded to powers of 2, by which floats are multiplied exactly: results stay the same, bit for bit, where nothing over- or underflows. GL is left out then. Default false.",
    "tolerance": "Sweeps end when no logarithm of a factor would move by more; default 1e-3, of ranges 0.05.",
    "sweeps": "Sweeps over all groups at most; default 1000. 2 to 20 are usual."
  },
  "bestAngle": {
    "samples": "Number of angles in the scan over the whole turn; peaks narrower than their distance are missed. Default 360."
  },
  "binaryCounts": {
    "threshold": "Probabilities above this threshold count as positive; default 0.5.",
    "add": "Earlier counts to which the new ones are added; default none."
  },
  "blendMoment": {
    "beta": "b in [0, 1): the weight of the past.",
    "sigma": "Similarity of the teleport's move to the past, in [-1, 1]: see trajectorySimilarity.",
    "power": "1 for a mean of gradients, 2 for one of their squares; default 1."
  },
  "booth": {
    "start": "Default [5, -5]."
  },
  "caGrad": {
    "c": "Radius of the ball around g_0, in units of ||g_0||; 0 is the mean. Default 0.4.",
    "rescale": "Divisor of d: 1 for 0, 1 + c^2 for 1 (default), 1 + c for 2.",
    "scale": "Whether d has the scale of the gradients' mean (`mean`) or of their sum (`sum`, default: K times).",
    "stationaryBelow": "||g_w|| up to this fraction of sqrt(trace G) counts as 0, too; default 0.",
    "whenStationary": "d where g_w is 0: g_0 divided as above (`mean`, default) or 0 (`zero`).",
    "clipNorm": "Largest norm of the shared gradient; 0: no limit. Default 1."
  },
  "calibrate": {
    "method": "`minMax` (default): all numbers; `percentile`: a share of them, by magnitude; `entropy`: the least divergence of their distribution from one of 256 frequencies (128 by magnitude, where there are negative numbers); `mse`: the least mean squared error of 100 shares of the whole range, for 256 integers.",
    "percentile": "For `percentile`: how many numbers of a hundred are inside; default 99.99.",
    "values": "Names of values; default those that a quantization rounds.",
    "runtime": "Where the model runs: `onnx`, `javascript`, or `auto` (default), ONNX Runtime where it is installed.",
    "signal": "Ends the calibration with its reason."
  },
  "calibrationError": {
    "bins": "M, the number of bins of equal width; default 15.",
    "ignore": "The label of positions that do not count; default -1."
  },
  "circles": {
    "factor": "Radius of the inner circle over that of the outer one; default 0.5.",
    "points": "Number of points, as many of one class as of the other; default 500.",
    "noise": "Standard deviation of what is added to both coordinates; default 0.05.",
    "seed": "Seed of the points; default 0."
  },
  "clip": {
    "norm": "The largest norm.",
    "order": "p of the norm: 1, 2 (default) or Infinity."
  },
  "clipAdaptively": {
    "limit": "lambda: largest ratio of the norm of a unit's gradient to the unit's own norm; default 0.01.",
    "epsilon": "Norm that a smaller unit counts as, so that units of zeros can grow; default 1e-3.",
    "exclude": "Paths of parameters that are not clipped, or how their paths begin, such as `linear`; default none."
  },
  "compare": {
    "seed": "Seed of the random inputs; default 0.",
    "factor": "What inputs of floats are multiplied by: farther from zero, units switch on that small numbers never reach. Default 1."
  },
  "compareModels": {
    "seed": "Seed of the random inputs; default 0.",
    "examples": "Size of a first axis that the file leaves open; if all are fixed, the number of runs; default 4.",
    "sizes": "Sizes of other open axes, by their name in the file or as `input[axis]`; default 32 each.",
    "inputs": "Arrays for some or all inputs, by name, or a list of such batches of the same shapes; default: random numbers.",
    "runtime": "Where the models run: `javascript`, `onnx`, or `auto` (default), the faster one for their size."
  },
  "compareTimes": {
    "inputs": "Arrays by the names of the inputs; default: random numbers, one example.",
    "sizes": "Sizes of axes that the file leaves open, for random numbers; default 32, of a first axis 1."
  },
  "config": {
    "preference": "Desired cosine for each task, up to a common factor; default 1."
  },
  "confusion": {
    "ignore": "The label of positions that do not count; default -1."
  },
  "confusionMatrix": {
    "classes": "C.",
    "ignore": "The label of pixels to ignore; default -1.",
    "add": "Earlier counts to which the new ones are added; default none."
  },
  "conjugateGradient": {
    "steps": "Maximum number of products with A; default 100.",
    "tolerance": "Largest ||b - A x|| / ||b|| that counts as solved; default 1e-8."
  },
  "consMtl": {
    "lambda": "Weight of the agreement; default 1.",
    "headLimit": "The largest norm of what a head gets besides its own gradient, relative to that; default 0.1.",
    "alpha": "Fairness: 1 is proportional (Nash-MTL's weights), 0 approaches the sum, infinity max-min. Default 2, as in the authors' runs.",
    "scale": "Whether d is sum_k w_k g_k (`mean`) or K times that (`sum`, default).",
    "clipNorm": "Largest norm of the shared gradient; 0: no limit. Default 1."
  },
  "constant": {
    "weights": "w_k of each task, of any sign."
  },
  "convnet": {
    "inputs": "Channels of the images; default 1.",
    "imageSize": "Height and width of the images; default [28, 28].",
    "stages": "Channels of the convolutions of each stage; default [[16], [32]].",
    "norm": "Batch norm between each convolution and its ReLU (`batch`), or none (default `none`).",
    "classes": "Default 10."
  },
  "cosineSchedule": {
    "steps": "Number of steps from the initial rate to the least one.",
    "least": "Rate at the end; default 0."
  },
  "cosmos": {
    "lambda": "lambda: how much the direction of the losses counts beside their sum; default 1. The authors use 0.01 to 8.",
    "preference": "r, one number > 0 a task; left out: drawn anew in each step, uniformly on the simplex."
  },
  "cost": {
    "preset": "Preset; default `default`.",
    "preserve": "L_t: the losses to preserve.",
    "inner": "How the displacement is trained.",
    "state": "What happens to the optimizer's state.",
    "move": "How the shared parameters are moved; default `adapter`.",
    "innerOptimizer": "Optimizer of the adapter; default Adam.",
    "optimizer": "Optimizer of the training, for the state policy `reset`.",
    "seed": "Seed of adapters, directions and samples; default 0.",
    "trigger": "Which conflicts trigger a teleport: see `isTriggered`.",
    "schedule": "When teleports may be attempted. Given as a whole: what it leaves out is as in `createSchedule`, not the preset's.",
    "adapter": "The form of the displacement that is trained.",
    "improve": "L_g: the quantity to improve.",
    "trust": "Bound on the displacement of adapters and random moves, `relative` to the parameters or `absolute`; false: none.",
    "guard": "Bound on the change of the losses; false: every finite point is accepted.",
    "negligible": "||D|| / ||theta|| below which a move does not count as a teleport."
  },
  "cost: adapter": {
    "kind": "`low-rank`: D = (alpha / r) B A. `dense`: D itself is trained. `auto` (default): low-rank if that has fewer numbers than D, and dense for smaller tensors.",
    "rank": "r, the rank; default 5.",
    "alpha": "The scale of D, see `kind`; default 8.",
    "layers": "Paths of the weights to move among the shared parameters, such as `conv1.weight`; default: see `createAdapter`."
  },
  "cost: guard": {
    "drift": "Maximum change of the losses, see `judge`; default 0.05.",
    "judge": "What is compared with `drift`: the largest change over the tasks (`worst`, the default), which bounds every task; or the `mean` over the tasks of |L_k' - L_k|, as in L_t, in which a large loss hides the change of a small one.",
    "kind": "Whether the change is relative to the losses (default) or in their units.",
    "samples": "Number of examples, drawn independently of those of the move, on which it is measured, in whole batches; default 1000.",
    "halvings": "Maximum number of halvings of a displacement that changes them too much; default 3."
  },
  "cost: improve: cosine": {
    "kind": "`cosine`: of the tasks' gradients.",
    "weight": "gamma; default 1.",
    "cap": "Pairs of gradients with this cosine or a larger one are not improved further; default 0.2.",
    "derivatives": "How L_g is differentiated: `exact`, or by `differences` of gradients, for which the activations of one pass of one task are in memory at once; default `exact`.",
    "step": "With `differences`: the length of a perturbation over 1 + ||theta||; default 0.01."
  },
  "cost: improve: none": {
    "kind": "`none`: the control experiment."
  },
  "cost: improve: sharpness": {
    "kind": "`sharpness`: a balanced mean of the losses around the point.",
    "weight": "gamma; default 0.1.",
    "samples": "n, the number of directions; default 5.",
    "radius": "delta, the length of a perturbation; default 1e-4.",
    "scale": "Whether delta is the length in every tensor (`tensor`, default) or over all tensors (`global`).",
    "form": "Form of the sharpness: the `loss` at the perturbed point, as in the paper, or its `change` over delta, as in the authors' program; default `loss`.",
    "direction": "Directions of the perturbations: random ones, or that of steepest `ascent`, for which one sample suffices; default `sampled`.",
    "differentiated": "Whether the perturbed loss is differentiated; default true. False is a defect of the authors' program, which perturbs a copy: the form `change` then has a gradient of random sign over delta, the form `loss` none."
  },
  "cost: inner": {
    "learningRate": "A number, or `training` for the learning rate of the training at the step.",
    "steps": "Number of steps, or of passes over the frozen batches."
  },
  "cost: preserve": {
    "weight": "Weight of L_t; 0 leaves it out.",
    "batches": "Batches on which losses are frozen, or all of an epoch (`loader`).",
    "reference": "L_k*: that of each `batch`, or for all batches their `mean`."
  },
  "cost: schedule": {
    "start": "When teleports begin; default at the start of the run.",
    "end": "When teleports end; default never.",
    "perEpoch": "Maximum number of attempts in one epoch; default any number.",
    "every": "Minimum number of steps from one attempt to the next; default 1.",
    "lookEvery": "Conflicts are looked for in every n-th step of the run; default 1. Looking takes K backward passes more for methods that do without the tasks' gradients."
  },
  "cost: sharpness": {
    "samples": "n, the number of directions; default 5.",
    "radius": "delta, the length of a perturbation; default 1e-4.",
    "scale": "Whether delta is the length in every tensor (`tensor`, default) or over all tensors (`global`).",
    "form": "Form of the sharpness: the `loss` at the perturbed point, as in the paper, or its `change` over delta, as in the authors' program; default `loss`.",
    "direction": "Directions of the perturbations: random ones, or that of steepest `ascent`, for which one sample suffices; default `sampled`.",
    "differentiated": "Whether the perturbed loss is differentiated; default true. False is a defect of the authors' program, which perturbs a copy: the form `change` then has a gradient of random sign over delta, the form `loss` none."
  },
  "cost: state": {
    "policy": "`keep`, `reset` to a new state, or `reuse` in proportion to the similarity of the teleport's move to the past.",
    "sign": "With `reuse`: the sign of sigma, see `trajectorySimilarity`.",
    "effective": "With `reuse`: whether it has an effect. In the authors' program it has none, as sigma is restored before the step."
  },
  "crMogm": {
    "alpha": "alpha: weight of the past; 0 changes nothing. Default 0.9."
  },
  "createParamsComparison": {
    "examples": "Size of a first axis that the file leaves open; if all are fixed, the number of runs; default 4.",
    "sizes": "Sizes of other open axes, by their name in the file or as `input[axis]`; default 32 each.",
    "runtime": "Where the model runs: `javascript`, `onnx`, or `auto` (default), the faster one for its size."
  },
  "curveFit": {
    "seed": "Seed of the curve, its noise and the network; default 0.",
    "hidden": "Widths of the hidden layers; default [64, 64].",
    "points": "n; default 10000.",
    "noise": "Standard deviation of the values about the curve; default 0.05.",
    "dtype": "Element type of the parameters and the points, which are drawn in float64; default float64."
  },
  "cutout": {
    "size": "Side of the square in pixels.",
    "array": "Name of the array; default inputs."
  },
  "dbMtl": {
    "beta": "Weight of the past in the running gradients; default 0.9.",
    "sigma": "beta is divided by t^sigma at step t; default 0."
  },
  "decrease": {
    "learningRate": "eta, used if the teleport gets none in its `memory`.",
    "optimizer": "The optimizer in use; default gradient descent.",
    "steps": "k, the number of virtual steps; default 1."
  },
  "denseTasks": {
    "classes": "Classes of a pixel: 7 of CityScapes, 13 of NYUv2; default 7.",
    "normals": "Whether surface normals are a task, too; default false.",
    "channels": "Channels of SegNet's stages; default [64, 128, 256, 512, 512].",
    "attention": "Whether each task has an attention network (MTAN), or only a head (split); default true."
  },
  "depthError": {
    "kind": "|p - t|, or |p - t| / t; default `absolute`."
  },
  "describeCsv": {
    "required": "Columns without which a row is not counted, such as the label; default none.",
    "missingWords": "Words that mark a missing value, too, such as unknown; default none besides those of `missing`.",
    "text": "Columns that are text, also where they hold numbers, such as codes; default none. Others are text where less than 90 % of their values are numbers; from 90 % on, text in them is an error.",
    "header": "Whether the first line has the names of the columns; default true. Without, they are 0, 1, ....",
    "delimiter": "Between fields; default \",\"."
  },
  "describeParquet": {
    "required": "Columns without which a row is not counted, such as the label; default none.",
    "missingWords": "Words that mark a missing value, too, such as unknown; default none besides those of `missing`.",
    "text": "Columns that are text, also where they hold numbers, such as codes; default none. Others are text where less than 90 % of their values are numbers; from 90 % on, text in them is an error."
  },
  "diagnose": {
    "loss": "Loss as a function of parameters and batch. Traced.",
    "params": "The point to diagnose.",
    "batch": "Default {}: a function of the parameters alone.",
    "learningRate": "eta, needed for the number of steps that a gain lasts.",
    "symmetry": "A symmetry, needed to predict the gain of a teleport on its orbit.",
    "moved": "The point after a teleport.",
    "quadratic": "Whether the loss is a quadratic, for which more can be computed.",
    "minimum": "L* of a quadratic, if known; default: the loss after Newton's step.",
    "lanczosSteps": "Number of Hessian-vector products for the spectrum; default 20.",
    "newtonSteps": "Maximum number of Hessian-vector products for Newton's direction; default 100.",
    "provider": "Execution provider of ONNX Runtime: `cpu`, `webgpu`, `cuda`, ... in Node; `wasm`, `webgpu` in a browser. Implies `onnx`.",
    "runtime": "`javascript`, `onnx`, or `auto` (default): the faster one for the size of the graph. Without ONNX Runtime, which is installed separately, `auto` is JavaScript, and the executable's `advice` says how much slower that is.",
    "threads": "Threads inside an operator of ONNX Runtime; default: one for small graphs, else all cores."
  },
  "dibsMtl": {
    "length": "With one step: length of each gradient in the sum; default 1. The authors' is 0.01 times the learning rate.",
    "steps": "Steps of bargaining; default 1. The authors' form with several has 5.",
    "radius": "With several steps: rho, at most 1 / (2 K); default 0.001. The authors' is the learning rate."
  },
  "digitQuestions": {
    "seed": "Seed of the split; default 0.",
    "hidden": "Widths of the shared layers; default [64, 32]."
  },
  "discreteSearch": {
    "tries": "Number of moves to try in one walk; default 100.",
    "starts": "Number of walks, all but the first from a random element; default 1.",
    "seed": "Seed of the order of moves and of the random starts; default 0."
  },
  "divide": {
    "validation": "Fraction of the examples that is kept for validation; 0: none. Default 0.2.",
    "test": "Fraction of the examples that is kept for testing, which no choice may see; 0: none. Default 0.",
    "splitSeed": "Seed of the split, which a run's own seed does not change; default 0.",
    "limit": "Maximum number of examples for training, which the seed of the split draws; default all."
  },
  "dualProj": {
    "preference": "Weight p_k >= 0 of each task; default 1 / K.",
    "normEpsilon": "A trace of G below this counts as 0; default 1e-4.",
    "regEpsilon": "Added to the diagonal of G / trace G; default 1e-4. With both 0 the projection is exact."
  },
  "dwa": {
    "temperature": "T; default 2.",
    "window": "Compares means over this many steps instead of epochs; the common implementations use 25."
  },
  "earlyStopping": {
    "metric": "The quantity of the validation data that is watched; default loss.",
    "patience": "Number of epochs in a row without improvement after which the run ends; Infinity to watch alone; default 10.",
    "threshold": "Smallest improvement that counts; default 0.",
    "mode": "Whether a smaller (`min`) or a larger (`max`) value is better; default what the metric says."
  },
  "every": {
    "from": "First step; default k.",
    "until": "No teleport at this step or later; default never.",
    "max": "Maximum number of teleports; default no limit."
  },
  "everySteps": {
    "steps": "n: after so many steps weights are computed anew; 1 changes nothing."
  },
  "exampleStream": {
    "partSize": "Examples of a part; the last part may have fewer. Default 16.",
    "shuffle": "Whether each epoch has its own order, by seed; default false.",
    "transform": "Changes a part before it is given out, such as by an augmentation; default none."
  },
  "excessMtl": {
    "stepSize": "eta: step of the weights; default 0.01.",
    "warmupSteps": "Steps with equal weights, whose mean e_k is e_k(0); default 1. The authors take three epochs."
  },
  "exponentialSchedule": {
    "gamma": "Factor of every step."
  },
  "f1": {
    "average": "How classes are averaged: all alike (`macro`, default), weighted by their numbers of labels (`weighted`), or with the counts of all classes added up (`micro`).",
    "positive": "A class whose own F1 it is, without an average; default 1 for one logit a label, else none.",
    "ignore": "The label of positions that do not count; default -1."
  },
  "fairGrad": {
    "alpha": "Fairness: 1 is proportional (Nash-MTL's weights), 0 approaches the sum, infinity max-min. Default 2, as in the authors' runs.",
    "scale": "Whether d is sum_k w_k g_k (`mean`) or K times that (`sum`, default).",
    "clipNorm": "Largest norm of the shared gradient; 0: no limit. Default 1."
  },
  "fakeQuantize": {
    "bits": "Bits of the integers, 2 to 8; default 8.",
    "axis": "Axis whose indices (channels) have a scale each; default: one scale for the tensor.",
    "range": "Range of the values, for asymmetric integers; default: symmetric integers over the tensor's own range."
  },
  "famo": {
    "learningRate": "Learning rate of Adam for the logits; default 0.025.",
    "gamma": "Weight decay of the logits; default 0.01. The authors use 0.01 for CityScapes, 0.001 for NYUv2, QM9 and CelebA.",
    "minLosses": "Lower bounds b of the losses: one for all, or one per task; default 0."
  },
  "fashionAttributes": {
    "questions": "Number of questions, half of them about each item; default 40.",
    "seed": "Seed of the choice of partners and, for digits, of the split; default 0.",
    "trainCount": "Number of overlaid images to train on; default one for each left image.",
    "testCount": "Number of overlaid images to test on; default one for each left image.",
    "dropout": "Dropout rate of the model; default 0.5."
  },
  "fashionDigits": {
    "seed": "Seed of the choice of partners and, for digits, of the split; default 0.",
    "trainCount": "Number of overlaid images to train on; default one for each left image.",
    "testCount": "Number of overlaid images to test on; default one for each left image.",
    "dropout": "Dropout rate of the model; default 0.5."
  },
  "findLearningRate": {
    "least": "The first learning rate; default 1e-5.",
    "largest": "The last learning rate; default 10.",
    "steps": "Number of steps from one to the other; default 200.",
    "smoothing": "Smoothing of the losses, in [0, 1); default 0.9."
  },
  "fineTune": {
    "data": "Examples along the first axis: inputs, and classes (int64) or targets.",
    "learningRate": "A number, or a function of the step (0, 1, ...): see schedules.",
    "validation": "Data that are not trained on, or the share of the data that is held out; default 0.2.",
    "test": "Data that neither train nor choose the epoch, for what the result is worth, or their share of the data; default none.",
    "loss": "By name, or a function of the output and the labels; default `crossEntropy`.",
    "output": "The result that the loss takes; default the only one.",
    "epochs": "Passes over the data; default 10.",
    "batchSize": "Examples of a step; default 32, or as many as the file fixes.",
    "optimizer": "By name, or such as `adamw({ weightDecay: 0.01 })`; default `adam`.",
    "freeze": "Parameters and running statistics that stay, bit for bit: names, with `*` for any characters; default none.",
    "batchNorm": "Whether to `restore` batch norms that were folded, or to `keep` the layers; default `keep` if the file has some, and without convolutions for `mse` and `l1`.",
    "seed": "Seed of the split and of the order of batches; default 0.",
    "clipNorm": "Largest global norm of the gradient; default no limit.",
    "tolerance": "Largest change of an output by restoring or folding, relative to its largest value; default as of `sameFunction`.",
    "runtime": "Where it is computed: `javascript`, `onnx`, or `auto` (default).",
    "onEpoch": "Called after each epoch, and before the first one with epoch 0; awaited.",
    "signal": "Ends the training early; the best epoch so far is the result."
  },
  "foldBatchNorm": {
    "norms": "Which batch norms are folded, by the name of their result; default all."
  },
  "fromStateDict": {
    "prefix": "What all names begin with, such as `model.`; default whichever of none, `model.` and `module.` fits."
  },
  "gd": {
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0."
  },
  "generalLinear": {
    "name": "Name in reports; default `general linear`.",
    "bound": "Bound on the Frobenius norm of T; default 0.5."
  },
  "globalNorm": {
    "order": "p of the norm: 1, 2 (default) or Infinity."
  },
  "go4Align": {
    "groups": "Number of groups; default 2. With as many as tasks, each task has its own weight.",
    "rate": "eta: rate of the risks' running shares; default 1e-4."
  },
  "gradDrop": {
    "leak": "Part of a gradient that is never dropped, in [0, 1]: one for all, or one per task; default 0.",
    "clipNorm": "Largest norm of the shared gradient; 0: no limit. Default 1, as in the implementations for the published benchmarks."
  },
  "gradNorm": {
    "alpha": "Strength of the pull toward equal training rates; default 1.5.",
    "learningRate": "Learning rate of Adam for the logits; default 0.025.",
    "initialLosses": "Where L_k(0) comes from: the mean losses of the first epoch, or the first step as in the paper. Default `epoch`."
  },
  "gradNormSqOf": {
    "layers": "Dotted paths of parameters, each standing for all parameters below it: `layers.0` for `layers.0.weight` and `layers.0.bias`."
  },
  "gradVac": {
    "beta": "Step of the running cosines; default 0.5.",
    "blocks": "Sizes of consecutive blocks of the P parameters, such as those of `sharedSizes`, each treated separately; default: one block of all."
  },
  "gradientAscent": {
    "steps": "Ascent steps; default 10.",
    "stepSize": "Norm of T in one ascent step; default a fifth of the bound.",
    "bound": "Largest total of T; default the symmetry's bound.",
    "momentum": "Weight of the past directions in a running sum, as the momentum of SGD; default 0.",
    "normalized": "Whether each direction is divided by its norm, so that a step has the length `stepSize`; default true.",
    "starts": "Number of walks, all but the first from a random element within the bound; default 1.",
    "seed": "Seed of the random starts; default 0."
  },
  "guard": {
    "drift": "Largest relative drift of the loss on the batch; default 1e-6 in float64, 1e-4 in float32.",
    "heldOutDrift": "Largest relative drift of the loss on held-out data; default 0.01.",
    "halvings": "Maximum number of times that a refused step is halved before the search ends; default 3.",
    "race": "Runs descent from the old and the new point and keeps the point whose descent reaches the lower loss; default none. A larger gradient comes with a larger curvature, which can be too large for a fixed learning rate.",
    "curvature": "Lanczos steps at most for the ratios of curvature in the report of an accepted teleport, each a Hessian-vector product at either end; default 20, 0 leaves the ratios out. They end where the largest eigenvalue changes by no more than 1e-4 of it, usually after six or seven, and often cost more than the teleport. Its seconds do not include them, as they serve the report alone."
  },
  "hiddenAction": {
    "activation": "A bijective activation: leakyRelu, elu, tanh, sigmoid, softplus, asinh or identity; or a custom one with its inverse.",
    "slope": "Slope of leakyRelu; default 0.01.",
    "allowInexact": "Acts even where the batch is too large for the pseudo-inverse, so that the loss drifts; default false: such an action is refused."
  },
  "imGrad": {
    "c": "Radius of the ball around g_0, in units of ||g_0||; 0 is the mean. Default 0.4.",
    "rescale": "Divisor of d: 1 for 0, 1 + c^2 for 1 (default), 1 + c for 2.",
    "scale": "Whether d has the scale of the gradients' mean (`mean`) or of their sum (`sum`, default: K times).",
    "stationaryBelow": "||g_w|| up to this fraction of sqrt(trace G) counts as 0, too; default 0.",
    "whenStationary": "d where g_w is 0: g_0 divided as above (`mean`, default) or 0 (`zero`).",
    "clipNorm": "Largest norm of the shared gradient; 0: no limit. Default 1."
  },
  "imageClasses": {
    "seed": "Seed of the choice of images and of the network; default 0.",
    "images": "Number of images; default 2000.",
    "hidden": "Widths of the hidden layers; default [128, 64].",
    "dtype": "Element type of the parameters and the images; default float64."
  },
  "imtlG": {
    "form": "Dependent gradients: `classical` (default) keeps equal projections, which may then be 0; `pinv` takes the least squares v = pinv(G) (||g_1||, ..., ||g_K||), w = v / sum v. The same for independent gradients."
  },
  "imtlHybrid": {
    "learningRate": "Learning rate of Adam for s; default 0.025.",
    "initial": "s before the first step; default 0."
  },
  "imtlL": {
    "learningRate": "Learning rate of Adam for s; default 0.025.",
    "initial": "s before the first step; default 0."
  },
  "inEpochs": {
    "batches": "Number of mini-batches in each epoch; default 1."
  },
  "iou": {
    "ignore": "The label of positions that do not count; default -1."
  },
  "krum": {
    "byzantine": "f: how many gradients may be arbitrary; default 1. There must be at least f + 3 tasks.",
    "selected": "How many gradients are averaged (Multi-Krum); default 1.",
    "distance": "Whether a score sums distances or, as in the paper (default), their squares."
  },
  "lanczos": {
    "settled": "Ends as soon as a step changes the largest Ritz value by no more than this share of it; default 0, all steps."
  },
  "lars": {
    "momentum": "mu in [0, 1); default 0.9.",
    "trust": "Share of ||w|| that a step at learning rate 1 changes, without momentum; default 0.001.",
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0.",
    "epsilon": "Added to the denominator; default 1e-8.",
    "excludeVectors": "Whether vectors and scalars (biases, scales of norms) take plain momentum steps, without decay; default true."
  },
  "lbfgs": {
    "memory": "Number of steps in memory; default 10."
  },
  "ldcMtl": {
    "lambda": "lambda: weight of the differences between neighbors; default 0.05. The authors take 0.01 for CelebA.",
    "normalization": "What is weighted: L_k (`none`, default), L_k over its first value relative to the smallest (`ratio`), or the logarithm of L_k over its first value (`log`).",
    "learningRate": "Learning rate of Adam for a; default 1e-3. The authors take that of the model.",
    "initial": "a before the first step; default 1."
  },
  "lenet": {
    "inputs": "Channels of the images; default 1.",
    "imageSize": "Height and width of the images; default [28, 28].",
    "channels": "Channels of the two convolutions; default [6, 16].",
    "hidden": "Widths of the hidden linear layers; default [120, 84].",
    "classes": "Default 10."
  },
  "levelSet": {
    "steps": "Maximum number of steps; default 50.",
    "rho": "Length of the first step in units of the scaled ascent direction; default 0.1.",
    "lineSearch": "Shrinks rho until the merit function rises enough, and begins the next step where that rise promises most; default true.",
    "tolerance": "The walk ends when the projected step is shorter than this and the loss is as close to the start's; default 1e-6.",
    "sublevel": "Without `project`: accepts points below the level set as well, without returning to it; default true.",
    "project": "Returns to the level set after each step by Newton steps along the gradient; default true."
  },
  "lineSearch": {
    "steps": "Number of rounds, each along the direction of steepest ascent at its start; default 3.",
    "stepSize": "Norm of T at the first point of a round; default a fifth of the bound.",
    "bound": "Largest total of T; default the symmetry's bound.",
    "evaluations": "Number of points in a round at which the objective is measured; default 10."
  },
  "linearScalarization": {
    "reduction": "`sum` (default) or `mean` of the weighted losses.",
    "weights": "Weight of each task, >= 0; default 1."
  },
  "lion": {
    "weightDecay": "lambda, separate from the gradient; default 0.",
    "betas": "b1 and b2 in [0, 1): weight of the mean in a step, and its smoothing; default [0.9, 0.99]."
  },
  "loadArrays": {
    "inputs": "Name of the inputs in the file; default inputs, or the only array of a file.",
    "labels": "Name of the labels in their file; default labels, or the only array of a file.",
    "labelFile": "A file of their own for the labels; default that of the inputs."
  },
  "loadCeleba": {
    "cache": "A folder for the resized images, which are made there at the first reading, and again where one has another size or time; default none: decoded every time.",
    "isWhole": "Whether there must be as many examples as were published; default true.",
    "onCached": "Called for each image that is put into the cache, with the number of those done and of all of the part; default none.",
    "partSize": "Examples of a part of the stream; default 64."
  },
  "loadCityscapes": {
    "augment": "Whether training examples are scaled, cropped and mirrored anew in each epoch; default true.",
    "depthScale": "Whether depth is divided by the scale of an enlarged example, as published, or multiplied; default `divide`.",
    "isWhole": "Whether there must be as many examples as were published; default true.",
    "keep": "Whether examples stay in memory once they are read; default false.",
    "partSize": "Examples of a part of the stream; default 8."
  },
  "loadIdxDataset": {
    "directory": "The only folder to search (and to download to); default: the usual folders.",
    "download": "Whether to download files that are not found; default false.",
    "baseUrl": "A mirror to download from instead of the source's own."
  },
  "loadNyuv2": {
    "augment": "Whether training examples are scaled, cropped and mirrored anew in each epoch; default true.",
    "depthScale": "Whether depth is divided by the scale of an enlarged example, as published, or multiplied; default `divide`.",
    "isWhole": "Whether there must be as many examples as were published; default true.",
    "keep": "Whether examples stay in memory once they are read; default false.",
    "partSize": "Examples of a part of the stream; default 8."
  },
  "loadOffice31": {
    "cache": "A folder for the resized images, which are made there at the first reading, and again where one has another size or time; default none: decoded every time.",
    "isWhole": "Whether there must be as many examples as were published; default true.",
    "lists": "A folder with lists TASK_train.txt, TASK_val.txt and TASK_test.txt; default the folder `lists` beside the images, and where there is none 60, 20 and 20 % of each class by seed.",
    "onCached": "Called for each image that is put into the cache, with the number of those done and of all of the part; default none.",
    "partSize": "Examples of a part of the stream; default 16.",
    "side": "Pixels of a side; default 224.",
    "splitSeed": "Seed of the parts without lists; default 0."
  },
  "loadOfficeHome": {
    "cache": "A folder for the resized images, which are made there at the first reading, and again where one has another size or time; default none: decoded every time.",
    "isWhole": "Whether there must be as many examples as were published; default true.",
    "lists": "A folder with lists TASK_train.txt, TASK_val.txt and TASK_test.txt; default the folder `lists` beside the images, and where there is none 60, 20 and 20 % of each class by seed.",
    "onCached": "Called for each image that is put into the cache, with the number of those done and of all of the part; default none.",
    "partSize": "Examples of a part of the stream; default 16.",
    "side": "Pixels of a side; default 224.",
    "splitSeed": "Seed of the parts without lists; default 0."
  },
  "lowRank": {
    "rank": "Largest size of each space; default: as `energy` says.",
    "energy": "Share of the sum of squared singular values that must stay; default 1, which drops what is not used alone."
  },
  "mae": {
    "scale": "Factor that converts the error to its unit, such as the standard deviation that targets were divided by; default 1."
  },
  "matrixFactorization": {
    "seed": "Seed of the matrix and the start; default 0.",
    "rows": "m; default 200.",
    "columns": "n; default 200.",
    "rank": "r; default 10.",
    "noise": "Standard deviation of what is added to the matrix of rank r; default 0.01.",
    "condition": "Ratio of the largest to the least scale of A's columns, which are a geometric series; default 1.",
    "imbalance": "At the start V is multiplied by it and U divided; default 1, which is balanced."
  },
  "meanRank": {
    "ties": "Ranks after a tie: `competition` 1, 1, 3: one more than the number of better methods; `dense` 1, 1, 2: one more than the number of better values. Default `competition`."
  },
  "measureMinimum": {
    "radii": "Lengths r of the perturbations; default [0.05, 0.1, 0.2].",
    "directions": "Directions, each used with every radius; default 20.",
    "scale": "What a radius measures: the length of the whole perturbation (`global`, default), or the length in each tensor relative to the tensor's norm (`tensor`), which scalings of layers do not change.",
    "generators": "Number of random generators; the curvature is the mean over their curves. Default 20.",
    "seed": "Seed of directions and generators; default 0."
  },
  "messagePassing": {
    "tasks": "Names of the tasks: each has a head with one output.",
    "width": "D: numbers of an atom inside; default 64.",
    "hidden": "H: hidden units of the network that makes a matrix of a pair of atoms; default 128.",
    "rounds": "Rounds of messages, and steps of Set2Set; default 3."
  },
  "mgda": {
    "normalization": "Divisor of each gradient before the minimization of the norm: 1, ||g_k||, L_k or L_k ||g_k||. Default `none`.",
    "combine": "Whether w combines the gradients themselves (`raw`, default) or divided as above (`normalized`).",
    "scale": "Sum of the weights: 1 (`mean`, default) or K (`sum`)."
  },
  "minimizeQuantizationNoise": {
    "weights": "Bits of the weights, symmetric integers; with one step for a whole `tensor`, unless told. Default 8.",
    "activations": "Bits of the layers' inputs, unsigned integers with a zero point for a whole tensor, or `none`. Default 8.",
    "clips": "What becomes of min(relu(x), c) with a number c, such as ReLU6. `expected` (default): its channels are scaled as those of a ReLU, and the damage that this does is weighed as noise. `exact`: what it bounds is not scaled. Bounds that are parameters move with their channels and are always exact.",
    "heldOut": "Batches on which the candidates are compared; default: the last quarter of the calibration batches.",
    "headRoom": "How far channels may reach on data that calibration has not seen: by this share of what they reached beyond their means there; those of a ReLU that is active in n of N examples by sqrt(N / n) times as much. Default 1 / sqrt(N).",
    "powersOfTwo": "Whether factors are powers of 2: floats are multiplied by them exactly, so that outputs of float32 keep every bit where nothing over- or underflows. Default false.",
    "loss": "A loss of outputs and batch, `(outputs, batch) => loss`, which gives the noise of each channel its weight: the squared gradient of the loss there, in place of the inverse of its signal. What has the least loss on the held-out data is then kept. Default: none.",
    "steps": "Most steps of the descent; default 100.",
    "provider": "Execution provider of ONNX Runtime: `cpu`, `webgpu`, `cuda`, ... in Node; `wasm`, `webgpu` in a browser. Implies `onnx`.",
    "runtime": "`javascript`, `onnx`, or `auto` (default): the faster one for the size of the graph. Without ONNX Runtime, which is installed separately, `auto` is JavaScript, and the executable's `advice` says how much slower that is.",
    "threads": "Threads inside an operator of ONNX Runtime; default: one for small graphs, else all cores."
  },
  "mixup": {
    "classes": "Number of classes, for labels that are classes; default none: labels are floats.",
    "alpha": "The fractions are drawn from Beta(alpha, alpha), alpha in (0, 4]; default 0.2.",
    "labels": "Name of the labels; default labels.",
    "array": "Name of the array; default inputs."
  },
  "mlp": {
    "sizes": "Widths from input to output.",
    "activation": "Activation between the layers, not after the last; default `relu`.",
    "slope": "Slope of leakyRelu; default 0.01.",
    "bias": "Whether layers have biases; default true.",
    "dropout": "Dropout rate after each activation; default 0."
  },
  "mlpRegression": {
    "seed": "Seed of the draws; the paper's runs use n n 12345 for n = 0..4, see mlpRegressionSeeds; default 0.",
    "sizes": "Widths from input to output; default [5, 6, 7, 8].",
    "samples": "Default 4.",
    "slope": "Slope of leakyRelu; default 0.1.",
    "dtype": "Element type of the parameters and the batch, which are always drawn in float32; default float64."
  },
  "mobilenet": {
    "inputs": "Channels of the images; default 1.",
    "stem": "Channels of the first convolution; default 16.",
    "stemStride": "Stride of the first convolution; default 1.",
    "stages": "Channels that the blocks of each stage put out; the first block of each stage but the first halves the image. Default [[16], [24, 24], [32, 32]].",
    "expansion": "Inner channels of a block for each of its inputs; 1: blocks of two convolutions. Default 6.",
    "head": "Channels of the last convolution, of 1 x 1, before the mean over pixels; default 128.",
    "activation": "Default `relu6`.",
    "norm": "Batch norm after each convolution (default `batch`), or biases (`none`).",
    "classes": "Default 10."
  },
  "moco": {
    "beta": "Step of the tracked gradients, divided by t^betaSigma at step t; default 0.5.",
    "betaSigma": "Default 0.5.",
    "gamma": "Step of lambda, divided by t^gammaSigma at step t; default 0.1.",
    "gammaSigma": "Default 0.5.",
    "rho": "Regularization of lambda; default 0."
  },
  "modelError": {
    "inputs": "Batches of arrays by the names of the inputs; default: random numbers.",
    "examples": "Number of random examples, where the file leaves it open; default 4.",
    "sizes": "Sizes of axes that the file leaves open, for random numbers; default 32.",
    "seed": "Seed of random numbers; default 0."
  },
  "modelOperators": {
    "shapes": "Shapes of the inputs by name; with them the model is traced for `keeps`. Default: it is not."
  },
  "modelToOnnx": {
    "example": "Shape of one example, such as [4] for rows of four numbers.",
    "batch": "Number of examples of a batch; default any.",
    "input": "Name of the file's input; default input.",
    "output": "Name of the file's output, of a model that has one; default output.",
    "metadata": "Metadata strings stored with the model; default none."
  },
  "modo": {
    "gamma": "Rate of the steps on lambda; default 1e-3.",
    "rho": "Weight of 1/2 ||lambda||^2; default 0.1."
  },
  "moleculeTasks": {
    "tasks": "Names of the tasks, which are those of their targets in batches.",
    "units": "What a target of 1 is in the unit of the metric, for each task; default 1 for all.",
    "width": "Numbers of an atom inside; default 64.",
    "hidden": "Hidden units of the network that makes messages of a pair of atoms; default 128."
  },
  "momentum": {
    "momentum": "mu in [0, 1); default 0: plain gradient descent.",
    "dampening": "tau in [0, 1]: fraction of a gradient that does not enter the velocity, from the second step on; default 0.",
    "nesterov": "Whether to step along the velocity of the next step; needs momentum and no dampening; default false.",
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0."
  },
  "moons": {
    "points": "Number of points, as many of one class as of the other; default 500.",
    "noise": "Standard deviation of what is added to both coordinates; default 0.05.",
    "seed": "Seed of the points; default 0."
  },
  "multiConvnet": {
    "heads": "Outputs of each task's head, a linear layer.",
    "inputs": "Channels of the images; default 3.",
    "stages": "Channels of the convolutions of each stage; default [[64], [128, 128], [256, 256], [512, 512]].",
    "hidden": "Widths of the linear layers behind them; default [512, 512]."
  },
  "multiFashion": {
    "imbalanced": "Whether to multiply the left task's loss by 10 and ask only if the right item is a shoe; default false.",
    "seed": "Seed of the choice of partners and, for digits, of the split; default 0.",
    "trainCount": "Number of overlaid images to train on; default one for each left image.",
    "testCount": "Number of overlaid images to test on; default one for each left image.",
    "dropout": "Dropout rate of the model; default 0.5."
  },
  "multiLenet": {
    "heads": "Outputs of each task's head.",
    "inputs": "Channels of the images; default 1.",
    "imageSize": "Height and width of the images; default [28, 28].",
    "channels": "Channels of the two convolutions; default [10, 20].",
    "features": "Width of the representation and of the heads' hidden layers; default 50.",
    "dropout": "Dropout rate of channels before the second pooling and of the heads' hidden units; default 0.5."
  },
  "multiMlp": {
    "sizes": "Widths from the input to the representation.",
    "heads": "Outputs of each task's head, a linear layer.",
    "activation": "Activation after every shared layer; default `relu`."
  },
  "multiResnet18": {
    "heads": "Classes of each task.",
    "inputs": "Channels of the images; default 3.",
    "width": "Channels of the first stage; default 64.",
    "hidden": "Units of the hidden layer; default 512.",
    "dropout": "Dropout rate behind it; default 0.5.",
    "stem": "As of `resnet18`: `imagenet` (default) or `cifar`."
  },
  "nadam": {
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0.",
    "momentumDecay": "psi: how fast the momentum grows to b1; default 0.004.",
    "betas": "b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999].",
    "epsilon": "Added to the root; default 1e-8."
  },
  "nashMtl": {
    "updateEvery": "Number of steps from one solution to the next; the weights are kept in between. Default 1.",
    "clipNorm": "Largest norm of the shared gradient; 0: no limit. Default 1.",
    "clip": "What the limit applies to: the shared gradient (default), or the weights, so that the heads' gradients shrink, too.",
    "whenUnsolvable": "Weights if there is no solution: the last ones (default), or those of the combination of the gradients that is 0."
  },
  "nesterov": {
    "momentum": "mu in [0, 1); default 0: plain gradient descent.",
    "dampening": "tau in [0, 1]: fraction of a gradient that does not enter the velocity, from the second step on; default 0.",
    "nesterov": "Whether to step along the velocity of the next step; needs momentum and no dampening; default false.",
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0."
  },
  "normalAngle": {
    "statistic": "The mean or median angle in degrees, or the fraction of pixels with an angle below so many degrees; default `mean`."
  },
  "normalize": {
    "mean": "One number, or one for each channel.",
    "std": "One number above 0, or one for each channel.",
    "array": "Name of the array; default inputs."
  },
  "nullSpace": {
    "steps": "Number of steps, each at the cost of a gradient of the objective; default 5.",
    "stepSize": "Length of a step relative to that of the weights that can move, or the factor eta itself; default 0.1.",
    "normalized": "Whether a step has the length `stepSize`; default true. Otherwise it is `stepSize` times the projected gradient.",
    "threshold": "Fraction of the inputs' energy that is kept exactly, above 0; default 1: all of it, up to rounding.",
    "layers": "Dotted paths of the weights to move; default all weights that only multiply inputs."
  },
  "onPlateau": {
    "patience": "Number of consecutive losses without improvement to wait for; default 100.",
    "threshold": "Smallest improvement that counts, as a fraction of the best loss; default 1e-3.",
    "cooldown": "Number of losses after a teleport to ignore; default 0."
  },
  "onPredictedGain": {
    "every": "Steps between two trials; default 100."
  },
  "openArrays": {
    "inputs": "Name of the inputs in the file; default inputs, or the only array of a file.",
    "labels": "Name of the labels in their file; default labels, or the only array of a file.",
    "labelFile": "A file of their own for the labels; default that of the inputs."
  },
  "openCsv": {
    "label": "The column of labels, or several columns of numbers; false: none, of examples that are to be predicted. Rows without a label are left out.",
    "features": "Columns of the inputs, in this order; default all others.",
    "classes": "Whether the label is one of a few classes: int64 [n], by default where it is text. Else numbers: float32 [n, columns].",
    "missing": "What becomes of values that are missing (empty, NA, NaN, null or ?): an error, the mean of the training part, or the row is left out; default refuse. With mean such a number is NaN until `standardization(train, { missing: \"mean\" })` knows that part; such a text is none of its values.",
    "missingWords": "Words that mark a missing value, too, such as unknown; default none besides those of `missing`.",
    "required": "Columns without which a row is left out, whatever `missing` says; default the labels.",
    "text": "Columns that are text, also where they hold numbers, such as codes; default none. Others are text where less than 90 % of their values are numbers; from 90 % on, text in them is an error.",
    "columns": "Encodings of the columns, from TableData.options of another table; default found in this one.",
    "header": "Whether the first line has the names of the columns; default true. Without, they are 0, 1, ....",
    "delimiter": "Between fields; default \",\"."
  },
  "openImageFolder": {
    "size": "[height, width] to which all are resized; default the size of the first.",
    "channels": "1 for gray, 3 for color; default as the first.",
    "shuffle": "Whether each epoch has an order of its own, that in which a trainer takes arrays; default false: class by class."
  },
  "openParquet": {
    "label": "The column of labels, or several columns of numbers; false: none, of examples that are to be predicted. Rows without a label are left out.",
    "features": "Columns of the inputs, in this order; default all others.",
    "classes": "Whether the label is one of a few classes: int64 [n], by default where it is text. Else numbers: float32 [n, columns].",
    "missing": "What becomes of values that are missing (empty, NA, NaN, null or ?): an error, the mean of the training part, or the row is left out; default refuse. With mean such a number is NaN until `standardization(train, { missing: \"mean\" })` knows that part; such a text is none of its values.",
    "missingWords": "Words that mark a missing value, too, such as unknown; default none besides those of `missing`.",
    "required": "Columns without which a row is left out, whatever `missing` says; default the labels.",
    "text": "Columns that are text, also where they hold numbers, such as codes; default none. Others are text where less than 90 % of their values are numbers; from 90 % on, text in them is an error.",
    "columns": "Encodings of the columns, from TableData.options of another table; default found in this one."
  },
  "orbit": {
    "samples": "Number of points, both ends of the range included; default 361.",
    "plane": "Which entry of T varies, counted through all its blocks; the others are 0. Default 0.",
    "range": "First and last value of that entry; default 0 to 2 pi, a whole turn of a rotation."
  },
  "orbitCurvature": {
    "samples": "Number of random generators M; default 4.",
    "seed": "Seed of the generators; default 0.",
    "generators": "Generators to use instead, each a list of blocks of the symmetry's algebra."
  },
  "orthogonal": {
    "name": "Name in reports; default `orthogonal`.",
    "bound": "Bound on the norm of T; default 1."
  },
  "overlayImages": {
    "seed": "Seed of the choice of partners; default 0.",
    "count": "Number of images; default one for each left image.",
    "mean": "Subtracted from every pixel; default 0.",
    "deviation": "Divisor of the pixels after the subtraction; default 1."
  },
  "ownImageTasks": {
    "tasks": "Names of the tasks.",
    "classes": "Classes, the same of all tasks.",
    "width": "Channels of the first stage; default 64.",
    "hidden": "Units of the hidden layer; default 512.",
    "dropout": "Dropout rate behind it; default 0.5.",
    "stem": "As of `resnet18`: `imagenet` (default) or `cifar`.",
    "weights": "Where the trunk starts from: tensors under torchvision's names, as `fromStateDict` takes them, such as those of ImageNet; default drawn by chance."
  },
  "patchTransformer": {
    "imageSize": "Height and width of the images; default [28, 28].",
    "channels": "Channels of the images; default 1.",
    "patch": "Side of a square patch; must divide height and width; default 4.",
    "width": "Size of a patch's vector; default 32.",
    "heads": "Attention heads; must divide the width; default 4.",
    "depth": "Blocks; default 2.",
    "mlpRatio": "Ratio of the hidden units of a block's perceptron to the width; default 2.",
    "classes": "Default 10.",
    "activation": "Activation of the perceptrons; default relu."
  },
  "pbi": {
    "preference": "The ray on which losses should lie, one number > 0 a task; default equal.",
    "reference": "z: where the ray begins, the best losses that are thinkable; one for all, or one per task; default 0.",
    "penalty": "theta: penalty on the distance from the ray; default 5."
  },
  "pcGrad": {
    "scale": "`sum` (default) or `mean` of the projected gradients.",
    "includeSelf": "Whether a projected gradient that has turned against its own task is also projected on that task's gradient, as most implementations do; the paper (default) leaves it out.",
    "epsilon": "Added to ||g_j||^2 in the projection; default 0.",
    "clipNorm": "Largest norm of the shared gradient; 0: no limit. Default 1."
  },
  "penalty": {
    "weightDecay": "lambda."
  },
  "piecewiseSchedule": {
    "boundaries": "Steps at which the next rate begins, in ascending order.",
    "rates": "The rates, one more than boundaries."
  },
  "plateauSchedule": {
    "metric": "The quantity of the validation data that is watched, such as accuracy; default loss.",
    "mode": "Whether a smaller metric (`min`, default) or a larger one (`max`) is better.",
    "factor": "Factor of a reduction, in [0, 1]; default 0.1.",
    "patience": "Number of consecutive metrics without improvement that are tolerated; default 10.",
    "threshold": "Smallest improvement that counts; default 1e-4.",
    "thresholdMode": "Whether the threshold is a fraction of the best metric (`relative`, default) or a difference (`absolute`).",
    "cooldown": "Number of metrics that are ignored after a reduction; default 0.",
    "least": "Smallest rate; default 0.",
    "epsilon": "Reductions by at most this much are skipped; default 1e-8."
  },
  "positiveScaling": {
    "activation": "Activation of the network: relu, leakyRelu or identity; default `relu`.",
    "slope": "Slope of leakyRelu. It has no effect, as every slope commutes with positive factors; it is accepted so that a network's own options can be passed."
  },
  "product": {
    "commuting": "Whether the groups' actions commute, so that elements of the product compose and invert group by group; default false: then the product has no `compose` and `inverse`. Actions on different units commute; a scaling and a linear map of the same units do not."
  },
  "progress": {
    "stream": "Default `process.stderr`.",
    "every": "Seconds between lines where they cannot be written over; default 10."
  },
  "pruneUnits": {
    "fraction": "Share of the units of each group that go, 0 to 1, rounded down; one unit stays at least.",
    "multiple": "What the number of channels that a group keeps is a multiple of: the nearest one to the kept share, and at least one times; default 8, as kernels take channels in blocks. 1: the share itself.",
    "balance": "Whether the units are ranked by balanced weights, so that the ranking does not depend on their scales; default true.",
    "sizes": "Sizes of axes that the file leaves open, for tracing and checking it; default 4 of a first axis, else 32.",
    "tolerance": "Largest difference of the check, relative to an output's largest value; default 1e-4."
  },
  "pruneWeights": {
    "fraction": "Share of the weights that become zero, 0 to 1.",
    "by": "The score by which the least go: `magnitude` (default) or `lamp`; see `pruned`.",
    "balance": "Whether the weights are ranked by their balanced values, so that the ranking does not depend on their scales; default true.",
    "sizes": "Sizes of axes that the file leaves open, for tracing it; default 4 of a first axis, else 32."
  },
  "pruned": {
    "fraction": "Share of the weights that become zero, 0 to 1: the nearest whole number of them.",
    "by": "The score by which the least go: `magnitude` (default), |w|; `lamp`, w^2 by the squares of its layer that are not smaller.",
    "isPruned": "Which parameters are pruned, by their path; default: floats with two axes or more, which leaves biases and norms."
  },
  "prunedUnits": {
    "fraction": "Share of the units of each space that go, 0 to 1, rounded down; one unit stays at least."
  },
  "pseudoInverseAction": {
    "activation": "Activation of the network, any; default `relu`, as in `mlp`.",
    "slope": "Slope of leakyRelu; default 0.01.",
    "allowInexact": "Acts even where the batch is too large for the pseudo-inverse, so that the loss drifts; default false: such an action is refused."
  },
  "qm9Streams": {
    "held": "Molecules of test, and as many of validation; default 10000, or a tenth where there are fewer than 100000.",
    "order": "Numbers of all molecules, first those of test, then of validation, then of training, such as another program's split; default by `splitSeed`.",
    "partSize": "Examples of a part of the stream; default 120.",
    "places": "Atoms for which a molecule has places; default 29, which the largest has.",
    "splitSeed": "Seed of the split; default 0."
  },
  "quadratic": {
    "matrix": "A: symmetric, positive definite, [n, n]; default diag(1, 10).",
    "start": "n numbers; default (3, 0.5)."
  },
  "quantizeModel": {
    "calibration": "Examples to quantize by: batches as arrays by the names of the model's inputs; default none, for weights alone: then they are rounded as they are.",
    "heldOut": "Other examples: half of them choose the file, the others judge it; default: a quarter of the calibration, which is then not used for it; random inputs without calibration.",
    "weightBits": "Bits of the weights: 8 (default) or 4, which are for weights alone.",
    "weights": "Type of weights of 8 bits: `int8` (default) or `uint8`.",
    "reduceRange": "Whether weights keep to 7 of 8 bits, for processors without instructions for 8-bit dot products; default false.",
    "activations": "Type of activations: `uint8` (default), `int8`, or `none`, which stores the weights alone as integers.",
    "granularity": "What has a scale of weights: each `channel`, the whole `tensor`, or each `block`; default: channel and tensor are tried.",
    "blockSize": "Numbers in a block; default 32.",
    "calibrationMethod": "How ranges of activations are found: see `calibrate`; default `minMax`.",
    "percentile": "For the method `percentile`; default 99.99.",
    "biasCorrection": "Whether the table has the files with corrected biases, too, and how they are found: `measured` (default), also true, from means on the calibration; `analytic` from the moments that batch norms store, of normal numbers that activations clip, so that only what they do not tell is measured; false: not.",
    "absorbBiases": "Whether the table has the files with high biases absorbed behind ReLUs, too: see `absorbedBiases`; default false.",
    "rotate": "Whether the table has the weights with rotated spaces of attention heads, bottlenecks and residual streams, too: see `rotated`, by `descended`; default false.",
    "equalize": "Whether the table has other weights on the orbit of the model's scalings, too; default true.",
    "candidates": "Files that compute the same with other weights, to be tried, too, such as those of `equalizeForQuantization`; default none.",
    "limit": "Least SQNR in decibels: layers stay float until the examples that choose have it; default: all are quantized.",
    "metric": "Labels of the held-out examples and a score of outputs by them, such as an accuracy, for the table and for `judged`, each on its half; default none.",
    "sizes": "Sizes of axes that the file leaves open, for random inputs; default small ones.",
    "budget": "Seconds after which nothing more is begun; default: no limit.",
    "onProgress": "Is called before each step.",
    "runtime": "Where the models run: `onnx`, `javascript`, or `auto` (default), ONNX Runtime where it is installed.",
    "signal": "Ends the quantization with its reason."
  },
  "quantizeWeights": {
    "bits": "Bits of a weight: 8 (default) or 4.",
    "per": "What shares a scale: `tensor`, `channel` (default for 8 bits) or `block` of inputs (default for 4 bits).",
    "blockSize": "Inputs of a block: 16, 32 (default), 64, 128 or 256.",
    "leave": "Layers that stay float, by the names of their results; default none."
  },
  "race": {
    "learningRate": "Learning rate of the training after the teleport; in a run's plan the default is the run's own.",
    "steps": "Steps from each point; default 10.",
    "optimizer": "Default gradient descent; in a run's plan the default is the run's own optimizer with its state."
  },
  "radam": {
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0.",
    "betas": "b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999].",
    "epsilon": "Added to the root; default 1e-8."
  },
  "randomCrop": {
    "padding": "Pixels of zeros around the image, from which a part of its size is cut.",
    "array": "Name of the array; default inputs."
  },
  "randomFlip": {
    "direction": "Left and right, or top and bottom; default horizontal.",
    "probability": "Fraction of the images that are flipped; default 0.5.",
    "array": "Name of the array; default inputs."
  },
  "randomLossWeighting": {
    "distribution": "`normal`: softmax of standard normal numbers; `dirichlet`: uniform on the simplex. Default `normal`."
  },
  "randomRotation": {
    "degrees": "Largest angle in degrees, in either direction.",
    "array": "Name of the array; default inputs."
  },
  "randomSearch": {
    "samples": "Number of group elements to try; default 20.",
    "seed": "Seed of the random elements; default 0.",
    "bound": "Largest T; default the symmetry's bound."
  },
  "recordedRun": {
    "name": "Of the run: up to 60 letters, digits, \".\", \"_\" and \"-\".",
    "experiment": "What the run is grouped by, a name of the same form, in `isoloss` and `tensorboard` a folder; default training.",
    "settings": "Plain data that are shown beside the trainer's own settings, such as the sizes of the model; default none.",
    "status": "How the run ended, as `run` returns it; default completed.",
    "startedAt": "When the run began; default its seconds of computation ago."
  },
  "recurrentClassifier": {
    "cell": "Default `gru`.",
    "inputs": "Numbers of an element, or the size of its embedding; default 8.",
    "tokens": "Different tokens, if elements are such: integers below it, each with an embedding; default 0: elements are vectors.",
    "width": "Hidden values of a layer and direction; default 32.",
    "layers": "Default 1.",
    "bidirectional": "Whether each layer reads its sequence from its end, too; default false.",
    "classes": "Default 10.",
    "perElement": "Whether each element gets its class (tagging), or the whole sequence one; default false."
  },
  "reduceOnPlateau": {
    "mode": "Whether a smaller metric (`min`, default) or a larger one (`max`) is better.",
    "factor": "Factor of a reduction, in [0, 1]; default 0.1.",
    "patience": "Number of consecutive metrics without improvement that are tolerated; default 10.",
    "threshold": "Smallest improvement that counts; default 1e-4.",
    "thresholdMode": "Whether the threshold is a fraction of the best metric (`relative`, default) or a difference (`absolute`).",
    "cooldown": "Number of metrics that are ignored after a reduction; default 0.",
    "least": "Smallest rate; default 0.",
    "epsilon": "Reductions by at most this much are skipped; default 1e-8."
  },
  "reduceRank": {
    "sizes": "Sizes of axes that the file leaves open, for tracing and checking it; default 4 of a first axis, else 32.",
    "tolerance": "Largest difference of the check, relative to an output's largest value; default 1e-4.",
    "rank": "Largest size of each space; default: as `energy` says.",
    "energy": "Share of the sum of squared singular values that must stay; default 1, which drops what is not used alone."
  },
  "referenceAngleTeleport": {
    "learningRate": "Learning rate of the ascent; default 0.1 (Rosenbrock); 1e-3 for Booth.",
    "steps": "Ascent steps; default 10.",
    "angle": "theta_0; default uniform in [0, pi), drawn from the seed.",
    "seed": "Default 0."
  },
  "referenceMlpTeleport": {
    "slope": "Slope of the network's leakyRelu; default 0.1.",
    "steps": "Ascent steps; default 8, as with gradient descent; the AdaGrad runs used 2.",
    "learningRate": "Learning rate of the ascent; default 1e-7, as with gradient descent; the AdaGrad runs used 1e-5.",
    "exactAction": "Applies the exact action of the same T, with (I + T)^-1 and inputs computed from the weights moved so far: the released teleport without its drop of the loss. Default false."
  },
  "resnet18": {
    "inputs": "Channels of the images; default 3.",
    "classes": "Default 10.",
    "stem": "`cifar` (default): convolution 3x3. `imagenet`: convolution 7x7 and max-pooling 3x3, both with stride 2.",
    "width": "Channels of the first stage; each later one has twice as many. Default 64."
  },
  "restoreBatchNorm": {
    "epsilon": "The small number under the root of a batch norm; default 1e-5.",
    "layers": "Which layers get a batch norm, by the name of their result; default: those that an activation follows.",
    "weights": "Which stored weights may be scaled, by their names in the file: a layer with another one is left; default all.",
    "runtime": "Where the model runs on the calibration batch: `javascript`, `onnx`, or `auto` (default)."
  },
  "rmse": {
    "scale": "Factor that converts the error to its unit, such as the standard deviation that targets were divided by; default 1."
  },
  "rmsprop": {
    "momentum": "mu in [0, 1); default 0.",
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0.",
    "decay": "alpha in [0, 1): smoothing of the squares (and, centered, of the gradients); default 0.99.",
    "epsilon": "Added to the root; default 1e-8.",
    "centered": "Divides by the running standard deviation instead of the root mean square; default false."
  },
  "rosenbrock": {
    "start": "Default [-1, -1].",
    "spread": "Both numbers of the start are moved by uniform ones in [-spread, spread]; default 0.",
    "seed": "Seed of the spread; default 0."
  },
  "rosenbrock2n": {
    "pairs": "N; default 10.",
    "start": "2 N numbers; default -1 each.",
    "spread": "Each number of the start is moved by a uniform one in [-spread, spread]; default 0.",
    "seed": "Seed of the spread; default 0."
  },
  "rotated": {
    "by": "`hadamard` (default): H diag(+-1), whose entries are all of one size; `random`: any rotation; `descended`: the former, then descent of the weights' kurtosis.",
    "seed": "Seed of signs and random rotations; default 0.",
    "steps": "Steps of the descent for each space; default 100."
  },
  "sam": {
    "rho": "Length of the step to the point whose gradient is used; default 0.05.",
    "optimizer": "What steps with that gradient; default `sgd` with momentum 0.9."
  },
  "sameFunction": {
    "tolerance": "Largest difference that counts as rounding, relative to an output's largest value; default 1e-4, where either file has weights of float16 0.0049, of bfloat16 0.039: ten times what its numbers are rounded by.",
    "seed": "Seed of the random inputs; default 0.",
    "examples": "Size of a first axis that the file leaves open; if all are fixed, the number of runs; default 4.",
    "sizes": "Sizes of other open axes, by their name in the file or as `input[axis]`; default 32 each.",
    "inputs": "Arrays for some or all inputs, by name, or a list of such batches of the same shapes; default: random numbers.",
    "runtime": "Where the models run: `javascript`, `onnx`, or `auto` (default), the faster one for their size."
  },
  "saveRun": {
    "to": "The program that reads the files; default isoloss."
  },
  "scaleByAdam": {
    "betas": "b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999].",
    "epsilon": "Added to the root; default 1e-8.",
    "amsgrad": "Divides by the root of the largest v so far; default false."
  },
  "scaleByNadam": {
    "momentumDecay": "psi: how fast the momentum grows to b1; default 0.004.",
    "betas": "b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999].",
    "epsilon": "Added to the root; default 1e-8."
  },
  "scaleByRadam": {
    "betas": "b1 and b2 in [0, 1): smoothing of gradients and of their squares; default [0.9, 0.999].",
    "epsilon": "Added to the root; default 1e-8."
  },
  "scaleByRms": {
    "decay": "alpha in [0, 1): smoothing of the squares (and, centered, of the gradients); default 0.99.",
    "epsilon": "Added to the root; default 1e-8.",
    "centered": "Divides by the running standard deviation instead of the root mean square; default false."
  },
  "scaleBySquares": {
    "epsilon": "Added to the root; default 1e-10.",
    "rateDecay": "delta: the rate falls as eta / (1 + delta t); default 0.",
    "initialSum": "Initial value of s; default 0."
  },
  "scaleByTrust": {
    "trust": "Share of ||w|| that a step at learning rate 1 changes, without momentum; default 0.001.",
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0.",
    "epsilon": "Added to the denominator; default 1e-8.",
    "excludeVectors": "Whether vectors and scalars (biases, scales of norms) take plain momentum steps, without decay; default true."
  },
  "scaleCropFlip": {
    "maps": "Kinds of the maps by name; arrays of other names stay as they are.",
    "numbers": "Number of each example in its set, on which its changes depend: the order of reading changes nothing.",
    "seed": "Seed of the changes; default 0.",
    "epoch": "Number of the epoch, each with changes of its own; default 0.",
    "depthScale": "Whether depth is divided by the scale, as published, or multiplied, as inverse depth should be; default `divide`."
  },
  "scaling": {
    "name": "Name in reports; default `positive scaling`.",
    "bound": "Largest element of T; default 0.3."
  },
  "scalingCorner": {
    "bound": "b, the largest |log a| of a unit; default the symmetry's bound.",
    "sweeps": "Maximum number of rounds over all units in which single signs are flipped if that helps; default 10."
  },
  "schedule: constant": {
    "rate": "The first rate."
  },
  "schedule: cosine": {
    "rate": "The first rate.",
    "steps": "Number of steps from the initial rate to the least one.",
    "least": "Rate at the end; default 0."
  },
  "schedule: exponential": {
    "rate": "The first rate.",
    "gamma": "Factor of every step."
  },
  "schedule: step": {
    "rate": "The first rate.",
    "size": "Steps between two reductions.",
    "gamma": "Factor of a reduction; default 0.1."
  },
  "sdmGrad": {
    "lambda": "Pull toward the mean gradient; default 0.3.",
    "iterations": "Inner steps on w; default 20.",
    "rate": "Rate of the inner steps; default 10.",
    "momentum": "Momentum of the inner steps; default 0.5."
  },
  "segnet": {
    "inputs": "Channels of the images; default 3.",
    "channels": "Channels of the encoder's stages; default [32, 64, 128, 128].",
    "classes": "Pixel classes; default 7."
  },
  "sequenceTransformer": {
    "inputs": "Numbers of an element that is a vector; default 8.",
    "tokens": "Different tokens, if elements are such: integers below it, each with an embedding; default 0: elements are vectors.",
    "width": "Default 32.",
    "heads": "Attention heads; the width must be an even multiple of them; default 4.",
    "depth": "Blocks; default 2.",
    "hidden": "Hidden units of a block's perceptron; default 64.",
    "causal": "Whether an element sees only those before it and itself; default false.",
    "base": "Base of the rotary embedding; default 10000.",
    "classes": "Default 10.",
    "perElement": "Whether each element gets its class (tagging, language models), or the whole sequence one; default false."
  },
  "sgd": {
    "momentum": "mu in [0, 1); default 0: plain gradient descent.",
    "dampening": "tau in [0, 1]: fraction of a gradient that does not enter the velocity, from the second step on; default 0.",
    "nesterov": "Whether to step along the velocity of the next step; needs momentum and no dampening; default false.",
    "weightDecay": "lambda of an L2 penalty lambda/2 ||w||^2; default 0."
  },
  "sharpness": {
    "radii": "Lengths r of the perturbations; default [0.05, 0.1, 0.2].",
    "samples": "Number of directions, each used with every radius; default 4.",
    "seed": "Seed of the directions; default 0.",
    "scale": "What a radius measures: the length of the whole perturbation (`global`, default), or the length in each tensor relative to the tensor's norm (`tensor`: r ||w_l||), for layers of different scale."
  },
  "shrink": {
    "weightDecay": "lambda."
  },
  "signOfMean": {
    "betas": "b1 and b2 in [0, 1): weight of the mean in a step, and its smoothing; default [0.9, 0.99]."
  },
  "siteAction": {
    "allowInexact": "Acts even where the batch is too large for the pseudo-inverse, so that the loss drifts; default false: such an action is refused."
  },
  "spirals": {
    "turns": "Turns of an arm around the origin; default 1.5.",
    "points": "Number of points, as many of one class as of the other; default 500.",
    "noise": "Standard deviation of what is added to both coordinates; default 0.05.",
    "seed": "Seed of the points; default 0."
  },
  "standardization": {
    "groups": "Groups of equal size, one after the other, in which the elements of an example are, such as channels; default each column of [n, columns] by itself, else one.",
    "isNumber": "Whether an input is a number: others, such as those of a table's text, stay as they are. Default all.",
    "missing": "What becomes of inputs that are NaN, such as a table's gaps: an error, or the mean of the others in these data (0 where `isNumber` is false); default refuse."
  },
  "stch": {
    "variant": "`nadir` (default): as in the authors' runs of several tasks; `published`: the paper's equation, on the losses themselves.",
    "mu": "Smoothing mu: as it approaches 0, only the worst task counts; default 1.",
    "warmupEpoch": "With `nadir`: the epoch, from 0, whose mean losses become it; default 4.",
    "preference": "lambda of `published`, one number > 0 a task; default 1 / K.",
    "reference": "z of `published`: the best losses that are thinkable; one for all, or one per task; default 0."
  },
  "stepSchedule": {
    "size": "Steps between two reductions.",
    "gamma": "Factor of a reduction; default 0.1."
  },
  "table": {
    "label": "The column of labels, or several columns of numbers; false: none, of examples that are to be predicted. Rows without a label are left out.",
    "features": "Columns of the inputs, in this order; default all others.",
    "classes": "Whether the label is one of a few classes: int64 [n], by default where it is text. Else numbers: float32 [n, columns].",
    "missing": "What becomes of values that are missing (empty, NA, NaN, null or ?): an error, the mean of the training part, or the row is left out; default refuse. With mean such a number is NaN until `standardization(train, { missing: \"mean\" })` knows that part; such a text is none of its values.",
    "missingWords": "Words that mark a missing value, too, such as unknown; default none besides those of `missing`.",
    "required": "Columns without which a row is left out, whatever `missing` says; default the labels.",
    "text": "Columns that are text, also where they hold numbers, such as codes; default none. Others are text where less than 90 % of their values are numbers; from 90 % on, text in them is an error.",
    "columns": "Encodings of the columns, from TableData.options of another table; default found in this one."
  },
  "toHalf": {
    "move": "Whether weights are scaled by powers of two into the range of float16 first; default true.",
    "io": "Type of the inputs and outputs of floats: `float32` (default), with a Cast at each, or `float16`.",
    "calibration": "Batches of arrays by the names of the inputs, so that the ranges of activations count, too; default: weights alone.",
    "heldOut": "Batches on which `largest` is measured; default those of `calibration`, or random inputs.",
    "sizes": "Sizes of axes that the file leaves open, for tracing it; default 4 of a first axis, else 32."
  },
  "topK": {
    "k": "Number of largest logits among which the label must be; default 5.",
    "ignore": "The label of positions that do not count; default -1."
  },
  "trajectorySimilarity": {
    "sign": "What the teleport's move is compared with: the `gradient` at the point before it, as in the paper's quantity and the authors' program, or the `descent` direction, minus that gradient, in which the optimizer moves. Default `gradient`."
  },
  "trimmedMean": {
    "trim": "b: how many of the largest and of the smallest numbers are left out in each parameter; default 1."
  },
  "twoTaskToy": {
    "scale": "Factor of the first loss: 1 (CAGrad) or 0.1 (Nash-MTL, FAMO, FairGrad); default 1."
  },
  "uncertaintyWeighting": {
    "learningRate": "Learning rate of Adam for s; default 0.025.",
    "initial": "s before the first step; default 0."
  },
  "unet": {
    "inputs": "Channels of the images; default 1.",
    "channels": "Channels of each level; the images halve from one to the next. Default [16, 32, 64].",
    "norm": "Batch norm after each convolution of 3 x 3 (default `batch`), or biases (`none`).",
    "classes": "Classes of a pixel; default 2."
  },
  "upGrad": {
    "preference": "Weight p_k >= 0 of each task; default 1 / K.",
    "normEpsilon": "A trace of G below this counts as 0; default 1e-4.",
    "regEpsilon": "Added to the diagonal of G / trace G; default 1e-4. With both 0 the projections are exact."
  },
  "uwSo": {
    "temperature": "T: large for equal weights; default 1."
  },
  "velocity": {
    "momentum": "mu in [0, 1); default 0.9.",
    "dampening": "tau in [0, 1]: fraction of what comes in that does not enter the velocity, from the second step on; default 0.",
    "nesterov": "Whether the velocity of the next step goes out; default false."
  },
  "verifyBenchmark": {
    "isWhole": "Whether there must be as many examples as were published; default true.",
    "onProgress": "Called after each part of a stream; default none."
  },
  "vgg6": {
    "inputs": "Channels of the images; default 3.",
    "imageSize": "Height and width of the images; default [32, 32].",
    "classes": "Default 10."
  },
  "warmUp": {
    "steps": "Number of steps of the warm-up.",
    "start": "Factor of the first step, in [0, 1]; default 1/3."
  },
  "when": {
    "every": "Steps between two calls; default 1: before every step, so that no steps run without a break."
  },
  "withAccumulation": {
    "steps": "k: number of steps whose gradients are averaged."
  },
  "withAverage": {
    "decay": "d in [0, 1): weight of the past in an exponential average (EMA); default none: equal weights (SWA).",
    "start": "Steps before the average begins; default 0.",
    "every": "Steps between parameters that enter the average; default 1."
  },
  "withGroups": {
    "match": "Paths of parameters; `*` stands for any characters: `*.bias`, `layers.0.*`.",
    "rate": "Factor of the learning rate; default 1.",
    "frozen": "Whether the parameters stay as they are; default false.",
    "optimizer": "The same optimizer with other options, such as no weight decay; default that of all."
  },
  "workerStream": {
    "export": "Name of the module's export that is the stream; default default.",
    "length": "Examples in an epoch; default unknown: a trainer counts them by reading an epoch.",
    "ahead": "Parts that are read before they are asked for; default 2."
  },
  "writeSample": {
    "examples": "Examples of each part, or molecules; default as many as show what is special about the format.",
    "size": "[height, width] of CityScapes and NYUv2; default [32, 64]. Others have sizes of their own."
  }
};
