// The rows of the table below the charts, and what the meters say.
import { formatValue } from "isoloss-figures/base";
import { formatSeconds, none } from "../../app/format.js";
import type { Teleport, TrainRun } from "./run.js";

export const columns = {
  steps: "steps",
  loss: "training loss",
  heldOut: "held-out loss",
  accuracy: "held-out right",
  seconds: "time *",
  teleports: "teleports accepted",
};

export function summaryOf({
  steps,
  smoothLoss,
  evaluations,
  seconds,
  teleports,
  status,
  note,
}: TrainRun): Readonly<Record<keyof typeof columns | "note", string>> {
  const last = evaluations.at(-1);
  const accepted = teleports.filter((teleport) => teleport.accepted);
  const refused = teleports.find((teleport) => !teleport.accepted);
  const value = (v: number | undefined) => (v === undefined || Number.isNaN(v) ? none : formatValue(v));
  return {
    steps: String(steps),
    loss: value(smoothLoss.at(-1)),
    heldOut: value(last?.loss),
    accuracy:
      last === undefined || Number.isNaN(last.accuracy) ? none : `${(100 * last.accuracy).toFixed(1)} %`,
    seconds: formatSeconds(seconds.at(-1)),
    teleports: teleports.length === 0 ? none : `${accepted.length} of ${teleports.length}`,
    note: [
      ...(status === "diverged" ? [note] : []),
      ...(refused ? [`before step ${refused.step}: ${refused.reason}`] : []),
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

/** How far a teleport moved the loss: on its batch and on held-out examples. */
export function metersOf({ drift, heldOutDrift }: Teleport): Meter[] {
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
    ...(heldOutDrift === undefined
      ? []
      : [meter("Loss of other examples moved by", heldOutDrift, limits.heldOut)]),
  ];
}
