import { mapValues } from "es-toolkit";
import { array, dtypeOf, namedArrays, OptionError } from "isoloss";
import type { BeforeStep } from "isoloss/mtl";
import { type Optimizer, type PlateauOptions, reduceOnPlateau, type ScheduleContext } from "isoloss/optim";
import { z } from "zod";
import { fromZero, nonNegative } from "../../catalogue/named.js";
import type { Tree } from "../../catalogue/problems.js";
import type { Evaluation } from "../../kind.js";
import { type Protocol, protocolsByTask, validationDeltas } from "./protocol.js";

/** Lowers the learning rate when the errors on the validation data, over those of the base, stop falling: see `reduceOnPlateau`. */
export const plateauSchema = z.strictObject({
  factor: z.number().min(0).max(1).optional(),
  patience: fromZero.optional(),
  least: nonNegative.optional(),
});

export type PlateauConfig = z.output<typeof plateauSchema>;

/** What a run's rates are computed from. */
export interface PlateauRun {
  readonly protocol: Protocol | undefined;
  readonly evaluations: readonly Evaluation[];
  /** Whether a step of this run asks, not its settings. */
  readonly isRun: (context: ScheduleContext) => boolean;
}

function requirePlateau(rate: unknown, protocol: Protocol | undefined): { rate: number; protocol: Protocol } {
  if (typeof rate === "number" && protocol?.base !== undefined) return { rate, protocol };
  throw new OptionError("plateau needs a learningRate that is a number, and a protocol with a base.");
}

/**
 * The rate after some evaluations. What should fall is the mean of errors over the base, 1 + Delta_m / 100: Delta_m itself may be negative,
 * where a threshold relative to it has the wrong sign.
 */
function rateAfter(
  rate: number,
  config: PlateauConfig,
  protocol: Protocol,
  past: readonly Evaluation[],
): number {
  const plateau = reduceOnPlateau(config as PlateauOptions);
  const ratios = validationDeltas(protocol, past).map((delta) => 1 + delta / 100);
  return ratios.reduce((state, ratio) => plateau.next(state, ratio).state, plateau.init(rate)).rate;
}

/** The rate of a step, from the evaluations before it. Settings that are written down have the first rate. */
export function plateauRate(
  first: unknown,
  config: PlateauConfig,
  run: PlateauRun,
): (step: number, context: ScheduleContext) => number {
  const { rate, protocol } = requirePlateau(first, run.protocol);
  return (step, context) => {
    if (!run.isRun(context)) return rate;
    const past = run.evaluations.filter((e) => e.step <= step);
    return rateAfter(rate, config, protocol, past);
  };
}

type Networks = { readonly networks: Readonly<Record<string, unknown>> };

const isOfNetworks = (value: unknown): value is Networks =>
  typeof value === "object" && value !== null && "networks" in value;

/**
 * Learning rates of networks side by side, each lowered when the ratio of its own validation metrics to the base stops
 * falling, as of a run of its own. They are a part of the optimizer's state, `rates`, which a hook of the trainer sets before each step.
 */
export function networkRates(
  optimizer: Optimizer,
  first: unknown,
  { config, ...run }: PlateauRun & { readonly config: PlateauConfig },
): { readonly optimizer: Optimizer; readonly beforeStep: BeforeStep<Tree> } {
  const { rate, protocol } = requirePlateau(first, run.protocol);
  const protocols = protocolsByTask(protocol);
  /** The part of a tree of all networks that is one network's; other values as they are. */
  const ofTask = <T>(value: T, task: string): T =>
    isOfNetworks(value) ? ({ networks: { [task]: value.networks[task] } } as T) : value;
  const joined = (values: readonly unknown[]): unknown =>
    isOfNetworks(values[0])
      ? { networks: Object.assign({}, ...values.map((value) => (value as Networks).networks)) }
      : values[0];
  return {
    optimizer: {
      ...optimizer,
      init<P>(params: P) {
        const [leaf] = Object.values(namedArrays({ params }));
        const rates = mapValues((params as unknown as Networks).networks, () => array(rate, dtypeOf(leaf)));
        return { ...optimizer.init(params), rates };
      },
      update<P>(
        ...[gradients, { rates, ...state }, params, , gradientAt]: Parameters<typeof optimizer.update<P>>
      ) {
        const updated = Object.entries(rates as Parameters<typeof mapValues>[0]).map(([task, own]) =>
          optimizer.update(
            ofTask(gradients, task),
            mapValues(state, (value) => ofTask(value, task)),
            ofTask(params, task),
            own as never,
            gradientAt && ((there) => ofTask(gradientAt(joined([params, there]) as P), task)),
          ),
        );
        const next = mapValues(updated[0].state, (_, name) => joined(updated.map((u) => u.state[name])));
        return { params: joined(updated.map((u) => u.params)) as P, state: { ...next, rates } };
      },
    },
    async beforeStep({ step, optimizer: state, setup: { dtype } }) {
      const past = run.evaluations.filter((e) => e.step <= step);
      const rates = mapValues(state.rates as object, (_, task) => {
        const own = protocols.get(task);
        return array(own ? rateAfter(rate, config, own, past) : rate, dtype);
      });
      return { optimizer: { ...state, rates } };
    },
  };
}
