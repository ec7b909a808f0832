import { OptionError } from "isoloss";
import { type PlateauOptions, reduceOnPlateau, type ScheduleContext } from "isoloss/optim";
import { z } from "zod";
import { fromZero, nonNegative } from "../../catalogue/named.js";
import type { Evaluation } from "../../kind.js";
import { type Protocol, validationDeltas } from "./protocol.js";

/** Lowers the learning rate when Delta_m on the validation data stops falling: see `reduceOnPlateau`. */
export const plateauSchema = z.strictObject({
  factor: z.number().min(0).max(1).optional(),
  patience: fromZero.optional(),
  least: nonNegative.optional(),
});

export type PlateauConfig = z.output<typeof plateauSchema>;

/** The rate of a step, from the evaluations before it. A run's settings, which look at no epochs, have the first rate. */
export function plateauRate(
  rate: number | unknown,
  config: PlateauConfig,
  run: {
    readonly protocol: Protocol | undefined;
    readonly evaluations: readonly Evaluation[];
    readonly isRun: (context: ScheduleContext) => boolean;
  },
): (step: number, context: ScheduleContext) => number {
  const { protocol, evaluations, isRun } = run;
  if (typeof rate !== "number" || protocol?.base === undefined) {
    throw new OptionError("plateau needs a learningRate that is a number, and a protocol with a base.");
  }
  const plateau = reduceOnPlateau(config as PlateauOptions);
  return (step, context) => {
    if (!isRun(context)) return rate;
    const past = evaluations.filter((e) => e.step <= step);
    return validationDeltas(protocol, past).reduce(
      (state, delta) => plateau.next(state, delta).state,
      plateau.init(rate),
    ).rate;
  };
}
