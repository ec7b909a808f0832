// The two-task toy in plain numbers, with its gradient by hand, and Adam on it: an independent computation of what graphs give,
// and a hundred thousand steps of it take a second.
import { createRng } from "../../src/math/rng.js";
import { adamOnHost, startAdam } from "../../src/mtl/kernels/adam-on-host.js";
import type { MultiTaskMethod } from "../../src/mtl/method.js";

/** A number with its derivatives in x1 and x2. */
type Dual = readonly [number, number, number];

const plus = (a: Dual, b: Dual): Dual => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const times = (a: Dual, b: Dual): Dual => [a[0] * b[0], a[1] * b[0] + a[0] * b[1], a[2] * b[0] + a[0] * b[2]];

/** log max(|v|, 5e-6) + 6. */
const steep = ([v, d1, d2]: Dual): Dual =>
  Math.abs(v) >= 5e-6 ? [Math.log(Math.abs(v)) + 6, d1 / v, d2 / v] : [Math.log(5e-6) + 6, 0, 0];

/** max(x, 0), with the derivative of x at 0. */
const atLeastZero = (x: Dual): Dual => (x[0] >= 0 ? x : [0, 0, 0]);

/** Both losses of the toy at a point, with their gradients. */
export function toyAt([x1, x2]: ArrayLike<number> & Iterable<number>, scale: number): readonly [Dual, Dual] {
  const t = Math.tanh(x2);
  const half = Math.tanh(x2 / 2);
  const slope = (1 - half * half) / 2;
  const [c1, c2] = [atLeastZero([half, 0, slope]), atLeastZero([-half, 0, -slope])];
  const bowl = (center: number): Dual => {
    const [a, b] = [center - x1, -x2 - 8];
    return [(a * a + 0.1 * b * b) / 10 - 20, -a / 5, -b / 50];
  };
  const f1 = steep([0.5 * (-x1 - 7) + t, -0.5, 1 - t * t]);
  const f2 = steep([0.5 * (-x1 + 3) - t + 2, -0.5, t * t - 1]);
  const first = plus(times(f1, c1), times(bowl(7), c2));
  return [times([scale, 0, 0], first), plus(times(f2, c1), times(bowl(-7), c2))];
}

/** Where a method with Adam (rate 1e-3) is after some numbers of steps, ascending, with the losses there. */
export function descend(
  method: MultiTaskMethod,
  start: readonly number[],
  { scale, stops }: { readonly scale: number; readonly stops: readonly number[] },
): { readonly step: number; readonly x: Float64Array; readonly losses: Float64Array }[] {
  const reached: { step: number; x: Float64Array; losses: Float64Array }[] = [];
  const rng = createRng(0);
  let x: Float64Array = Float64Array.from(start);
  let adam = startAdam(2);
  let state = method.init(2);
  let [a, b] = toyAt(x, scale);
  for (let step = 0; step < stops[stops.length - 1]; step++) {
    const product = a[1] * b[1] + a[2] * b[2];
    const G = Float64Array.of(a[1] * a[1] + a[2] * a[2], product, product, b[1] * b[1] + b[2] * b[2]);
    const losses = Float64Array.of(a[0], b[0]);
    const input = { losses, gramian: { shape: [2, 2], data: G }, step, epoch: 0, rng };
    const combination = method.combine(input, state);
    state = combination.state;
    const [v, w] = combination.weights ?? [];
    const d = Float64Array.of(v * a[1] + w * b[1], v * a[2] + w * b[2]);
    const norm = Math.hypot(...d);
    const shrink = method.clipNorm !== undefined && norm > method.clipNorm ? method.clipNorm / norm : 1;
    ({ params: x, adam } = adamOnHost(x, d.map((g) => shrink * g), adam, { learningRate: 1e-3 })); // biome-ignore format: one call
    [a, b] = toyAt(x, scale);
    const after = Float64Array.of(a[0], b[0]);
    if (method.afterStep) state = method.afterStep(after, input, state);
    if (stops.includes(step + 1)) reached.push({ step: step + 1, x, losses: after });
  }
  return reached;
}
