// L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3, on a logarithmic scale.
import { NumericalError, OptionError } from "../errors.js";
import { integerFrom, type OptionsOf, optionTable, positive, smoothing } from "../options.js";
import { createTrainer } from "./trainer.js";
import type { TrainerOptions } from "./trainer-options.js";

export interface RateSearchOptions extends OptionsOf<typeof rateSearchOptions> {}

const rateSearchOptions = optionTable("findLearningRate", {
  /** The first learning rate; default 1e-5. */
  least: positive.default(1e-5),
  /** The last learning rate; default 10. */
  largest: positive.default(10),
  /** Number of steps from one to the other; default 200. */
  steps: integerFrom(2).default(200),
  /** Smoothing of the losses, in [0, 1); default 0.9. */
  smoothing: smoothing.default(0.9),
});

/** Losses at growing learning rates, up to the last rate or where the loss explodes. */
export interface RateSearch {
  readonly rates: readonly number[];
  /** Training loss of each step, before it. */
  readonly losses: readonly number[];
  /** Means of the losses around each step. */
  readonly smoothed: readonly number[];
  /** A tenth of the rate at which these means are smallest; undefined unless they fall by a twentieth. */
  readonly suggestion: number | undefined;
}

/** The loss explodes where it rises above the smallest mean of those so far by this many times its size. */
const explosion = 3;

/** A fall that is more than noise, of the size of the first mean. */
const leastFall = 0.05;

/**
 * Finds a learning rate by a short training in which it grows from step to step: a tenth of that at
 * which the loss is smallest, before it rises and explodes.
 *
 * eta_t = least (largest / least)^(t / (steps - 1))
 * s_t = mean of the losses L_k with weights b^|t - k|
 * suggestion: eta_t / 10 of the smallest s_t
 *
 * b: `smoothing`. It is a rule of thumb that errs on the side of small rates (on digits a third to a fifth of the best of
 * some fixed rates), and needs some 30 steps for each factor of 10: draw `smoothed` over `rates`.
 *
 * @param options those of `createTrainer` but `learningRate`
 * @param search `least`, `largest`, `steps`, `smoothing`
 * @throws OptionError for options that are unknown or out of range; what `createTrainer` throws
 *
 * @example
 * const data = digits();
 * const model = mlp({ sizes: [64, 32, 10] });
 * const options = { model, data: { inputs: data.images, labels: data.labels }, optimizer: sgd(), batchSize: 64 };
 * const { suggestion } = await findLearningRate(options);
 * const trainer = await createTrainer({ ...options, learningRate: suggestion ?? 0.1 });
 */
export async function findLearningRate<P, S>(
  options: Omit<TrainerOptions<P, S>, "learningRate">,
  search: RateSearchOptions = {},
): Promise<RateSearch> {
  const { least, largest, steps, smoothing: b } = rateSearchOptions.read(search);
  if (!(largest > least)) {
    throw new OptionError(`findLearningRate: largest must be above least, ${least}; got ${largest}.`);
  }
  const rateOf = (t: number) => least * (largest / least) ** (t / (steps - 1));
  const trainer = await createTrainer({ ...options, learningRate: rateOf });
  const { loss: losses } = trainer.history;
  const meanAt = (t: number) => {
    const weights = losses.map((_, k) => b ** Math.abs(t - k));
    return sumOf(losses.map((loss, k) => weights[k] * loss)) / sumOf(weights);
  };
  let smallest = Infinity;
  /** The size of losses: where these fall to 0 or below, that of the first one if it is larger. */
  const size = () => (smallest > 0 ? smallest : Math.max(-smallest, Math.abs(losses[0])));
  try {
    while (losses.length < steps) {
      await trainer.run({ steps: 1 });
      const last = losses.length - 1;
      smallest = Math.min(smallest, meanAt(last));
      if (losses[last] - smallest > explosion * size()) break;
    }
  } catch (error) {
    // The loss is no longer finite: the rates before are what was to be found.
    if (!(error instanceof NumericalError)) throw error;
  } finally {
    await trainer.dispose();
  }
  const rates = losses.map((_, t) => rateOf(t));
  const smoothed = losses.map((_, t) => meanAt(t));
  const lowest = smoothed.indexOf(Math.min(...smoothed));
  return {
    rates,
    losses,
    smoothed,
    suggestion:
      smoothed[0] - smoothed[lowest] > leastFall * Math.abs(smoothed[0]) ? rates[lowest] / 10 : undefined,
  };
}

const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
