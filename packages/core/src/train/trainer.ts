import type { NdArray } from "../array.js";
import { array, astype, dtypeOf, isNdArray } from "../array.js";
import { batches } from "../data/batches.js";
import { NumericalError, OptionError, ShapeError } from "../errors.js";
import { Mt19937 } from "../math/mt19937.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import type { Model } from "../nn/model.js";
import { clipByGlobalNorm } from "../optim/clip.js";
import type { Optimizer, OptimizerState } from "../optim/optimizer.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { flatten, unflatten } from "../tree.js";
import { emptyHistory, type History, type Metrics } from "./history.js";
import { type DataTypes, type Loss, traceEvaluation, traceStep } from "./step.js";

/** A data set in memory: examples along the first axis. */
export interface Dataset {
  readonly inputs: NdArray;
  /** Classes as int64 [n], or targets as floats. */
  readonly labels: NdArray;
}

/** Everything that changes while training, as plain data: what a checkpoint holds. */
export interface TrainState<P, S> {
  /** Steps done. */
  readonly step: number;
  readonly params: P;
  readonly state: S;
  readonly optimizer: OptimizerState;
}

export interface Progress {
  readonly step: number;
  readonly epoch: number;
  /** Mean training loss since the last report. */
  readonly loss: number;
  readonly stepsPerSecond: number;
}

export interface TrainerOptions<P, S> extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly model: Model<P, S>;
  readonly data: Dataset;
  readonly optimizer: Optimizer;
  /** A number, or a function of the step (0, 1, ...): see schedules. */
  readonly learningRate: number | ((step: number) => number);
  /** Default: mean cross-entropy. */
  readonly loss?: Loss;
  /** Default: the whole data set. */
  readonly batchSize?: number;
  /** Of initialisation, order of batches and dropout; default 0. */
  readonly seed?: number;
  readonly dtype?: "float32" | "float64";
  /** Largest global norm of the gradient; default no limit. */
  readonly clipNorm?: number;
}

export interface RunTrainerOptions {
  readonly steps: number;
  readonly onProgress?: (progress: Progress) => void;
  /** Steps between reports; default a hundredth of the run, at least 10. */
  readonly reportEvery?: number;
}

/**
 * Trains a model: one compiled step, run in loops inside the runtime.
 * Two runs with the same options give the same numbers, bit for bit, however they are cut into calls of {@link run}.
 *
 * @example
 * const trainer = await createTrainer({ model: mlp({ sizes: [64, 32, 10] }), data, optimizer: sgd(), learningRate: 0.1 });
 * await trainer.run({ steps: 100 });
 * const { loss, accuracy } = await trainer.evaluate(data);
 */
export interface Trainer<P, S> {
  readonly current: TrainState<P, S>;
  readonly history: History;
  readonly stepsPerEpoch: number;
  readonly executable: Executable;
  run(options: RunTrainerOptions): Promise<void>;
  /** Loss and accuracy over a data set, in evaluation mode. */
  evaluate(data: Dataset): Promise<Metrics>;
  /** Continues from another state, such as a checkpoint's or a teleported one. */
  restore(state: TrainState<P, S>, history?: History): void;
  /** Examples of the batch that a step takes, in order. */
  batchOf(step: number): Int32Array;
  dispose(): Promise<void>;
}

/**
 * Compiles the training step and initialises the model as PyTorch would with the same seed.
 *
 * @throws ShapeError when model, data and loss do not fit; OptionError for settings out of range
 */
export async function createTrainer<P, S>(options: TrainerOptions<P, S>): Promise<Trainer<P, S>> {
  const { model, optimizer, loss = crossEntropy, seed = 0, dtype = "float32", clipNorm } = options;
  const data = prepare(options.data, dtype);
  const count = data.inputs.shape[0];
  const batchSize = options.batchSize ?? count;
  const { params, state } = model.init(new Mt19937(seed), { dtype });
  const types = typesOf(data);
  const stepGraph = traceStep({
    model,
    loss,
    params,
    state,
    data: types,
    batchSize,
    optimizer,
    optimizerState: optimizer.init(params),
    clip: clipNorm === undefined ? (g) => g : (g) => clipByGlobalNorm(g, clipNorm),
    dtype,
  }).graph;
  const carry = Object.fromEntries(
    stepGraph.outputs.filter((o) => o.name !== "loss").map((o) => [o.name, o.name]),
  );
  const compileOptions = pickCompileOptions(options);
  const executable = await compile(stepGraph, {
    ...compileOptions,
    scan: { carry, sequences: ["batch", "learningRate", "seed"] },
  });
  const evaluators = new Map<string, Promise<Executable>>();
  let current: TrainState<P, S> = { step: 0, params, state, optimizer: optimizer.init(params) };
  let history = emptyHistory();
  const order = new Map<number, Int32Array[]>();
  const stepsPerEpoch = Math.floor(count / batchSize);

  const batchOf = (step: number): Int32Array => {
    const epoch = Math.floor(step / stepsPerEpoch);
    if (!order.has(epoch)) {
      order.clear();
      // The whole set as one batch needs no order: keep it, so that sums have the same rounding every step.
      order.set(epoch, batches(count, batchSize, { seed, epoch, shuffle: batchSize < count }));
    }
    return (order.get(epoch) as Int32Array[])[step % stepsPerEpoch];
  };
  const rateOf = (step: number): number => {
    const rate = typeof options.learningRate === "number" ? options.learningRate : options.learningRate(step);
    if (!(rate >= 0 && Number.isFinite(rate))) {
      throw new OptionError(`The learning rate must be a finite number >= 0; got ${rate} at step ${step}.`);
    }
    return rate;
  };

  /** Runs some steps in one call of the runtime. */
  const advance = async (steps: number): Promise<number[]> => {
    const first = current.step;
    const indices = new BigInt64Array(steps * batchSize);
    for (let t = 0; t < steps; t++) {
      batchOf(first + t).forEach((i, k) => {
        indices[t * batchSize + k] = BigInt(i);
      });
    }
    const each = Array.from({ length: steps }, (_, t) => first + t);
    const start = performance.now();
    const results = await executable.run(
      {
        ...named(current),
        inputs: data.inputs,
        labels: data.labels,
        batch: { shape: [steps, batchSize], data: indices },
        learningRate: array(each.map(rateOf), dtype),
        seed: { shape: [steps], data: BigInt64Array.from(each, (t) => BigInt(seed) * 1_000_003n + BigInt(t)) },
      },
      { steps },
    );
    const seconds = (performance.now() - start) / 1000;
    const losses = Array.from(results.loss.data, Number);
    const bad = losses.findIndex((l) => !Number.isFinite(l));
    if (bad >= 0) {
      throw new NumericalError(
        `The training loss became ${losses[bad]} at step ${first + bad}. Lower the learning rate (${rateOf(first + bad)}), or clip the gradient with clipNorm.`,
      );
    }
    const before = history.seconds.at(-1) ?? 0;
    losses.forEach((l, t) => {
      history.loss.push(l);
      history.seconds.push(before + (seconds * (t + 1)) / steps);
    });
    current = renamed(current, results, first + steps);
    return losses;
  };

  return {
    get current() {
      return current;
    },
    get history() {
      return history;
    },
    stepsPerEpoch,
    executable,
    batchOf,
    async run({ steps, onProgress, reportEvery = Math.max(10, Math.ceil(steps / 100)) }) {
      if (!Number.isInteger(steps) || steps < 0) {
        throw new OptionError(`run: steps must be an integer >= 0; got ${steps}.`);
      }
      const last = current.step + steps;
      while (current.step < last) {
        const chunk = Math.min(reportEvery, last - current.step);
        const start = performance.now();
        const losses = await advance(chunk);
        onProgress?.({
          step: current.step,
          epoch: current.step / stepsPerEpoch,
          loss: losses.reduce((a, b) => a + b, 0) / chunk,
          stepsPerSecond: (1000 * chunk) / (performance.now() - start),
        });
      }
    },
    async evaluate(set) {
      const prepared = prepare(set, dtype);
      const n = prepared.inputs.shape[0];
      const size = Math.min(n, 500);
      const totals: Record<string, number> = {};
      for (const [from, batch, steps] of evaluationPlan(n, size)) {
        const key = `${batch} of ${JSON.stringify(typesOf(prepared))}`;
        if (!evaluators.has(key)) {
          const parts = { model, loss, params, state, data: typesOf(prepared), batchSize: batch };
          evaluators.set(key, compile(traceEvaluation(parts).graph, { ...compileOptions, scan: { carry: {}, sequences: ["batch"] } }));
        }
        const indices = BigInt64Array.from({ length: batch * steps }, (_, i) => BigInt(from + i));
        const evaluator = (await evaluators.get(key)) as Executable;
        const all = { ...named(current), inputs: prepared.inputs, labels: prepared.labels };
        const results = await evaluator.run({ ...all, batch: { shape: [steps, batch], data: indices } }, { steps });
        for (const [name, { data: values }] of Object.entries(results)) {
          for (const v of values) totals[name] = (totals[name] ?? 0) + Number(v) * batch;
        }
      }
      return Object.fromEntries(Object.entries(totals).map(([k, v]) => [k, v / n])) as unknown as Metrics;
    },
    restore(state, past) {
      const expected = flatten(current, isLeaf);
      const given = flatten(state, isLeaf);
      if (given.paths.join() !== expected.paths.join()) {
        const missing = expected.paths.filter((p) => !given.paths.includes(p));
        throw new ShapeError(
          `restore: the state does not fit this model and optimiser: missing ${missing.join(", ") || "nothing"}, ` +
            `unknown ${given.paths.filter((p) => !expected.paths.includes(p)).join(", ") || "nothing"}.`,
        );
      }
      current = state;
      history = past ?? emptyHistory();
    },
    async dispose() {
      await executable.dispose();
      for (const evaluator of evaluators.values()) await (await evaluator).dispose();
    },
  };
}

const isLeaf = (value: unknown): value is NdArray | number => typeof value === "number" || isNdArray(value);

function prepare({ inputs, labels }: Dataset, dtype: "float32" | "float64"): Dataset {
  if (inputs.shape[0] !== labels.shape[0] || inputs.shape.length === 0) {
    throw new ShapeError(
      `A data set needs as many labels as inputs; got inputs [${inputs.shape}] and labels [${labels.shape}].`,
    );
  }
  const inDtype = (a: NdArray) => (dtypeOf(a).startsWith("float") ? astype(a, dtype) : a);
  return { inputs: inDtype(inputs), labels: inDtype(labels) };
}

function typesOf({ inputs, labels }: Dataset): DataTypes {
  return {
    inputs: { shape: inputs.shape, dtype: dtypeOf(inputs) },
    labels: { shape: labels.shape, dtype: dtypeOf(labels) },
  };
}

/** [first example, batch size, batches]: whole batches, then the rest as one of its own size. */
function evaluationPlan(n: number, size: number): [number, number, number][] {
  const whole = Math.floor(n / size);
  const rest = n - whole * size;
  const plan: [number, number, number][] = [[0, size, whole]];
  return rest > 0 ? [...plan, [whole * size, rest, 1]] : plan;
}

function pickCompileOptions({ runtime, provider, threads }: Omit<CompileOptions, "scan">): CompileOptions {
  return {
    ...(runtime !== undefined ? { runtime } : {}),
    ...(provider !== undefined ? { provider } : {}),
    ...(threads !== undefined ? { threads } : {}),
  };
}

/** The state's arrays under the names of the step's inputs. */
function named<P, S>({ params, state, optimizer }: TrainState<P, S>): Record<string, NdArray> {
  const { leaves, paths } = flatten<NdArray>({ params, state, optimizer }, isNdArray);
  return Object.fromEntries(paths.map((path, i) => [path, leaves[i]]));
}

function renamed<P, S>(
  { params, state, optimizer }: TrainState<P, S>,
  results: Record<string, NdArray>,
  step: number,
): TrainState<P, S> {
  const { paths, def } = flatten<NdArray>({ params, state, optimizer }, isNdArray);
  const next = unflatten(def, paths.map((path) => results[path])) as Pick<TrainState<P, S>, "params" | "state" | "optimizer">;
  return { step, ...next };
}
