import { inCode, nonNegative, type OptionsOf, optionTable } from "../options.js";
import type { StepsProgress } from "../train/run.js";

/** Where a line of progress goes, such as `process.stderr`. */
export interface ProgressStream {
  write(text: string): unknown;
  /** Whether a line can be written over. */
  readonly isTTY?: boolean | undefined;
}

export interface ProgressOptions extends OptionsOf<typeof progressOptions> {}

const isStream = (value: unknown): boolean => typeof (value as Partial<ProgressStream>)?.write === "function";

const progressOptions = optionTable("progress", {
  /** Default `process.stderr`. */
  stream: inCode<ProgressStream>("a stream such as process.stderr", isStream).otherwise("process.stderr"),
  /** Seconds between lines where they cannot be written over; default 10. */
  every: nonNegative.default(10),
});

/** What trainers report: `loss` of one task, or `losses` of several. */
interface Report extends StepsProgress {
  readonly loss?: number | undefined;
  readonly losses?: ArrayLike<number> | undefined;
}

/**
 * An `onProgress` that shows a run in one line: steps, epochs, loss, speed and the time that is left. In a terminal the line is
 * written over; elsewhere there is one every ten seconds, and the last.
 *
 * @throws OptionError for options that are unknown or out of range
 *
 * @example
 * await trainer.run({ epochs: 1, onProgress: progress() });
 * // 28/28 (100 %) epoch 1.0 loss 2.31 4210 steps/s
 */
export function progress(options: ProgressOptions = {}): (report: Report) => void {
  const { stream = process.stderr, every } = progressOptions.read(options);
  let shown = -Infinity;
  let width = 0;
  return (report) => {
    const isLast = report.step >= report.last;
    const line = lineOf(report);
    if (stream.isTTY) {
      stream.write(`\r${line.padEnd(width)}${isLast ? "\n" : ""}`);
      width = isLast ? 0 : line.length;
      return;
    }
    const now = performance.now() / 1000;
    if (!isLast && now - shown < every) return;
    shown = now;
    stream.write(`${line}\n`);
  };
}

function lineOf({ step, last, epoch, stepsPerSecond, loss, losses }: Report): string {
  const all = losses === undefined ? [loss ?? Number.NaN] : Array.from(losses);
  const left = (last - step) / stepsPerSecond;
  return [
    `${step}/${last} (${Math.floor((100 * step) / Math.max(1, last))} %)`,
    ...(epoch > 0 ? [`epoch ${epoch.toFixed(1)}`] : []),
    `loss ${all.map((value) => value.toPrecision(3)).join(", ")}`,
    `${stepsPerSecond >= 10 ? Math.round(stepsPerSecond) : stepsPerSecond.toPrecision(2)} steps/s`,
    ...(left >= 1 ? [`${duration(left)} left`] : []),
  ].join(" ");
}

/** Seconds in words: 42 s, 3 min 20 s, 2 h 5 min. */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
