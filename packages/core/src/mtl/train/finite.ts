import { NumericalError } from "../../errors.js";

/** Advice for a run that leaves the finite numbers before a step is done. */
export const advice = (step: number): string =>
  `The state is still that of step ${step}. Lower the learning rate, clip the gradient with clipNorm, or check the data.`;

/** @throws NumericalError unless the losses of a step are finite */
export function requireFinite(
  losses: Float64Array,
  tasks: readonly string[],
  { step, rate }: { readonly step: number; readonly rate: number },
): void {
  const bad = losses.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) {
    throw new NumericalError(
      `The loss of task "${tasks[bad]}" became ${losses[bad]} at step ${step}, with learning rate ${rate}. ${advice(step)}`,
    );
  }
}
