// D. Kingma, J. Ba, "Adam", ICLR 2015, algorithm 1, for the few numbers that a method trains: one per task.

/** Adam's state as plain data. */
export interface HostAdamState {
  readonly step: number;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

/** State before the first step of n parameters. */
export const startAdam = (n: number): HostAdamState => ({
  step: 0,
  m: new Float64Array(n),
  v: new Float64Array(n),
});

/**
 * A step of Adam in float64 outside any graph.
 *
 * g <- g + lambda w;  m <- .9 m + .1 g;  v <- .999 v + .001 g^2;
 * w <- w - eta m / (1 - .9^t) / (sqrt(v / (1 - .999^t)) + 1e-8)
 *
 * @param options eta: `learningRate`; lambda: `weightDecay`, inside the gradient; default 0
 *
 * @example
 * const { params } = adamOnHost(Float64Array.of(1), Float64Array.of(20), startAdam(1), { learningRate: 0.1 });
 * params[0]?.toFixed(6); // "0.900000"
 */
export function adamOnHost(
  params: Float64Array,
  gradient: Float64Array,
  state: HostAdamState,
  {
    learningRate,
    weightDecay = 0,
  }: { readonly learningRate: number; readonly weightDecay?: number | undefined },
): { readonly params: Float64Array; readonly adam: HostAdamState } {
  const [b1, b2, epsilon] = [0.9, 0.999, 1e-8];
  const step = state.step + 1;
  const g = gradient.map((x, k) => x + weightDecay * params[k]);
  const m = state.m.map((past, k) => b1 * past + (1 - b1) * g[k]);
  const v = state.v.map((past, k) => b2 * past + (1 - b2) * g[k] * g[k]);
  const [first, second] = [1 - b1 ** step, 1 - b2 ** step];
  return {
    params: params.map((w, k) => w - (learningRate * m[k]) / first / (Math.sqrt(v[k] / second) + epsilon)),
    adam: { step, m, v },
  };
}
