/** State of {@link reduceOnPlateau}, as plain data. */
export interface PlateauState {
  readonly rate: number;
  readonly best: number;
  /** Reports without improvement. */
  readonly waited: number;
  readonly cooldown: number;
}

export interface PlateauOptions {
  /** Factor of a reduction; default 0.1. */
  readonly factor?: number;
  /** Reports without improvement that are waited for; default 10. */
  readonly patience?: number;
  /** Relative improvement that counts; default 1e-4. */
  readonly threshold?: number;
  /** Reports after a reduction that are ignored; default 0. */
  readonly cooldown?: number;
  /** Smallest rate; default 0. */
  readonly least?: number;
}

/**
 * Lowers the learning rate when a metric (smaller is better) stops improving, as PyTorch's ReduceLROnPlateau.
 *
 * @example
 * const plateau = reduceOnPlateau({ patience: 3 });
 * let state = plateau.init(0.1);
 * state = plateau.next(state, validationLoss); // state.rate
 */
export function reduceOnPlateau({
  factor = 0.1,
  patience = 10,
  threshold = 1e-4,
  cooldown = 0,
  least = 0,
}: PlateauOptions = {}): {
  init(rate: number): PlateauState;
  next(state: PlateauState, metric: number): PlateauState;
} {
  return {
    init: (rate) => ({ rate, best: Infinity, waited: 0, cooldown: 0 }),
    next(state, metric) {
      const better = metric < state.best * (1 - threshold);
      const cooling = Math.max(state.cooldown - 1, 0);
      const waited = better || state.cooldown > 0 ? 0 : state.waited + 1;
      const best = better ? metric : state.best;
      if (waited <= patience) return { rate: state.rate, best, waited, cooldown: cooling };
      // As PyTorch: a change below 1e-8 is none.
      const reduced = Math.max(state.rate * factor, least);
      const rate = state.rate - reduced > 1e-8 ? reduced : state.rate;
      return { rate, best, waited: 0, cooldown };
    },
  };
}
