// The rows of the table below the charts.
import { formatValue } from "isoloss-figures/base";
import { formatSeconds, none } from "../../app/format.js";
import type { Course, Missing } from "./course.js";

export const columns = {
  loss: "last loss",
  steps: "steps to plain's last loss",
  seconds: "time *",
  teleports: "teleports accepted",
  /** The largest relative change of the loss by one. */
  drift: "largest drift",
};

export function summaryOf(
  run: Course | Missing,
  plain: Course | undefined,
): { readonly [Name in keyof typeof columns]?: string } & { readonly note: string } {
  if ("missing" in run) return { note: run.missing };
  const { loss, seconds, teleports, status, rate, evaluations } = run;
  const accepted = teleports.filter((teleport) => teleport.accepted);
  const target = plain?.loss.at(-1);
  const reached = target === undefined ? -1 : loss.findIndex((value) => value <= target);
  return {
    loss: formatLoss(loss.at(-1)),
    steps: target === undefined ? none : reached < 0 ? "not reached" : String(reached),
    seconds: formatSeconds(seconds.at(-1)),
    teleports: teleports.length === 0 ? none : `${accepted.length} of ${teleports.length}`,
    drift: accepted.length === 0 ? none : Math.max(...accepted.map(({ drift }) => drift)).toExponential(0),
    note: noteOf({
      status,
      rate,
      evaluations,
      steps: loss.length - 1,
      refusals: teleports.filter((t) => !t.accepted),
    }),
  };
}

function noteOf({
  status,
  rate,
  evaluations,
  steps,
  refusals,
}: Pick<Course, "status" | "rate" | "evaluations"> & {
  readonly steps: number;
  readonly refusals: Course["teleports"];
}): string {
  const [refused] = refusals;
  return [
    ...(status === "diverged"
      ? [
          steps < 0
            ? "the loss or its gradient is not finite at the start"
            : `diverged at step ${steps}: a smaller rate may help`,
        ]
      : []),
    ...(status === "stopped" ? [`stopped at step ${steps}`] : []),
    ...(status === "stalled" ? [`ended at step ${steps}: no step lowers the loss any more`] : []),
    ...(rate === undefined ? [] : [`rate ${formatValue(rate)}`]),
    ...(evaluations === undefined ? [] : [`${evaluations} evaluations`]),
    ...(refused === undefined ? [] : [`before step ${refused.step}: ${refused.reason}`]),
  ].join("; ");
}

export const formatLoss = (value: number | undefined): string =>
  value === undefined
    ? none
    : value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)
      ? value.toExponential(3)
      : String(Number(value.toPrecision(5)));
