// The rows of the table below the charts, and what the meters say.
import { formatValue } from "isoloss-figures/base";
import { attemptTexts, formatSeconds, none } from "../../app/format.js";
import type { Spread, TrainRun } from "./run.js";

export const columns = {
  steps: "steps",
  loss: "training loss",
  heldOut: "held-out loss",
  accuracy: "held-out right",
  seconds: "time *",
  refused: "of it in refused attempts *",
  teleports: "teleports accepted",
};

export function summaryOf({
  steps,
  spreads,
  smoothLoss,
  heldOut,
  seconds,
  teleports,
  status,
  note,
}: TrainRun): Readonly<Record<keyof typeof columns | "note", string>> {
  const attempts = attemptTexts(teleports);
  const value = (v: number | undefined) => (v === undefined || Number.isNaN(v) ? none : formatValue(v));
  const spread = ({ median, low, high }: Spread) =>
    median.length === 0 ? none : `${value(median.at(-1))} [${value(low.at(-1))}, ${value(high.at(-1))}]`;
  const isSeveral = spreads.count > 1;
  const { evaluated } = spreads;
  const seen = isSeveral ? evaluated.step.at(-1) : heldOut?.step;
  /** Where it is of another step than the rest of the row. */
  const when = seen === undefined || seen === steps ? "" : ` at step ${seen}`;
  const percent = (v: number | undefined) =>
    v === undefined || !Number.isFinite(v) ? none : `${(100 * v).toFixed(1)} %`;
  return {
    steps: String(steps),
    loss: isSeveral ? spread(spreads.smoothLoss) : value(smoothLoss.at(-1)),
    heldOut: (isSeveral ? spread(evaluated.loss) : value(heldOut?.loss)) + when,
    accuracy: percent(isSeveral ? evaluated.accuracy.median.at(-1) : heldOut?.accuracy) + when,
    seconds: formatSeconds((isSeveral ? spreads.seconds.median : seconds).at(-1)),
    refused: attempts.refused,
    teleports: attempts.teleports,
    note: [
      ...(status === "diverged" ? [note] : []),
      ...(isSeveral && spreads.diverged > 0
        ? [`${spreads.diverged} of ${spreads.count} seeds diverged`]
        : []),
      ...(attempts.refusal === undefined ? [] : [attempts.refusal]),
    ].join("; "),
  };
}

/** What a guard allows the loss to move, relative to its size. */
const limits = { batch: 1e-4, heldOut: 0.01 } as const;

export interface Meter {
  readonly label: string;
  /** Place on a logarithmic scale from 1e-16 to 1, of the drift and of the limit. */
  readonly share: number;
  readonly limit: number;
  readonly isKept: boolean;
  readonly text: string;
}

const place = (value: number): number =>
  Math.max(0, Math.min(1, (Math.log10(Math.max(value, 1e-16)) + 16) / 16));

/** How far a run's last teleport moved the loss: on its batch and, where that was measured, on held-out examples. */
export function metersOf({ teleports }: Pick<TrainRun, "teleports">): Meter[] {
  const last = teleports.step.length - 1;
  const [drift, heldOutDrift] = [teleports.drift[last], teleports.heldOutDrift[last]];
  const meter = (label: string, value: number, limit: number): Meter => {
    const isKept = value <= limit;
    return {
      label,
      share: place(value),
      limit: place(limit),
      isKept,
      text: `${value === 0 ? "0" : value.toExponential(1)}: ${isKept ? "kept" : "not kept"}`,
    };
  };
  return [
    meter("Loss of the batch moved by", drift, limits.batch),
    ...(Number.isNaN(heldOutDrift)
      ? []
      : [meter("Loss of other examples moved by", heldOutDrift, limits.heldOut)]),
  ];
}
