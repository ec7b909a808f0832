import { OptionError } from "../errors.js";

/** Learning rate of a step 0, 1, ... */
export type Schedule = (step: number) => number;

/** rate gamma^floor(t / size) */
export function stepSchedule(rate: number, { size, gamma = 0.1 }: { size: number; gamma?: number }): Schedule {
  if (!(size >= 1)) throw new OptionError(`stepSchedule: size must be >= 1; got ${size}.`);
  return (t) => rate * gamma ** Math.floor(t / size);
}

/** rate gamma^t */
export function exponentialSchedule(rate: number, { gamma }: { gamma: number }): Schedule {
  return (t) => rate * gamma ** t;
}

/** From `rate` to `least` (default 0) along half a cosine in `steps` steps: Loshchilov & Hutter, ICLR 2017, eq. 5. */
export function cosineSchedule(rate: number, { steps, least = 0 }: { steps: number; least?: number }): Schedule {
  if (!(steps >= 1)) throw new OptionError(`cosineSchedule: steps must be >= 1; got ${steps}.`);
  return (t) => least + ((rate - least) * (1 + Math.cos((Math.PI * t) / steps))) / 2;
}

/**
 * A schedule after a linear warm-up: its first rate times start .. 1 in `steps` steps, then the schedule from its step 0.
 *
 * @param options `start`: the first factor; default 1/3, as in PyTorch's LinearLR
 */
export function warmUp(schedule: Schedule, { steps, start = 1 / 3 }: { steps: number; start?: number }): Schedule {
  if (!(steps >= 1)) throw new OptionError(`warmUp: steps must be >= 1; got ${steps}.`);
  return (t) => (t < steps ? schedule(0) * (start + ((1 - start) * t) / steps) : schedule(t - steps));
}
