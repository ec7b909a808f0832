import type { RunResult } from "./experiment.js";

/** How a part of a text is set off: a function of the text, such as a colour. */
export interface Emphasis {
  heading(text: string): string;
  warning(text: string): string;
}

/** The runs side by side, and the teleports that were refused. */
export function table(results: readonly RunResult[], { heading, warning }: Emphasis): string {
  const head = [
    "",
    "train loss",
    "val. loss",
    "val. acc.",
    "largest drift",
    "||g||^2 gain",
    "training",
    "teleports",
  ];
  const rows = results.map(({ name, trainLoss, validation, reports, wall }) => {
    const { accuracy } = validation;
    const gains = reports.map((t) => `x${(t.gradNormSqAfter / t.gradNormSqBefore).toPrecision(3)}`);
    const hasTeleports = reports.length > 0;
    return [
      name,
      trainLoss.toFixed(4),
      validation.loss.toFixed(4),
      accuracy === undefined ? "-" : `${(100 * accuracy).toFixed(1)} %`,
      hasTeleports ? Math.max(...reports.map((t) => t.drift)).toExponential(1) : "-",
      hasTeleports ? gains.join(" ") : "-",
      milliseconds(wall.training),
      hasTeleports ? milliseconds(wall.teleports) : "-",
    ];
  });
  const widths = head.map((h, c) => Math.max(h.length, ...rows.map((row) => row[c].length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join("  ");
  const refused = results.flatMap((r) =>
    r.reports.filter((t) => !t.accepted).map((t) => `${r.name}, step ${t.step}: not moved, ${t.reason}`),
  );
  return [heading(line(head)), ...rows.map(line), ...refused.map(warning)].join("\n");
}

const milliseconds = (seconds: number): string => `${(1000 * seconds).toFixed(0)} ms`;

/** The share of the plain run's steps and time in which each other run reaches the plain run's last smoothed loss. */
export function verdict([plain, ...others]: readonly RunResult[]): string {
  const count = plain.loss.length;
  const window = Math.min(20, count);
  const meanUpTo = (losses: readonly number[], end: number) =>
    losses.slice(end - window, end).reduce((a, b) => a + b, 0) / window;
  const target = meanUpTo(plain.loss, count);
  const lines = others.map(({ name, loss, seconds }) => {
    const reached = loss.findIndex((_, i) => i + 1 >= window && meanUpTo(loss, i + 1) <= target);
    if (reached < 0) {
      return `${name}: did not reach the plain run's final loss (${target.toFixed(4)}) in as many steps.`;
    }
    const steps = ((reached + 1) / count).toFixed(2);
    const time = (seconds[reached] / plain.seconds[count - 1]).toFixed(2);
    return `${name}: the plain run's final loss (${target.toFixed(4)}) in ${steps} of its steps and ${time} of its time.`;
  });
  return [
    ...lines,
    "One seed and one learning rate show how it works, not whether it pays: a larger gradient is also a larger",
    "effective learning rate, which plain SGD can have for nothing.",
  ].join("\n");
}
